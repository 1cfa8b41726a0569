// Keysets with their totals, spent coins, blind signatures, and payments that wait for their sites.

import { blindSigner, nativeRsa } from '@farthing/node-kit';
import { type Crypto, type Currency, canonicalJson, type Json, PaymentProblem, parseJson } from '@farthing/protocol';
import {
  ecash,
  type KeyList,
  type Keyset,
  type KeysetRecord,
  type KeysetTotals,
  keyListSchema,
  keysetOf,
  keysetSchema,
  type MintKeys,
  type TotalsStep,
} from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { blob, int, num, type Row, text } from './rows.ts';
import { currencyOf } from './scrip.ts';
import type { BatchRow } from './vendors.ts';

export type KeysetState = 'live' | 'revoked' | 'stopped';
/** A keyset as the mint has it: what it may sign with, and whether it still does. */
export type MintKeyset = {
  readonly keyset: Keyset;
  readonly state: KeysetState;
  /** `undefined`: the number is not below the modulus. */
  sign(blinded: Uint8Array): Uint8Array | undefined;
};

export type PaymentState = 'held' | 'paid' | 'void' | 'swapped';
export type CoinRef = { readonly ks: string; readonly pk: string };
/** `hash` names all that was signed over; `until` in seconds. */
export type PaymentRow = {
  readonly vnd: string;
  readonly challenge: string;
  readonly cur: Currency;
  readonly amount: bigint;
  readonly hash: string;
  readonly coins: readonly CoinRef[];
  readonly change: readonly string[];
  readonly receipt: Json;
  readonly until: number;
  readonly state: PaymentState;
  /** The broker that presented it for a site of its own, and is paid in its place; empty: the site is ours. */
  readonly via: string;
};
export type EcashAlarm = { readonly n: number; readonly challenge: string; readonly why: string };

const coinRefs = v.array(v.object({ ks: v.string(), pk: v.string() }));
const texts = v.array(v.string());

export function openEcash(db: Books, crypto: Crypto) {
  const addKeyset = db.prepare(
    `INSERT INTO keyset (ks, cur, denom, vnd, epoch, doc, pkcs8, state, issued, redeemed, held)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'live', 0, 0, 0)`,
  );
  const getKeysets = db.prepare('SELECT * FROM keyset ORDER BY vnd, cur, denom, epoch');
  const setState = db.prepare('UPDATE keyset SET state = ? WHERE ks = ?');
  const getTotals = db.prepare('SELECT issued, redeemed, held FROM keyset WHERE ks = ?');
  const setTotals = db.prepare('UPDATE keyset SET issued = ?, redeemed = ?, held = ? WHERE ks = ?');
  const addList = db.prepare('INSERT INTO key_list (vnd, no, doc) VALUES (?, ?, ?)');
  const getList = db.prepare('SELECT doc FROM key_list WHERE vnd = ? ORDER BY no DESC LIMIT 1');
  const addCoin = db.prepare('INSERT INTO spent_coin (pk, ks, use) VALUES (?, ?, ?) ON CONFLICT (pk) DO NOTHING');
  const getCoin = db.prepare('SELECT use FROM spent_coin WHERE pk = ?');
  const dropCoin = db.prepare('DELETE FROM spent_coin WHERE pk = ? AND use = ?', {
    rows: ['spent_coin WHERE pk = ?1'],
  });
  const useCoin = db.prepare('UPDATE spent_coin SET use = ? WHERE pk = ? AND use = ?', {
    rows: ['spent_coin WHERE pk = ?2'],
  });
  const addSignature = db.prepare(
    'INSERT INTO blind_signature (ks, b, sig) VALUES (?, ?, ?) ON CONFLICT (ks, b) DO NOTHING',
  );
  const getSignature = db.prepare('SELECT sig FROM blind_signature WHERE ks = ? AND b = ?');
  const addPayment = db.prepare(
    `INSERT INTO coin_payment (vnd, challenge, cur, amount, hash, coins, change, receipt, until, state, via, cleared)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
  );
  const getPayment = db.prepare('SELECT * FROM coin_payment WHERE vnd = ? AND challenge = ?');
  const setPayment = db.prepare(
    'UPDATE coin_payment SET state = ?, receipt = ?, until = ? WHERE vnd = ? AND challenge = ?',
  );
  const overdue = db.prepare("SELECT * FROM coin_payment WHERE state = 'held' AND until < ? ORDER BY until LIMIT ?");
  const lastBatch = db.prepare('SELECT n, hash FROM ecash_batch WHERE vnd = ? ORDER BY n DESC LIMIT 1');
  const addBatch = db.prepare(
    'INSERT INTO ecash_batch (hash, vnd, n, prev, from_key, rid, credited, fee) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const addAlarm = db.prepare('INSERT INTO ecash_alarm (batch, n, vnd, challenge, why) VALUES (?, ?, ?, ?, ?)');

  /** Keysets change a few times a year and are asked for with every coin. */
  let cache: Cache | undefined;
  const cached = (): Cache => {
    // Another process, such as the operator's command, may have revoked one.
    const version = db.version();
    if (cache?.version !== version) cache = undefined;
    cache ??= cacheOf(getKeysets.all(), { version, crypto });
    return cache;
  };

  let changed = false;
  const change = (): void => {
    cache = undefined;
    changed = true;
  };

  return {
    keysets: (): ReadonlyMap<string, MintKeyset> => cached().keysets,
    /** As the pure rules want them. */
    mintKeys: (): MintKeys => cached().mintKeys,
    addKeyset(record: KeysetRecord, pkcs8: Uint8Array): void {
      const { ks } = keysetOf(record, crypto);
      const { cur, denom, vnd = '', epoch } = record;
      addKeyset.run(ks, cur, BigInt(denom), vnd, epoch, canonicalJson(record), pkcs8);
      change();
    },
    setState(ks: string, state: KeysetState): void {
      setState.run(state, ks);
      change();
    },
    /** After a transaction was rolled back: what it added is not there. */
    forget(): void {
      if (changed) cache = undefined;
      changed = false;
    },
    list(vnd: string): KeyList | undefined {
      const row = getList.get(vnd);
      return row && v.parse(keyListSchema, parseJson(text(row, 'doc')));
    },
    addList(list: KeyList): void {
      addList.run(list.vnd ?? '', list.no, canonicalJson(list));
    },

    totals(ks: string): KeysetTotals {
      const row = getTotals.get(ks);
      if (!row) throw new PaymentProblem('keyset-unknown');
      return { issued: int(row, 'issued'), redeemed: int(row, 'redeemed'), held: int(row, 'held') };
    },
    /** All of it or nothing. @throws {KeysetOverdrawn} a keyset would redeem more than it issued */
    addTotals(step: TotalsStep): void {
      db.gather(() => [...step.keys()].map((ks) => getTotals.get(ks)));
      const sums = [...step].map(([ks, more]) => ({ ks, ...sumOf(ks, this.totals(ks), more) }));
      for (const { ks, issued, redeemed, held } of sums) setTotals.run(issued, redeemed, held, ks);
    },

    /** Each coin once. @throws {PaymentProblem} `coin-spent`, with those that were spent before */
    spend(coins: readonly CoinRef[], use: string): void {
      db.gather(() => coins.map(({ pk }) => getCoin.get(pk)));
      const spent = coins.filter(({ pk, ks }) => Number(addCoin.run(pk, ks, use).changes) !== 1);
      if (spent.length > 0) throw coinsSpent(spent);
    },
    useOf(pk: string): string | undefined {
      const row = getCoin.get(pk);
      return row && text(row, 'use');
    },
    /** The coins are good again. */
    free(coins: readonly CoinRef[], use: string): void {
      db.gather(() => coins.map(({ pk }) => dropCoin.run(pk, use)));
      for (const { pk } of coins) dropCoin.run(pk, use);
    },
    reuse(coins: readonly CoinRef[], use: { from: string; to: string }): void {
      db.gather(() => coins.map(({ pk }) => useCoin.run(use.to, pk, use.from)));
      for (const { pk } of coins) useCoin.run(use.to, pk, use.from);
    },

    /** False: this was signed before, for another order. */
    addSignature: (ks: string, b: string, sig: string): boolean => Number(addSignature.run(ks, b, sig).changes) === 1,
    signature(ks: string, b: string): string | undefined {
      const row = getSignature.get(ks, b);
      return row && text(row, 'sig');
    },

    addPayment(row: PaymentRow): void {
      const { vnd, challenge, cur, amount, hash, coins, change, receipt, until, state, via } = row;
      const [refs, signatures] = [canonicalJson(coins as unknown as Json), canonicalJson([...change])];
      addPayment.run(vnd, challenge, cur, amount, hash, refs, signatures, canonicalJson(receipt), until, state, via);
    },
    payment(vnd: string, challenge: string): PaymentRow | undefined {
      const row = getPayment.get(vnd, challenge);
      return row && paymentOf(row);
    },
    setPayment({ vnd, challenge, state, receipt, until }: PaymentRow): void {
      setPayment.run(state, canonicalJson(receipt), until, vnd, challenge);
    },
    /** Held payments whose time (seconds) was over before a moment. */
    overdue: (before: number, most: number): PaymentRow[] => overdue.all(before, most).map(paymentOf),

    lastBatch(vnd: string): { n: number; hash: string } {
      const row = lastBatch.get(vnd);
      return row ? { n: num(row, 'n'), hash: text(row, 'hash') } : { n: 0, hash: '' };
    },
    addBatch(batch: BatchRow, alarms: readonly EcashAlarm[]): void {
      const { hash, vnd } = batch;
      addBatch.run(hash, vnd, batch.n, batch.prev, batch.from, batch.rid, batch.credited, batch.fee);
      for (const { n, challenge, why } of alarms) addAlarm.run(hash, n, vnd, challenge, why);
    },
  };
}

/** Whoever presents coins has signed with their keys: which of them are gone is no secret to him. */
export const coinsSpent = (coins: readonly CoinRef[]): PaymentProblem =>
  new PaymentProblem('coin-spent', { consumed: true, members: { spent: coins.map(({ pk }) => pk) } });

/** More coins of a keyset came than were made. The order is refused, and the keyset stopped. */
export class KeysetOverdrawn extends PaymentProblem {
  readonly ks: string;

  constructor(ks: string) {
    super('keyset-stopped');
    this.ks = ks;
  }
}

function sumOf(ks: string, row: KeysetTotals, step: KeysetTotals): KeysetTotals {
  try {
    return ecash.addTotals(row, step);
  } catch (error) {
    throw error instanceof ecash.OverdrawnError ? new KeysetOverdrawn(ks) : error;
  }
}

type Cache = {
  readonly version: unknown;
  readonly keysets: ReadonlyMap<string, MintKeyset>;
  readonly mintKeys: MintKeys;
};

function cacheOf(rows: readonly Row[], { version, crypto }: Pick<Cache, 'version'> & { crypto: Crypto }): Cache {
  const keysets = new Map(
    rows.map((row): [string, MintKeyset] => {
      const record = v.parse(keysetSchema, parseJson(text(row, 'doc')));
      const state = keysetStates.find((one) => one === row['state']) ?? 'stopped';
      return [text(row, 'ks'), { keyset: keysetOf(record, crypto), state, sign: blindSigner(blob(row, 'pkcs8')) }];
    }),
  );
  const known = [...keysets];
  const mintKeys = {
    keysets: new Map(known.map(([ks, { keyset }]) => [ks, keyset])),
    revoked: new Set(known.filter(([, { state }]) => state !== 'live').map(([ks]) => ks)),
    stopped: new Set(known.filter(([, { state }]) => state === 'stopped').map(([ks]) => ks)),
    rsa: nativeRsa,
  };
  return { version, keysets, mintKeys };
}

const keysetStates: readonly KeysetState[] = ['live', 'revoked', 'stopped'];
const states: readonly PaymentState[] = ['held', 'paid', 'void', 'swapped'];

const paymentOf = (row: Row): PaymentRow => ({
  vnd: text(row, 'vnd'),
  challenge: text(row, 'challenge'),
  cur: currencyOf(row),
  amount: int(row, 'amount'),
  hash: text(row, 'hash'),
  coins: v.parse(coinRefs, parseJson(text(row, 'coins'))),
  change: v.parse(texts, parseJson(text(row, 'change'))),
  receipt: parseJson(text(row, 'receipt')) ?? null,
  until: num(row, 'until'),
  state: states.find((state) => state === row['state']) ?? 'held',
  via: text(row, 'via'),
});
