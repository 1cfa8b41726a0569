// Coins that are given away as text, to whoever has it or to somebody who asked, and called back while nobody has taken them.
import { limits, PaymentProblem } from '@farthing/protocol';
import { type MoneyRequest, makeGift, printGift, printSealedGift, purse as purses } from '@farthing/protocol/wallet';
import type { GiftInfo } from '../coin-types.ts';
import { type Context, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { needRecord, ownRecord } from '../journal.ts';
import { listDocs, readOne, transact } from '../transaction.ts';
import type { PaymentRecord } from '../types.ts';
import { worldsFault } from '../world.ts';
import { exactly } from './exact.ts';
import { advanceJob, beginJob } from './jobs.ts';
import { coinKeysOf, denominationsOf, ECASH, handyValues, sumOf, toPurseCoin } from './purse.ts';
import { spentAmong } from './questions.ts';
import { answerable, linkOf } from './requests.ts';
import { readyMint } from './withdraw.ts';

/**
 * `request`: the text that it answers; it asks for this amount, and names the broker. `few`: in as few coins as there are for the
 * amount, for a picture; else with those at hand.
 */
export type Giving = { amountMicro: bigint; memo?: string; brk?: string; request?: string; few?: boolean };

/** Coins of the exact amount leave the purse in the step that writes the gift down. A request is answered once. */
export async function give(ctx: Context, giving: Giving): Promise<GiftInfo> {
  const { amountMicro, memo, brk: wanted, request, few = false } = giving;
  if (amountMicro <= 0n) throw new RangeError('an amount is more than nothing');
  if (memo !== undefined && memo.length > limits.memoBytes) throw new RangeError('the memo is too long');
  ctx.needAccount();
  const asked = request === undefined ? undefined : answerable(ctx, request, amountMicro);
  const { brk } = ctx.broker(asked?.brk ?? wanted).keys;
  const mint = await readyMint(ctx, brk);
  for (;;) {
    const before = asked && (await answerTo(ctx, asked));
    if (before && before.state !== 'back') return before;
    const exact = await exactly(ctx, { brk, amountMicro, mint, few });
    const record = ownRecord(ctx, brk, { kind: 'payment', amountMicro, method: ECASH });
    const id = record.id;
    const mark = asked ? [keys.answered(asked.id)] : [];
    const all = [keys.gift(id), keys.journal(id), ...mark, ...ctx.moneyKeys(), ...coinKeysOf(brk, exact)];
    const given = await transact(ctx.store, all, (tx) => {
      for (const key of mark) {
        if (tx.get('answered', key)?.gift !== before?.id) return false;
        tx.put('answered', key, { gift: id });
      }
      if (!exact.every(({ pk }) => tx.has(keys.coin(brk, pk)))) return false;
      for (const { pk } of exact) tx.drop(keys.coin(brk, pk));
      const gift = { brk, coins: exact, micro: amountMicro, state: 'given' as const, journal: id, atMs: record.atMs };
      const to = asked ? { request: { id: asked.id, to: asked.to } } : {};
      tx.put('gift', keys.gift(id), { ...gift, ...(memo === undefined ? {} : { memo }), ...to });
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

/** The gift that answers somebody's request already. */
async function answerTo(ctx: Context, { id }: MoneyRequest): Promise<GiftInfo | undefined> {
  const answered = await readOne(ctx.store, 'answered', keys.answered(id));
  return answered && infoOf(ctx, answered.gift, await needGift(ctx, answered.gift));
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

async function lookAfter(ctx: Context, key: string, { brk, coins }: Doc<'gift'>): Promise<void> {
  const { spent } = await spentAmong(ctx, brk, coins);
  if (spent.size < coins.length) return;
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

async function infoOf(ctx: Context, id: string, gift: Doc<'gift'>): Promise<GiftInfo> {
  const { brk, micro: amountMicro, memo, state, atMs, request } = gift;
  return {
    ...{ id, brk, amountMicro, currency: ctx.broker(brk).currency, state, atMs },
    ...(memo === undefined ? {} : { memo }),
    ...(request ? { request: request.id } : {}),
    ...(state === 'given' && ctx.isOpen ? textsOf(ctx, gift) : {}),
  };
}

function textsOf(ctx: Context, { brk, coins, memo, request }: Doc<'gift'>) {
  const { url, currency: cur } = ctx.broker(brk);
  const terms = { brk, url, cur, ...(memo === undefined ? {} : { memo }) };
  const made = makeGift(coins.map(toPurseCoin), terms, { seed: ctx.coinSeed(brk) });
  const text = request ? printSealedGift(made, request, ctx.env()) : printGift(made);
  return { text, link: linkOf(url, text) };
}
