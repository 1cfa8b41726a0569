// The opening record: what the broker signs when a period leaves its ledger. It names the file, what was in it, and what is carried
// over, so that neither can be exchanged afterwards.
import { createHash } from 'node:crypto';
import {
  type Crypto,
  canonicalJson,
  isObject,
  objectHash,
  parseJson,
  signObject,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import * as v from 'valibot';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
/** Numbers of the first and the last of them; where there is none the first is one more than the last. */
const range = v.strictObject({ first: count, last: count });

/** A name in a folder, and no way out of it. */
const fileName = v.pipe(v.string(), v.regex(/^[\w][\w.-]{0,99}$/));

const openingSchema = v.strictObject({
  typ: v.literal('opening/1'),
  brk: v.string(),
  /** Periods are numbered from 1. */
  n: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /** Milliseconds: from the moment of `from` up to before that of `until`. */
  from: count,
  until: count,
  entries: range,
  orders: range,
  /** Hash of the last entry, which the next one goes on from. */
  head: v.string(),
  /** Hash of the record before; empty in the first one. */
  prev: v.string(),
  file: v.strictObject({ name: fileName, bytes: count, sha256 }),
  /** Over the sum of each account: see `sumsDigest`. */
  sums: sha256,
  /** Over what the audit goes on from. */
  state: v.strictObject({ bytes: count, sha256 }),
  /** Seconds. */
  at: count,
  sig: v.string(),
});
export type Opening = v.InferOutput<typeof openingSchema>;

export function signOpening(unsigned: Omit<Opening, 'typ' | 'sig'>, seed: Uint8Array, crypto: Crypto): Opening {
  const body = { typ: 'opening/1' as const, ...unsigned };
  return { ...body, sig: signObject(body, seed, crypto) };
}

/** Canonical JSON of a record that this broker signed; `undefined` for everything else. */
export function readOpening(text: string, { brk, root }: { brk: string; root: string }, crypto: Crypto) {
  const json = parseJson(text);
  const opening = tryDecode(openingSchema, json);
  if (!opening || !isObject(json) || canonicalJson(json) !== text || opening.brk !== brk) return undefined;
  return verifyObject(opening, root, opening.sig, crypto) ? opening : undefined;
}

/** The second record goes on where the first ends. */
export function follows(opening: Opening, before: Opening | undefined, crypto: Crypto): boolean {
  const { n, from, until, entries, orders, prev } = opening;
  return (
    n === (before?.n ?? 0) + 1 &&
    prev === (before ? objectHash(before, crypto) : '') &&
    entries.first === (before?.entries.last ?? 0) + 1 &&
    orders.first === (before?.orders.last ?? 0) + 1 &&
    entries.last >= entries.first - 1 &&
    orders.last >= orders.first - 1 &&
    until > from &&
    from >= (before?.until ?? 0)
  );
}

export type Sum = { readonly account: string; readonly cur: string; readonly amount: bigint; readonly lines: bigint };

/** Over one line for each account, in the order of account and currency. */
export function sumsDigest(sums: Iterable<Sum>): string {
  const hash = createHash('sha256');
  for (const { account, cur, amount, lines } of sums)
    hash.update(`${canonicalJson([account, cur, `${amount}`, `${lines}`])}\n`);
  return hash.digest('hex');
}
