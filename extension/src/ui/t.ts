// Texts: the files of `_locales`, read by our own `t()`: named placeholders, plurals, and a language that people pick.
import { type ComponentChild, Fragment, h } from 'preact';
import type en from '../../_locales/en/messages.json';

export type Key = keyof typeof en;
/** Plural keys are written `name_one`, `name_other` and so on; `plural('name', n)` picks one. */
type PluralKey = Key extends infer K ? (K extends `${infer Base}_other` ? Base : never) : never;
export type Texts = Readonly<Record<string, { readonly message: string }>>;

export const languages = ['en', 'de', 'es', 'ar'] as const;
export type Language = (typeof languages)[number];

let texts: Texts = {};
let tag = 'en';
const plurals = new Map<string, Intl.PluralRules>();

/** BCP 47 tag for Intl: the browser's own when its language is ours, so that digits follow its region. */
export const localeTag = () => tag;
export const direction = () => (tag.startsWith('ar') ? 'rtl' : 'ltr');

export function useTexts(localeTagGiven: string, given: Texts): void {
  tag = localeTagGiven;
  texts = given;
}

const pattern = (key: string) => texts[key]?.message ?? key;

export function t(key: Key, params: Readonly<Record<string, string | number>> = {}): string {
  return pattern(key).replace(/\{([a-z]+)\}/gi, (whole, name: string) => String(params[name] ?? whole));
}

/** The same with elements in the places, such as amounts. */
export function tx(key: Key, params: Readonly<Record<string, ComponentChild>>): ComponentChild {
  return fill(pattern(key), params);
}

export function plural(
  base: PluralKey,
  count: number,
  params: Readonly<Record<string, ComponentChild>> = {},
): ComponentChild {
  const rules = plurals.get(tag) ?? new Intl.PluralRules(tag);
  plurals.set(tag, rules);
  const key = `${base}_${rules.select(count)}`;
  return fill(pattern(key in texts ? key : `${base}_other`), { count: count.toLocaleString(tag), ...params });
}

function fill(text: string, params: Readonly<Record<string, ComponentChild>>): ComponentChild {
  const parts = text.split(/(\{[a-z]+\})/i);
  const children = parts.map((part) => {
    const name = /^\{([a-z]+)\}$/i.exec(part)?.[1];
    return name === undefined ? part : (params[name] ?? part);
  });
  return h(Fragment, null, ...children);
}

/** Keys that come from elsewhere, such as a method's own description; the key itself when there is no text. */
export const has = (key: string): key is Key => key in texts;
export const isPlural = (base: string): base is PluralKey => `${base}_other` in texts;
