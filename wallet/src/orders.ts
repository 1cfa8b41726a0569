// Broker orders: stored with the step that needs them, sent as the same bytes until answered, applied exactly once.
import {
  amt,
  balanceResult,
  canonicalJson,
  decode,
  type Json,
  type JsonObject,
  makeOrder,
  PaymentProblem,
  tryDecode,
} from '@farthing/protocol';
import { post } from './broker.ts';
import { applyChain, refuseChain } from './chain-steps.ts';
import { applyCert } from './cheques/certified.ts';
import { type Context, emptyMoney, keepEvidence, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { ownRecord } from './journal.ts';
import { piecesOf } from './methods.ts';
import { listDocs, readOne, type Transaction, transact } from './transaction.ts';

export type OrderDoc = Doc<'order'>;
type Purpose = OrderDoc['purpose'];

export type NewOrder = {
  readonly brk: string;
  readonly call: { readonly path: string; readonly typ: string };
  readonly members: JsonObject;
  readonly purpose: Purpose;
};

/** A signed order, not stored yet: `rid` names its key, which the step that stores it must list. */
export type DraftOrder = { readonly rid: string; readonly doc: Omit<OrderDoc, 'seq'> };

export function draftOrder(ctx: Context, { brk, call, members, purpose }: NewOrder): DraftOrder {
  const env = ctx.env();
  const order = makeOrder(call.typ, members, ctx.secrets().seed, env);
  const body = canonicalJson(order);
  return { rid: order.rid, doc: { brk, path: call.path, typ: call.typ, body, atMs: env.nowMs, purpose } };
}

/** Part of a step that lists `keys.order(rid)` and `keys.money(brk)`. */
export function storeOrder(tx: Transaction, ctx: Context, { rid, doc }: DraftOrder): void {
  const key = keys.money(doc.brk);
  if (!tx.has(key)) tx.put('money', key, emptyMoney(ctx.broker(doc.brk).currency));
  move(tx, doc.brk, { seq: 1n, openOrders: 1n });
  tx.put('order', keys.order(rid), { ...doc, seq: tx.need('money', key).seq });
}

/** Orders that were stored and not answered, oldest first. */
export async function openOrders(ctx: Context): Promise<{ rid: string; doc: OrderDoc }[]> {
  const found = await listDocs(ctx.store, 'order', 'order/');
  return found
    .map(({ key, doc }) => ({ rid: key.slice('order/'.length), doc }))
    .sort((a, b) => a.doc.atMs - b.doc.atMs);
}

/**
 * Sends a stored order and writes down what the answer gives. An order that is gone was applied by somebody else.
 * @throws {PaymentProblem} the broker's refusal; `broker-unreachable`, `unavailable`, `rate-limit`: the order stays
 *   open; `broker-untrusted`: open when the signature is wrong, closed with evidence when the broker signed a lie
 */
export async function runOrder(ctx: Context, rid: string): Promise<void> {
  const order = await readOne(ctx.store, 'order', keys.order(rid));
  if (!order) return;
  const posted = await post(ctx, ctx.broker(order.brk), order);
  const failure = await transact(ctx.store, await keysOf(ctx, rid, order), (tx): PaymentProblem | undefined => {
    if (!tx.has(keys.order(rid))) return undefined;
    if (posted.kind === 'refused') {
      refuse(tx, ctx, rid, order, posted.problem);
      return posted.problem;
    }
    try {
      applyAnswer(tx, ctx, rid, order, posted.result);
      return undefined;
    } catch (error) {
      if (!(error instanceof PaymentProblem) || error.code !== 'broker-untrusted') throw error;
      refuse(tx, ctx, rid, order, error);
      const data: Json = { order: order.body, answer: posted.answer };
      keepEvidence(tx, ctx.env(), { about: rid, what: error.message, data });
      return error;
    }
  });
  ctx.changed();
  if (failure) throw failure;
}

async function keysOf(ctx: Context, rid: string, { purpose }: OrderDoc): Promise<string[]> {
  const common = [keys.order(rid), keys.evidence(rid), ...ctx.moneyKeys()];
  if (purpose.kind === 'top_up') return [...common, keys.journal(purpose.journal)];
  if (purpose.kind === 'buy') return [...common, purpose.purse, keys.journal(purpose.journal)];
  if (purpose.kind === 'cheques') return [...common, purpose.purse];
  if (purpose.kind === 'chain') {
    const chain = await readOne(ctx.store, 'chain', keys.chain(purpose.chain));
    const journal = chain ? [keys.journal(chain.journal)] : [];
    return [...common, keys.chain(purpose.chain), keys.credit, purpose.purse, ...journal];
  }
  const job = await readOne(ctx.store, 'job', keys.job(purpose.job));
  return [...common, keys.job(purpose.job), ...(job ? [job.purse, keys.journal(job.journal)] : [])];
}

function close(tx: Transaction, rid: string, order: OrderDoc): { quiet: boolean } {
  const quiet = tx.need('money', keys.money(order.brk)).seq === order.seq;
  tx.drop(keys.order(rid));
  move(tx, order.brk, { seq: 1n, openOrders: -1n });
  return { quiet };
}

/**
 * Takes the broker's balance when no other order could have moved it meanwhile. What differs from our own count came
 * from outside, such as what was left of expired coins.
 */
export function reconcile(tx: Transaction, brk: string, balanceMicro: bigint): void {
  const { accountMicro, lentMicro } = tx.need('money', keys.money(brk));
  // On credit the balance alone does not tell what was billed: a statement does.
  if (lentMicro !== 0n || accountMicro < 0n) return;
  const drift = balanceMicro - accountMicro;
  if (drift !== 0n) move(tx, brk, { accountMicro: drift, receivedMicro: drift });
}

function applyAnswer(tx: Transaction, ctx: Context, rid: string, order: OrderDoc, result: JsonObject): void {
  const { purpose, brk } = order;
  if (purpose.kind === 'top_up') {
    const { balance, cur } = decode(balanceResult, result, 'broker-untrusted');
    if (cur !== tx.need('money', keys.money(brk)).currency) throw new PaymentProblem('broker-untrusted');
    const before = tx.need('money', keys.money(brk)).accountMicro;
    const credited = purpose.amountMicro ?? tryDecode(amt, result['credited']) ?? balance - before;
    const { quiet } = close(tx, rid, order);
    move(tx, brk, { accountMicro: credited, toppedUpMicro: credited });
    if (quiet) reconcile(tx, brk, balance);
    const key = keys.journal(purpose.journal);
    const { record } = tx.need('journal', key);
    const balanceAfterMicro = ctx.total(tx);
    tx.put('journal', key, { record: { ...record, state: 'paid', amountMicro: credited, balanceAfterMicro } });
    return;
  }
  if (purpose.kind === 'chain') {
    const balanceMicro = applyChain(tx, ctx, purpose.chain, result);
    const { quiet } = close(tx, rid, order);
    if (quiet && balanceMicro !== undefined) reconcile(tx, brk, balanceMicro);
    return;
  }
  if (purpose.kind === 'cheques') {
    const balanceMicro = applyCert(tx, ctx, { brk, purpose, result });
    const { quiet } = close(tx, rid, order);
    if (quiet) reconcile(tx, brk, balanceMicro);
    return;
  }
  if (purpose.kind === 'buy') applyBuy(tx, ctx, rid, order, { purpose, result });
  else applyCash(tx, ctx, rid, order, { job: purpose.job, result });
}

function applyBuy(
  tx: Transaction,
  ctx: Context,
  rid: string,
  order: OrderDoc,
  { purpose, result }: { purpose: Purpose & { kind: 'buy' }; result: JsonObject },
): void {
  const { brk } = order;
  const { purse: key, method: name, vnd, currency, origin, api } = purpose;
  const method = piecesOf(name);
  const sold = method.sold(result, { ...purpose, brk }, order.atMs);
  const purse = tx.get('purse', key) ?? { brk, vnd, method: name, currency, origin, api, coins: [] };
  const known = new Set(purse.coins.map(({ piece }) => method.idOf(piece)));
  if (sold.coins.some(({ piece }) => known.has(method.idOf(piece)))) {
    throw new PaymentProblem('broker-untrusted', { detail: 'a piece that was sold to us before' });
  }
  const { quiet } = close(tx, rid, order);
  const total = sold.coins.reduce((sum, { micro }) => sum + micro, 0n);
  tx.put('purse', key, { ...purse, origin, api, coins: [...purse.coins, ...sold.coins] });
  move(tx, brk, { accountMicro: -total, coinsMicro: total });
  if (quiet) reconcile(tx, brk, sold.balanceMicro);
  const own = ownRecord(ctx, brk, { kind: 'purchase', amountMicro: total, site: origin, method: name });
  tx.put('journal', keys.journal(purpose.journal), {
    record: { ...own, id: purpose.journal, state: 'paid', reference: rid, balanceAfterMicro: ctx.total(tx) },
  });
}

/** The release was cashed: to the account, or into a coin with a new life. */
function applyCash(
  tx: Transaction,
  ctx: Context,
  rid: string,
  order: OrderDoc,
  { job: jobId, result }: { job: string; result: JsonObject },
): void {
  const job = tx.need('job', keys.job(jobId));
  const purse = tx.need('purse', job.purse);
  const { brk } = order;
  const { micro } = job.coin;
  const renewing = job.kind === 'renew';
  const sale = { ...purse, valueMicro: micro, count: renewing ? 1 : 0, ttlMs: RENEWED_TTL_MS };
  const sold = piecesOf(purse.method).sold(result, sale, order.atMs);
  const { quiet } = close(tx, rid, order);
  const rest = purse.coins.filter(({ holder }) => holder !== jobId);
  tx.put('purse', job.purse, { ...purse, coins: [...rest, ...sold.coins] });
  const back = sold.backMicro ?? micro;
  move(tx, brk, { heldMicro: -micro, ...(renewing ? { coinsMicro: micro } : { accountMicro: back }) });
  if (back > micro) move(tx, brk, { receivedMicro: back - micro });
  if (back < micro) move(tx, brk, { lostMicro: micro - back });
  if (quiet) reconcile(tx, brk, sold.balanceMicro);
  tx.drop(keys.job(jobId));
  const key = keys.journal(job.journal);
  const { record } = tx.need('journal', key);
  const state = renewing ? ('paid' as const) : ('refunded' as const);
  tx.put('journal', key, { record: { ...record, state, balanceAfterMicro: ctx.total(tx) } });
}

/** The broker will never do this. Money that a refused cashing stood for is written off, with the record saying why. */
function refuse(tx: Transaction, ctx: Context, rid: string, order: OrderDoc, problem: PaymentProblem): void {
  close(tx, rid, order);
  const { purpose } = order;
  const fail = (journal: string) => {
    const entry = tx.get('journal', keys.journal(journal));
    if (!entry) return;
    const record = { ...entry.record, state: 'failed_not_charged' as const, code: problem.code };
    tx.put('journal', keys.journal(journal), { record: { ...record, balanceAfterMicro: ctx.total(tx) } });
  };
  if (purpose.kind === 'top_up') fail(purpose.journal);
  if (purpose.kind === 'chain') refuseChain(tx, purpose.chain, problem);
  if (purpose.kind !== 'cash') return;
  const job = tx.get('job', keys.job(purpose.job));
  if (!job) return;
  if (!WORTHLESS.has(problem.code)) {
    // The release is still good: a renewal that cannot be had becomes a refund; a refund is tried again later.
    const { order: _, ...rest } = job;
    const kind = problem.code === 'request-stale' ? job.kind : ('refund' as const);
    tx.put('job', keys.job(purpose.job), { ...rest, kind });
    return;
  }
  loseCoin(tx, job.purse, purpose.job);
  tx.drop(keys.job(purpose.job));
  fail(job.journal);
}

const WORTHLESS = new Set(['release-invalid', 'release-used', 'broker-untrusted']);

/** Takes the coin that `holder` holds out of its purse and writes it off. */
export function loseCoin(tx: Transaction, purseKey: string, holder: string): bigint {
  const purse = tx.need('purse', purseKey);
  const lost = purse.coins.filter((coin) => coin.holder === holder).reduce((sum, { micro }) => sum + micro, 0n);
  tx.put('purse', purseKey, { ...purse, coins: purse.coins.filter((coin) => coin.holder !== holder) });
  move(tx, purse.brk, { heldMicro: -lost, lostMicro: lost });
  return lost;
}

/** Life of coins that are bought and renewed: pages stay readable again for as long. */
export const COIN_TTL_MS = 30 * 86_400_000;
const RENEWED_TTL_MS = COIN_TTL_MS;
