// The operator's jobs that belong to coins: which keys there are, what each has out, and what to do when one was stolen.
import { nodeEnv } from '@farthing/node-kit';
import { type Currency, parseJson } from '@farthing/protocol';
import { keysetSchema, phaseOf } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Place } from './books/open.ts';
import { int, num, text } from './ledger/rows.ts';
import { currencyOf } from './ledger/scrip.ts';
import { type Outcome, read, shown, write } from './operate.ts';
import type { Wanted } from './services/key-wishes.ts';
import { follow, makeKeys, revoke } from './services/keysets.ts';

type Listed = Wanted & {
  readonly ks: string;
  readonly epoch: number;
  readonly state: string;
  readonly phase: string;
  readonly issued: bigint;
  readonly redeemed: bigint;
  readonly held: bigint;
  readonly epochDays: number;
};

const DAY = 86_400;

/** `vnd` empty: its coins go everywhere. Coins in hands are worth what is outstanding. */
export async function listKeysets(place: Place): Promise<Outcome> {
  const all = await readKeysets(place);
  const keysets = all.map(({ ks, cur, denom, vnd, epoch, state, phase, issued, redeemed, held }) => ({
    ...{ ks, cur, denom: denom.toString(), vnd, epoch, state, phase },
    ...{ issued: issued.toString(), redeemed: redeemed.toString(), held: held.toString() },
    outstanding: (issued - redeemed - held).toString(),
  }));
  const lines = all.map(({ ks, cur, denom, vnd, epoch, state, phase, ...sums }) => {
    const about = [vnd === '' ? 'everywhere' : vnd, `epoch ${epoch}`, state === 'live' ? phase : state];
    return [ks, shown(denom, cur), ...about, `${out(sums, cur)} out`].join('\t');
  });
  const locks = Map.groupBy(all, ({ vnd, cur }) => `${vnd === '' ? 'everywhere' : vnd}\t${cur}`);
  const sums = [...locks].map(([lock, own]) => {
    const sum = { issued: 0n, redeemed: 0n, held: 0n };
    for (const one of own) for (const name of names) sum[name] += one[name];
    return `${lock}\t${own.length} keysets\t${out(sum, own[0]?.cur ?? 'usd-micro')} out`;
  });
  return { lines: lines.length > 0 ? [...lines, ...sums] : ['No keys were made.'], json: { keysets }, status: 0 };
}

const names = ['issued', 'redeemed', 'held'] as const;
const out = ({ issued, redeemed, held }: Pick<Listed, (typeof names)[number]>, cur: Currency): string =>
  shown(issued - redeemed - held, cur);

async function readKeysets(place: Place): Promise<Listed[]> {
  const { nowMs } = nodeEnv();
  const rows = await read(place, 'SELECT * FROM keyset ORDER BY vnd, cur, denom, epoch');
  return rows.map((row) => {
    const record = v.parse(keysetSchema, parseJson(text(row, 'doc')));
    return {
      ...{ ks: text(row, 'ks'), cur: currencyOf(row), denom: int(row, 'denom'), vnd: text(row, 'vnd') },
      ...{ epoch: num(row, 'epoch'), state: text(row, 'state'), phase: phaseOf(record, nowMs) },
      ...{ issued: int(row, 'issued'), redeemed: int(row, 'redeemed'), held: int(row, 'held') },
      epochDays: (record.spendUntil - record.nbf) / DAY,
    };
  });
}

/**
 * A key was stolen, or is feared to be: its coins pay nobody any more, but can be swapped for others as long as those of its
 * epoch. One that the broker stopped by itself can be swapped again. The next epoch's key takes its place at once.
 * @throws {Error} there is no such keyset
 */
export async function revokeKeyset(place: Place, ks: string): Promise<void> {
  const all = await readKeysets(place);
  const found = all.find((one) => one.ks === ks);
  if (!found) throw new Error(`there is no keyset ${ks}: broker keysets lists them`);
  const hasNext = all.some((one) => isSame(one, found) && one.epoch > found.epoch && one.state === 'live');
  const wanted = hasNext ? [] : [found];
  const made = await makeKeys(wanted.length);
  await write(place, (desk) => {
    revoke(ks, desk);
    follow(wanted, made, desk);
  });
}

/** The next epoch of every key whose coins can be spent. Those of the last one can be spent until it ends. */
export async function rotateKeysets(place: Place): Promise<void> {
  const newest = new Map((await readKeysets(place)).map((one) => [`${one.vnd} ${one.cur} ${one.denom}`, one]));
  const wanted = [...newest.values()].filter(({ phase }) => phase !== 'over');
  const made = await makeKeys(wanted.length);
  await write(place, (desk) => follow(wanted, made, desk));
}

const isSame = (a: Wanted, b: Wanted): boolean => a.cur === b.cur && a.denom === b.denom && a.vnd === b.vnd;
