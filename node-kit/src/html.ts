// One tagged template that escapes every value. Only what this file marks as markup goes through as it is.

class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type { Markup };

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (letter) => ESCAPES[letter] ?? '');

type Value = string | number | Markup | undefined | readonly (string | Markup)[];

/** Strings are escaped, markup of this tag stays, lists are joined, `undefined` is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  const print = (value: Value): string => {
    if (value === undefined) return '';
    if (value instanceof Markup) return value.text;
    if (Array.isArray(value)) return value.map((item: string | Markup) => print(item)).join('');
    return escaped(String(value));
  };
  return new Markup(String.raw({ raw: parts }, ...values.map(print)));
}

/** A data block: JSON that cannot end its element or start another. */
export function dataBlock(type: string, id: string, json: unknown): Markup {
  const text = JSON.stringify(json).replace(
    /[<>&\u2028\u2029]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new Markup(`<script type="${escaped(type)}" id="${escaped(id)}">${text}</script>`);
}

/** The site's own style sheet, which holds no value from outside. */
export const styleBlock = (css: string, nonce: string): Markup =>
  new Markup(`<style nonce="${escaped(nonce)}">${css}</style>`);
