// Coins from hand to hand: given as text, taken in by a swap at once, called back while nobody has taken them.
import { limits, PaymentProblem } from '@farthing/protocol';
import { makeGift, pickCoins, printGift, purse as purses, readGift, signedGift } from '@farthing/protocol/wallet';
import { init } from '../account.ts';
import type { GiftInfo, TakenGift } from '../coin-types.ts';
import { type Context, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { needRecord, ownRecord } from '../journal.ts';
import { listDocs, readOne, transact } from '../transaction.ts';
import type { PaymentRecord } from '../types.ts';
import { worldsFault } from '../world.ts';
import { advanceJob, beginJob } from './jobs.ts';
import {
  type CoinDoc,
  coinKeysOf,
  denominationsOf,
  docsOf,
  ECASH,
  exactValues,
  handyValues,
  loadPurse,
  MOST_COINS,
  sumOf,
  toPurseCoin,
} from './purse.ts';
import { isSpent } from './questions.ts';
import { readyMint, swapCoins } from './withdraw.ts';

export type Giving = { amountMicro: bigint; memo?: string; brk?: string };

/** Coins of the exact amount leave the purse in the step that writes the gift down. */
export async function give(ctx: Context, { amountMicro, memo, brk: wanted }: Giving): Promise<GiftInfo> {
  if (amountMicro <= 0n) throw new RangeError('an amount is more than nothing');
  if (memo !== undefined && memo.length > limits.memoBytes) throw new RangeError('the memo is too long');
  ctx.needAccount();
  const { brk } = ctx.broker(wanted).keys;
  const mint = await readyMint(ctx, brk);
  for (;;) {
    const exact = await exactly(ctx, { brk, amountMicro, mint });
    const record = ownRecord(ctx, brk, { kind: 'payment', amountMicro, method: ECASH });
    const id = record.id;
    const all = [keys.gift(id), keys.journal(id), ...ctx.moneyKeys(), ...coinKeysOf(brk, exact)];
    const given = await transact(ctx.store, all, (tx) => {
      if (!exact.every(({ pk }) => tx.has(keys.coin(brk, pk)))) return false;
      for (const { pk } of exact) tx.drop(keys.coin(brk, pk));
      const gift = { brk, coins: exact, micro: amountMicro, state: 'given' as const, journal: id, atMs: record.atMs };
      tx.put('gift', keys.gift(id), { ...gift, ...(memo === undefined ? {} : { memo }) });
      move(tx, brk, { cashMicro: -amountMicro, spentMicro: amountMicro });
      const balanceAfterMicro = ctx.total(tx);
      tx.put('journal', keys.journal(id), { record: { ...record, state: 'paid', why: 'gift', balanceAfterMicro } });
      return true;
    });
    if (!given) continue;
    ctx.changed();
    return infoOf(ctx, id, await needGift(ctx, id));
  }
}

type Exact = { brk: string; amountMicro: bigint; mint: purses.Mint };

/** Free coins of exactly this amount, swapped for when there are none. @throws {PaymentProblem} `funds-short` */
async function exactly(ctx: Context, { brk, amountMicro, mint }: Exact): Promise<CoinDoc[]> {
  const { nowMs } = ctx.env();
  const denominations = denominationsOf(mint, nowMs);
  const pick = (purse: purses.Purse, change: boolean) => {
    const able = purse.coins.filter((one) => purses.worthOf({ coins: [one] }, mint, nowMs) > 0n);
    const values = able.map(({ coin }) => mint.keysets.get(coin.ks)?.value ?? 0n);
    const picked = pickCoins(values, amountMicro, { most: MOST_COINS, change });
    return picked?.give.flatMap((place) => able[place] ?? []);
  };
  for (let tries = 0; tries < 2; tries++) {
    const { purse, docs } = await loadPurse(ctx, brk);
    const found = pick(purse, false);
    if (found) return docsOf(found, docs);
    const choose = (now: purses.Purse) => {
      const coins = pick(now, true);
      if (!coins) return undefined;
      const over = purses.worthOf({ coins }, mint, nowMs) - amountMicro;
      const back = over === 0n ? [] : handyValues(over, denominations, 6);
      return { coins, values: [...exactValues(amountMicro, denominations), ...back] };
    };
    if (!(await swapCoins(ctx, brk, choose, mint))) break;
  }
  throw new PaymentProblem('funds-short', { detail: 'not with the coins of this wallet: farthing withdraw gets more' });
}

/**
 * Takes a gift in. An empty wallet takes its broker too; another one only gifts of brokers that it knows.
 * @throws {PaymentProblem} `payload-invalid`, `no-account`, `coin-spent`: somebody else has it; `keyset-unknown`
 */
export async function take(ctx: Context, text: string): Promise<TakenGift> {
  const gift = readGift(text, ctx.env());
  const memo = gift.memo === undefined ? {} : { memo: gift.memo };
  const brokerAdded = ctx.brokers.size === 0;
  if (brokerAdded) await init(ctx, { brokerUrl: gift.url, expected: gift.brk });
  const { brk } = gift;
  if (ctx.brokers.get(brk)?.currency !== gift.cur) {
    const detail = `the gift is of a broker that this wallet does not use; farthing init --broker ${gift.url} adds it`;
    throw new PaymentProblem('no-account', { detail });
  }
  const mint = await readyMint(ctx, brk);
  const mark = keys.taken(
    ctx.env().crypto.hashText(
      gift.coins
        .map(({ pk }) => pk)
        .sort()
        .join(','),
    ),
  );
  const before = (await readOne(ctx.store, 'taken', mark))?.journal ?? (await finishTaking(ctx, mark));
  if (before !== undefined) return { record: await needRecord(ctx, before), ...memo, brokerAdded };
  const values = gift.coins.map(({ ks }) => mint.keysets.get(ks)?.value ?? 0n);
  if (values.some((value) => value === 0n)) {
    const detail = 'a coin of it has a key that this broker does not show to everybody, or did not make';
    throw new PaymentProblem('keyset-unknown', { detail });
  }
  const amountMicro = values.reduce((sum, value) => sum + value, 0n);
  const env = ctx.env();
  const outputs = handyValues(amountMicro, denominationsOf(mint, env.nowMs));
  const record = ownRecord(ctx, brk, { kind: 'top_up', amountMicro, method: ECASH });
  const id = await beginJob(ctx, brk, ({ purse }) => {
    const draft = purses.draft(purse, { values: outputs }, mint, env);
    return {
      ...{
        kind: 'take' as const,
        draft,
        coins: [],
        micro: amountMicro,
        journal: { ...record, why: 'gift' },
        gift: mark,
      },
      members: { coins: signedGift(gift, draft.outputs, env).map((coin) => ({ ...coin })) },
    };
  });
  await advanceJob(ctx, id);
  return { record: await needRecord(ctx, record.id), ...memo, brokerAdded };
}

/** A taking of the same gift that was cut off. @returns its journal entry */
async function finishTaking(ctx: Context, mark: string): Promise<string | undefined> {
  for (const { key, doc } of await listDocs(ctx.store, 'coin_job', 'coin-job/')) {
    if (doc.kind !== 'take' || doc.gift !== mark) continue;
    await advanceJob(ctx, key.slice('coin-job/'.length));
    return doc.journal;
  }
  return undefined;
}

/** Ours, newest first. With `refresh`, whether somebody took them is asked for. */
export async function gifts(ctx: Context, refresh: boolean): Promise<GiftInfo[]> {
  const found = await listDocs(ctx.store, 'gift', 'gift/', { reverse: true });
  const infos: GiftInfo[] = [];
  for (const { key, doc } of found) {
    if (refresh && doc.state === 'given') await lookAfter(ctx, key, doc).catch(worldsFault);
    const id = key.slice('gift/'.length);
    infos.push(await infoOf(ctx, id, await needGift(ctx, id)));
  }
  return infos;
}

/** Somebody takes a gift whole: the first coin tells mostly. */
async function lookAfter(ctx: Context, key: string, { brk, coins }: Doc<'gift'>): Promise<void> {
  const mint = { keysets: new Map(), seed: ctx.coinSeed(brk) };
  for (const coin of coins) if (!(await isSpent(ctx, brk, coin, mint))) return;
  await transact(ctx.store, [key], (tx) => {
    const gift = tx.need('gift', key);
    if (gift.state === 'given') tx.put('gift', key, { ...gift, state: 'taken' });
  });
  ctx.changed();
}

/**
 * Swaps what nobody took for coins of our own; the text is worth nothing then.
 * @throws {PaymentProblem} `not-found`; `coin-spent`: it was taken
 */
export async function takeBack(ctx: Context, id: string): Promise<PaymentRecord> {
  const key = keys.gift(id);
  const gift = await needGift(ctx, id);
  const { brk } = gift;
  if (gift.state === 'taken') throw new PaymentProblem('coin-spent', { detail: 'somebody has taken this gift' });
  if (gift.state !== 'given') throw new PaymentProblem('not-found', { detail: 'this gift is back, or on its way' });
  const mint = await readyMint(ctx, brk);
  const env = ctx.env();
  const micro = sumOf(gift.coins);
  const values = handyValues(micro, denominationsOf(mint, env.nowMs));
  const record = ownRecord(ctx, brk, { kind: 'refund', amountMicro: micro, method: ECASH });
  const job = await beginJob(ctx, brk, ({ purse }) => {
    const draft = purses.draft(purse, { values }, mint, env);
    const spent = purses.signedForSwap(gift.coins.map(toPurseCoin), draft.outputs, mint, env);
    return {
      ...{ kind: 'back' as const, draft, coins: gift.coins, micro, gift: key, journal: { ...record, why: 'gift' } },
      members: { coins: spent.map((coin) => ({ ...coin })) },
      also: {
        keys: [key],
        step: (tx) => {
          const now = tx.need('gift', key);
          if (now.state !== 'given' || sumOf(now.coins) !== micro) throw new PaymentProblem('not-found');
          tx.put('gift', key, { ...now, state: 'coming_back' });
          return true;
        },
      },
    };
  });
  await advanceJob(ctx, job);
  return needRecord(ctx, record.id);
}

/** @throws {PaymentProblem} `not-found` */
async function needGift(ctx: Context, id: string): Promise<Doc<'gift'>> {
  const gift = await readOne(ctx.store, 'gift', keys.gift(id));
  if (!gift) throw new PaymentProblem('not-found', { detail: `no gift ${id} in this wallet` });
  return gift;
}

async function infoOf(
  ctx: Context,
  id: string,
  { brk, coins, micro, memo, state, atMs }: Doc<'gift'>,
): Promise<GiftInfo> {
  const { url, currency } = ctx.broker(brk);
  const note = memo === undefined ? {} : { memo };
  const terms = { brk, url, cur: currency, ...note };
  const text = () => printGift(makeGift(coins.map(toPurseCoin), terms, { seed: ctx.coinSeed(brk) }));
  return {
    id,
    brk,
    amountMicro: micro,
    currency,
    state,
    atMs,
    ...note,
    ...(state === 'given' && ctx.isOpen ? { text: text() } : {}),
  };
}
