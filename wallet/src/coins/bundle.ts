// Coins as they lie in the purse of a site: one coin that is locked to it, or all that a payment has set aside.
import { decode, type Json } from '@farthing/protocol';
import { phaseOf, type purse as purses } from '@farthing/protocol/wallet';
import * as v from 'valibot';
import { toJson } from '../documents.ts';
import type { StoredCoin } from '../till.ts';
import { coinSchemas } from './documents.ts';
import { type CoinDoc, sumOf } from './purse.ts';

const bundleSchema = v.object({
  /** Coins of the site alone, or of those that go everywhere. */
  lock: v.picklist(['none', 'vendor']),
  coins: v.array(coinSchemas.coin),
  /** Where the change comes from that the receipt is to bring. */
  planned: v.array(v.object({ ks: v.string(), counter: v.number() })),
});
export type Bundle = v.InferOutput<typeof bundleSchema>;

/** @throws {PaymentProblem} `storage-fault` */
export const bundleIn = (piece: Json): Bundle => decode(bundleSchema, piece, 'storage-fault');

/** As a purse keeps it, until the broker takes none of its coins any more. */
export function bundled(bundle: Bundle, { keysets }: Pick<purses.Mint, 'keysets'>): StoredCoin {
  const ends = bundle.coins.map(({ ks }) => (keysets.get(ks)?.record.reclaimUntil ?? 0) * 1000);
  return { piece: toJson(bundle), micro: sumOf(bundle.coins), expiresAtMs: Math.max(...ends) };
}

/** Each of these coins by itself, free. */
export const unbundled = ({ lock, coins }: Bundle, expiresAtMs: number): StoredCoin[] =>
  coins.map((coin) => ({ piece: toJson({ lock, coins: [coin], planned: [] }), micro: coin.micro, expiresAtMs }));

/** Can a payment take coins of this keyset now? */
export function isSpendable(ks: string, { keysets }: Pick<purses.Mint, 'keysets'>, nowMs: number): boolean {
  const keyset = keysets.get(ks);
  return keyset !== undefined && keyset.revoked !== true && phaseOf(keyset.record, nowMs) === 'spend';
}

/** The coins that lie free in a site's purse, and are locked to it. */
export const lockedIn = (stored: readonly StoredCoin[]): { coin: CoinDoc; stored: StoredCoin }[] =>
  stored.flatMap((one) => {
    const [coin] = one.holder === undefined && one.ended !== true ? bundleIn(one.piece).coins : [];
    return coin ? [{ coin, stored: one }] : [];
  });
