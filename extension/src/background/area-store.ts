// A wallet's storage in an area that private windows share with others (`storage.local`): their own database is forgotten with
// them, and money must not be. One worker uses it at a time.
import type { Json } from '@farthing/protocol';
import type { Change, WalletStore } from '@farthing/wallet';
import { turns } from './one-at-a-time.ts';

/** As `storage.local`: a `set` of several items is one step. */
export type Area = {
  get(keys: string[] | null): Promise<Record<string, unknown>>;
  set(items: Record<string, unknown>): Promise<void>;
  remove(keys: string[]): Promise<void>;
};

/** A document, or that there is none any more: what is deleted goes with what is written, in the same step. */
type Item = { readonly doc: Json } | { readonly gone: true };

const lines = new WeakMap<Area, ReturnType<typeof turns>>();

/** One step after the other: the area knows no transactions. */
function inTurn<Value>(area: Area, step: () => Promise<Value>): Promise<Value> {
  const line = lines.get(area) ?? turns();
  lines.set(area, line);
  return line(step);
}

/** Documents under names that begin with `prefix`. */
export function areaStore(area: Area, prefix: string): WalletStore {
  return {
    read: (keys) => inTurn(area, () => readAll(area, prefix, keys)),
    update: (keys, change) => inTurn(area, () => update(area, prefix, { keys, change })),
    list: (of, options = {}) => inTurn(area, () => list(area, prefix + of, { prefix, ...options })),
  };
}

/** Forgets every document. */
export const clearArea = (area: Area, prefix: string): Promise<void> =>
  inTurn(area, async () => area.remove(Object.keys(await area.get(null)).filter((name) => name.startsWith(prefix))));

export const isEmptyArea = (area: Area, prefix: string): Promise<boolean> =>
  inTurn(area, async () => {
    const items = Object.entries(await area.get(null));
    return !items.some(([name, item]) => name.startsWith(prefix) && docOf(item) !== undefined);
  });

const docOf = (item: unknown): Json | undefined =>
  // Only `update` writes these names, so what stands there is an item of ours.
  item !== null && typeof item === 'object' && 'doc' in item ? (item as { doc: Json }).doc : undefined;

async function readAll(area: Area, prefix: string, keys: readonly string[]): Promise<(Json | undefined)[]> {
  const items = await area.get(keys.map((key) => prefix + key));
  return keys.map((key) => docOf(items[prefix + key]));
}

type Step<Result> = {
  readonly keys: readonly string[];
  readonly change: (docs: readonly (Json | undefined)[]) => Change<Result>;
};

async function update<Result>(area: Area, prefix: string, { keys, change }: Step<Result>): Promise<Result> {
  const { put, result } = change(await readAll(area, prefix, keys));
  const items: Record<string, Item> = {};
  for (const [key, doc] of Object.entries(put)) {
    if (!keys.includes(key)) throw new TypeError(`the change puts ${key}, which it did not read`);
    items[prefix + key] = doc === undefined ? { gone: true } : { doc };
  }
  const names = Object.keys(items);
  if (names.length === 0) return result;
  await area.set(items);
  const gone = names.filter((name) => 'gone' in (items[name] ?? {}));
  if (gone.length > 0) await area.remove(gone).catch(() => undefined); // what is marked as gone may stay
  return result;
}

type ListOptions = { prefix: string; limit?: number; reverse?: boolean; before?: string };

async function list(
  area: Area,
  from: string,
  { prefix, limit = Number.POSITIVE_INFINITY, reverse = false, before }: ListOptions,
): Promise<{ key: string; value: Json }[]> {
  const found: { key: string; value: Json }[] = [];
  for (const [name, item] of Object.entries(await area.get(null))) {
    const value = name.startsWith(from) ? docOf(item) : undefined;
    const key = name.slice(prefix.length);
    if (value !== undefined && (before === undefined || key < before)) found.push({ key, value });
  }
  found.sort((a, b) => (a.key < b.key ? -1 : 1));
  return (reverse ? found.reverse() : found).slice(0, limit);
}
