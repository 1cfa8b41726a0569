// What the wallet of private windows and the other one say to each other. They are two processes with nothing in common but
// this area: no page, cookie, connection or database of one is known to the other.
import * as v from 'valibot';
import { browser } from '../../browser.ts';
import type { Area } from '../area-store.ts';

/** The pocket's documents; a purse of its own. */
export const POCKET = 'pocket/';

const id = v.pipe(v.string(), v.uuid());
const names = {
  /** Private → other: money is wanted. */
  wish: ['mail wish', v.object({ id, amount: v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,17}$/)), atMs: v.number() })],
  /** Other → private: a gift, or why there is none. */
  answer: ['mail answer', v.object({ id, text: v.exactOptional(v.string()), code: v.exactOptional(v.string()) })],
  /** Private → other: when a worker of private windows last showed that there are some. */
  alive: ['mail alive', v.object({ atMs: v.number() })],
} as const;
type Name = keyof typeof names;
export type Mail<Of extends Name> = v.InferOutput<(typeof names)[Of][1]>;

/** `browser.storage.local` as the stores use it. */
export const shared: Area = {
  get: (keys) => browser.storage.local.get(keys),
  set: (items) => browser.storage.local.set(items),
  remove: (keys) => browser.storage.local.remove(keys),
};

function read<Of extends Name>(name: Of, value: unknown): Mail<Of> | undefined {
  const parsed = v.safeParse(names[name][1], value);
  return parsed.success ? (parsed.output as Mail<Of>) : undefined;
}

export async function mail<Of extends Name>(name: Of): Promise<Mail<Of> | undefined> {
  const key = names[name][0];
  return read(name, (await shared.get([key]))[key]);
}
export const write = <Of extends Name>(name: Of, said: Mail<Of>): Promise<void> =>
  shared.set({ [names[name][0]]: said });
export const forget = (...what: Name[]): Promise<void> => shared.remove(what.map((name) => names[name][0]));

/** Calls `listener` with each new letter. Must run in the worker's first turn. */
export function onMail<Of extends Name>(name: Of, listener: (said: Mail<Of>) => void): void {
  browser.storage.local.onChanged.addListener((changes) => {
    const change: unknown = Object.hasOwn(changes, names[name][0]) ? Reflect.get(changes, names[name][0]) : undefined;
    const value = typeof change === 'object' && change !== null && 'newValue' in change ? change.newValue : undefined;
    const said = read(name, value);
    if (said) listener(said);
  });
}
