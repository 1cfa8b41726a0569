// Coins as they are stored, and as the protocol's functions take them.
import { PaymentProblem } from '@farthing/protocol';
import { DENOMINATIONS, phaseOf, type purse, split } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { listDocs, readOne, type Transaction } from '../transaction.ts';

/** The name of coins among the payment methods. */
export const ECASH = 'ecash';

export type CoinDoc = Doc<'coin'>;

export const toPurseCoin = ({ ks, pk, sig, counter }: CoinDoc): purse.PurseCoin => ({ coin: { ks, pk, sig }, counter });

/** The free coins of one broker and their counters, as stored now. */
export async function loadPurse(ctx: Context, brk: string): Promise<{ purse: purse.Purse; docs: readonly CoinDoc[] }> {
  const [found, counters] = await Promise.all([
    listDocs(ctx.store, 'coin', keys.coin(brk, '')),
    readOne(ctx.store, 'counters', keys.counters(brk)),
  ]);
  const docs = found.map(({ doc }) => doc);
  const cur = ctx.broker(brk).currency;
  return { purse: { brk, cur, coins: docs.map(toPurseCoin), next: counters?.next ?? {} }, docs };
}

/** The stored coins that these are. @throws {PaymentProblem} `storage-fault` */
export function docsOf(coins: readonly purse.PurseCoin[], docs: readonly CoinDoc[]): CoinDoc[] {
  return coins.map(({ coin }) => {
    const doc = docs.find(({ pk }) => pk === coin.pk);
    if (!doc) throw new PaymentProblem('storage-fault', { detail: 'a stored coin is missing' });
    return doc;
  });
}

export const coinKeysOf = (brk: string, coins: readonly { readonly pk: string }[]): string[] =>
  coins.map(({ pk }) => keys.coin(brk, pk));

export function putCoins(tx: Transaction, brk: string, coins: readonly CoinDoc[]): void {
  for (const coin of coins) tx.put('coin', keys.coin(brk, coin.pk), coin);
}

/** With the values that their keysets give them. */
export const toDocs = (coins: readonly purse.PurseCoin[], mint: purse.Mint): CoinDoc[] =>
  coins.map(({ coin, counter }) => ({ ...coin, counter, micro: mint.keysets.get(coin.ks)?.value ?? 0n }));

export const sumOf = (coins: readonly { readonly micro: bigint }[]): bigint =>
  coins.reduce((sum, { micro }) => sum + micro, 0n);

/** What this broker makes coins of now. */
export function denominationsOf({ keysets }: purse.Mint, nowMs: number): bigint[] {
  const values = [...keysets.values()]
    .filter(({ record, revoked }) => !revoked && record.vnd === undefined && phaseOf(record, nowMs) === 'spend')
    .map(({ value }) => value);
  return DENOMINATIONS.filter((value) => values.includes(value));
}

/** Coins of one order: what is asked for and what is given stay below the broker's bound on a body together. */
export const MOST_COINS = 48;
/** How many coins an amount is held in: enough that the next prices need no change. */
const HANDY = 12;

/**
 * Values to hold an amount in: few coins, but small ones among them. The largest coin is broken first.
 * @throws {PaymentProblem} `sum-wrong`: the broker's coins do not make this amount, or too many of them would
 */
export function handyValues(amountMicro: bigint, denominations: readonly bigint[], about: number = HANDY): bigint[] {
  const values = exactValues(amountMicro, denominations);
  for (let place = 0; place < values.length && values.length < about; ) {
    const value = values[place] ?? 0n;
    const parts = value.toString().startsWith('5')
      ? [(value / 5n) * 2n, (value / 5n) * 2n, value / 5n]
      : [value / 2n, value / 2n];
    if (!parts.every((part) => denominations.includes(part))) {
      place++;
      continue;
    }
    values.splice(place, 1, ...parts);
    values.sort((a, b) => (a < b ? 1 : -1));
    place = 0;
  }
  return values;
}

/** The fewest coins. @throws {PaymentProblem} `sum-wrong` */
export function exactValues(amountMicro: bigint, denominations: readonly bigint[]): bigint[] {
  const largest = denominations.reduce((most, one) => (one > most ? one : most), 0n);
  const wrong = (detail: string) => new PaymentProblem('sum-wrong', { detail });
  // Before splitting: a huge amount in small coins would be a long list.
  if (largest === 0n || amountMicro / largest > BigInt(MOST_COINS)) throw wrong(`at most ${MOST_COINS} coins at once`);
  try {
    const values = split(amountMicro, denominations);
    if (values.length > MOST_COINS) throw wrong(`at most ${MOST_COINS} coins at once`);
    return values;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw wrong('the coins of this broker do not make this amount');
  }
}
