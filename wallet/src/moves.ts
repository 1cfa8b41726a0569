// Moving coins back: release at the site, then cash or renew at the broker. Each step is stored before the next, and
// repeating a step changes nothing, so a move survives a crash anywhere.
import {
  canonicalJson,
  isProblemCode,
  type JsonObject,
  limits,
  PaymentProblem,
  printCredential,
  readReceipt,
} from '@farthing/protocol';
import { call, PATIENCE_MS, problemOf, type Reply } from './broker.ts';
import { type Context, keepEvidence, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { notCharged } from './give-back.ts';
import { ownRecord } from './journal.ts';
import { methodOf, type PaidMany } from './methods.ts';
import { vouchFor } from './offers.ts';
import { COIN_TTL_MS, draftOrder, loseCoin, runOrder, storeOrder } from './orders.ts';
import { needPayment, withPayment } from './sent.ts';
import { siteAnswer } from './site-answer.ts';
import { listDocs, readOne, transact } from './transaction.ts';
import type { Settled, SiteAnswer } from './types.ts';

type Purse = Doc<'purse'>;
type Coin = Purse['coins'][number];
export type MoveKind = Doc<'job'>['kind'];

/**
 * Sets one free coin aside for a move and writes the move down.
 * @returns the job's id, or `undefined` when no coin is left that `wanted` takes
 */
export async function beginMove(
  ctx: Context,
  purseKey: string,
  kind: MoveKind,
  wanted: (coin: Coin) => boolean,
): Promise<string | undefined> {
  const env = ctx.env();
  const id = ctx.newId();
  const journal = ctx.newId();
  const all = [purseKey, keys.job(id), keys.journal(journal), ...ctx.moneyKeys()];
  const begun = await transact(ctx.store, all, (tx) => {
    const purse = tx.get('purse', purseKey);
    const coin = purse?.coins.find(
      (one) => one.holder === undefined && one.expiresAtMs > env.nowMs && wanted(one) && canMove(purse, one),
    );
    if (!purse || !coin) return undefined;
    tx.put('purse', purseKey, {
      ...purse,
      coins: purse.coins.map((one) => (one === coin ? { ...one, holder: id } : one)),
    });
    move(tx, purse.brk, { coinsMicro: -coin.micro, heldMicro: coin.micro });
    tx.put('job', keys.job(id), { kind, step: 'release', purse: purseKey, coin, journal, atMs: env.nowMs });
    tx.put('journal', keys.journal(journal), { record: { ...moveRecord(ctx, purse, coin, kind), id: journal } });
    return id;
  });
  if (begun !== undefined) ctx.changed();
  return begun;
}

/** A chain that no site knows yet, or whose payments are under way, cannot be closed. */
function canMove({ method: name, coins }: Purse, { piece, micro, ended }: Coin): boolean {
  const { many } = methodOf(name);
  if (!many) return true;
  const session = many.sessionOf(piece);
  const isBusy = coins.some((one) => one.holder !== undefined && many.sessionOf(one.piece) === session);
  return !isBusy && ended !== true && micro > 0n && many.isOpen(piece);
}

function moveRecord(ctx: Context, purse: Purse, coin: Coin, kind: MoveKind): Doc<'journal'>['record'] {
  return ownRecord(ctx, purse.brk, {
    kind: kind === 'refund' ? 'refund' : 'purchase',
    amountMicro: coin.micro,
    site: purse.origin,
    method: purse.method,
  });
}

/**
 * Takes a move as far as it goes now.
 * @throws {PaymentProblem} `broker-unreachable`, `site-not-ready`, `release-invalid`: the move stays and can go on later
 */
export async function advance(ctx: Context, id: string): Promise<void> {
  const job = await readOne(ctx.store, 'job', keys.job(id));
  if (!job) return;
  if (job.step === 'release') {
    const { purse, coin } = job;
    const answer = await askRelease(ctx, purse, coin);
    if (answer.kind === 'ended') return keepEnded(ctx, id, job, answer.problem);
    if (answer.kind === 'spent') return lost(ctx, id, job, answer.problem);
    const key = keys.job(id);
    await transact(ctx.store, [key], (tx) => {
      const now = tx.get('job', key);
      if (now?.step === 'release') tx.put('job', key, { ...now, step: 'cash', release: answer.release });
    });
  }
  await cash(ctx, id);
}

/** One order cashes a release. When it is refused for another reason than the release, another takes its place, once. */
async function cash(ctx: Context, id: string, again = true): Promise<void> {
  const job = await readOne(ctx.store, 'job', keys.job(id));
  if (job?.step !== 'cash') return;
  const rid = job.order ?? (await orderCash(ctx, id, job));
  if (rid === undefined) return;
  try {
    await runOrder(ctx, rid);
  } catch (error) {
    const now = await readOne(ctx.store, 'job', keys.job(id));
    if (again && now && now.order === undefined) return cash(ctx, id, false);
    throw error;
  }
}

/** Stores the order. @returns `undefined` when somebody else was faster: then it is theirs to send */
async function orderCash(ctx: Context, id: string, { kind, release, purse }: Doc<'job'>): Promise<string | undefined> {
  const [, methodName = '', brk = ''] = purse.split('/');
  const method = methodOf(methodName);
  if (!release) throw new PaymentProblem('storage-fault', { detail: 'a stored release is missing' });
  const purpose = { kind: 'cash' as const, job: id };
  const draft =
    kind === 'refund' || !method.renew
      ? draftOrder(ctx, { brk, call: method.refund, members: method.refund.members({ release }), purpose })
      : draftOrder(ctx, {
          brk,
          call: method.renew,
          members: method.renew.members({ release, ttlMs: COIN_TTL_MS }),
          purpose,
        });
  const { rid } = draft;
  return transact(ctx.store, [keys.job(id), keys.order(rid), keys.money(brk)], (tx) => {
    const now = tx.get('job', keys.job(id));
    if (now?.step !== 'cash' || now.order !== undefined) return undefined;
    tx.put('job', keys.job(id), { ...now, order: rid });
    storeOrder(tx, ctx, draft);
    return rid;
  });
}

type Released =
  | { kind: 'released'; release: JsonObject }
  | { kind: 'spent'; problem: PaymentProblem }
  /** The site has ended the session before: what is left of it returns when the chain ends. */
  | { kind: 'ended'; problem: PaymentProblem };

/** @throws {PaymentProblem} `site-not-ready`, `release-invalid`, `site-unvouched`, `broker-unreachable` */
async function askRelease(ctx: Context, purseKey: string, coin: Coin): Promise<Released> {
  const { piece } = coin;
  const purse = await readOne(ctx.store, 'purse', purseKey);
  if (!purse) throw new PaymentProblem('storage-fault', { detail: 'a stored purse is missing' });
  const { brk, vnd, origin, api } = purse;
  const method = methodOf(purse.method);
  const record = await vouchFor(ctx, { broker: ctx.broker(brk), brk, vnd, origin, offline: false });
  if (method.many) return askClose(ctx, method.many, coin, { vnd, vendorKey: record.pk, origin });
  if (!method.release) throw new PaymentProblem('method-unsupported');
  const to = ctx.needAccount().id;
  const url = new URL(`${api}/${method.release.path}`, origin);
  if (url.origin !== origin) throw new PaymentProblem('origin-changed');
  let reply: Reply;
  try {
    reply = await call(ctx, url.href, canonicalJson(method.release.body(piece, to, ctx.env())));
  } catch {
    throw new PaymentProblem('site-not-ready', { detail: `no answer from ${origin}` });
  }
  if (reply.status === 200) {
    const release = method.release.read(reply.json, { piece, to, vendorKey: record.pk }, ctx.env());
    return { kind: 'released', release };
  }
  const problem = problemOf(reply);
  if (method.goneCodes.has(problem.code)) return { kind: 'spent', problem };
  if (problem.code === 'broker-unreachable')
    throw new PaymentProblem('site-not-ready', { detail: `no answer from ${origin}` });
  throw problem;
}

/** Ends a session at its site. The same credential again gives the same closings. */
async function askClose(
  ctx: Context,
  many: PaidMany,
  { piece, last }: Coin,
  { vnd, vendorKey, origin }: { vnd: string; vendorKey: string; origin: string },
): Promise<Released> {
  if (!last) throw new PaymentProblem('storage-fault', { detail: 'a session without its challenge' });
  const { challenge, url, httpMethod } = last;
  if (new URL(url).origin !== origin) throw new PaymentProblem('origin-changed');
  const value = printCredential({ challenge, payload: many.close(piece) });
  const headers = { [challenge.header ?? 'Authorization']: value };
  let answer: SiteAnswer;
  try {
    const init = { method: httpMethod, headers, redirect: 'error', credentials: 'omit', cache: 'no-store' } as const;
    const response = await ctx.ports.fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    answer = await siteAnswer(response);
    await response.body?.cancel();
  } catch {
    throw new PaymentProblem('site-not-ready', { detail: `no answer from ${origin}` });
  }
  const receipt = answer.receipt === undefined ? undefined : readReceipt(answer.receipt);
  if (receipt) return { kind: 'released', release: many.readClosings(receipt, { piece, vnd, vendorKey }, ctx.env()) };
  const code = answer.problem?.code;
  if (answer.status < 500 && isProblemCode(code)) return { kind: 'ended', problem: new PaymentProblem(code) };
  throw new PaymentProblem('site-not-ready', { detail: `${origin} did not close the session` });
}

/** Nothing can be had from the site: the chain keeps its money until it ends, and is not paid with any more. */
async function keepEnded(ctx: Context, id: string, job: Doc<'job'>, problem: PaymentProblem): Promise<void> {
  const journal = keys.journal(job.journal);
  const all = [keys.job(id), job.purse, journal, ...ctx.moneyKeys()];
  await transact(ctx.store, all, (tx) => {
    if (!tx.has(keys.job(id))) return;
    const purse = tx.need('purse', job.purse);
    const coins = purse.coins.map(({ holder, ...coin }) => {
      if (holder === id) return { ...coin, ended: true };
      return holder === undefined ? coin : { ...coin, holder };
    });
    tx.put('purse', job.purse, { ...purse, coins });
    move(tx, purse.brk, { heldMicro: -job.coin.micro, coinsMicro: job.coin.micro });
    tx.drop(keys.job(id));
    const { record } = tx.need('journal', journal);
    const balanceAfterMicro = ctx.total(tx);
    tx.put('journal', journal, {
      record: { ...record, state: 'failed_not_charged', code: problem.code, balanceAfterMicro },
    });
  });
  ctx.changed();
}

/** The coin is worth nothing at its site: written off, with the site's word as evidence. */
async function lost(ctx: Context, id: string, job: Doc<'job'>, problem: PaymentProblem): Promise<void> {
  const journal = keys.journal(job.journal);
  const all = [keys.job(id), job.purse, journal, keys.evidence(id), ...ctx.moneyKeys()];
  await transact(ctx.store, all, (tx) => {
    if (!tx.has(keys.job(id))) return;
    const lostMicro = loseCoin(tx, job.purse, id);
    tx.drop(keys.job(id));
    keepEvidence(tx, ctx.env(), { about: id, what: problem.message, data: { coin: job.coin.piece } });
    const { record } = tx.need('journal', journal);
    const balanceAfterMicro = ctx.total(tx);
    tx.put('journal', journal, {
      record: { ...record, state: 'failed_not_charged', code: problem.code, lostMicro, balanceAfterMicro },
    });
  });
  ctx.changed();
}

/**
 * Finds out what became of a payment whose outcome is unknown, by giving its coin back: a site that releases it did not
 * take it, and the coin is renewed. `unknown` stays when the site says that it was spent: the same credential then
 * still gets receipt and change.
 * @throws {PaymentProblem} `site-not-ready`, `release-invalid`, `broker-unreachable`
 */
export async function resolve(ctx: Context, id: string): Promise<Settled> {
  const { record, sending } = await needPayment(ctx, id);
  if (record.state !== 'pending') return withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
  // A payment of a session is only shown again: its chain serves others as well.
  if (methodOf(sending.challenge.method).many) return withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
  const answer = await askRelease(ctx, sending.purse, sending.coin);
  if (answer.kind !== 'released') return withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
  const env = ctx.env();
  const job = ctx.newId();
  const journal = ctx.newId();
  const settled = await withPayment(
    ctx,
    id,
    (tx, sent) => {
      if (sent.record.state !== 'pending') return outcomeOf(sent.record.state);
      const purse = tx.need('purse', sending.purse);
      const coins = purse.coins.map((coin) => (coin.holder === id ? { ...coin, holder: job } : coin));
      tx.put('purse', sending.purse, { ...purse, coins });
      const { release } = answer;
      const { coin, purse: purseKey } = sending;
      tx.put('job', keys.job(job), {
        kind: 'renew',
        step: 'cash',
        purse: purseKey,
        coin,
        journal,
        release,
        atMs: env.nowMs,
      });
      tx.put('journal', keys.journal(journal), { record: { ...moveRecord(ctx, purse, coin, 'renew'), id: journal } });
      notCharged(tx, ctx, sent, {});
      return 'not_charged';
    },
    [keys.job(job), keys.journal(journal)],
  );
  // Stored: a broker that is away now is asked again later.
  await advance(ctx, job).catch((error) => {
    if (!(error instanceof PaymentProblem)) throw error;
  });
  return settled;
}

const outcomeOf = (state: string): Settled['outcome'] => {
  if (state === 'pending') return 'unknown';
  return state === 'failed_not_charged' ? 'not_charged' : 'paid';
};

/** Coins at the end of their life are written off: what is left of them returns through the broker. */
export async function sweepExpired(ctx: Context): Promise<void> {
  const { nowMs } = ctx.env();
  for (const { key, doc } of await listDocs(ctx.store, 'purse', 'purse/')) {
    const isOver = (coin: Coin) => coin.holder === undefined && coin.expiresAtMs <= nowMs;
    if (!doc.coins.some(isOver)) continue;
    await transact(ctx.store, [key, keys.money(doc.brk)], (tx) => {
      const purse = tx.need('purse', key);
      const over = purse.coins.filter(isOver).reduce((sum, { micro }) => sum + micro, 0n);
      tx.put('purse', key, { ...purse, coins: purse.coins.filter((coin) => !isOver(coin)) });
      move(tx, doc.brk, { coinsMicro: -over, lostMicro: over });
    });
    ctx.changed();
  }
  await closeExpired(ctx, nowMs);
}

/** A payment that is still unknown when no site accepts its coin any more stays charged: the page was never shown to be free. */
async function closeExpired(ctx: Context, nowMs: number): Promise<void> {
  for (const { key } of await ctx.store.list('pending/')) {
    const id = key.slice('pending/'.length);
    const { sending } = await needPayment(ctx, id);
    if (nowMs <= sending.coin.expiresAtMs + limits.clockSkewMs) continue;
    await withPayment(ctx, id, (tx, sent) => {
      if (sent.record.state !== 'pending') return outcomeOf(sent.record.state);
      const { record } = sent;
      const lostMicro = loseCoin(tx, sending.purse, id);
      tx.drop(keys.pending(id));
      const state = sent.sending.delivered ? ('paid' as const) : ('paid_not_delivered' as const);
      const balanceAfterMicro = ctx.total(tx);
      tx.put('journal', keys.journal(id), { ...sent, record: { ...record, state, lostMicro, balanceAfterMicro } });
      return 'paid';
    });
  }
}
