// Coins for money, coins for coins: each order is stored with the counters of what it asks for before it is sent, sent as the
// same bytes until it is answered, and applied once. An answer that is no, or not true, is checked against what the mint
// signed and what it says is spent, before anything is given up.
import {
  canonicalJson,
  decode,
  isProblemCode,
  type Json,
  type JsonObject,
  makeOrder,
  PaymentProblem,
} from '@farthing/protocol';
import { ecashCreditResult, ecashSwapResult, ecashWithdrawResult, purse as purses } from '@farthing/protocol/wallet';
import { post } from '../broker.ts';
import { type Context, keepEvidence, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { readOne, type Transaction, transact } from '../transaction.ts';
import { complete, isSwap, undo } from './job-end.ts';
import { bothMints, learnMint } from './keysets.ts';
import { mend } from './mend.ts';
import { type CoinDoc, coinKeysOf, loadPurse } from './purse.ts';
import { signedOf, spentAmong } from './questions.ts';

export type CoinJob = Doc<'coin_job'>;
/** `mend` is no order: it begins with a payment that was refused. */
type Kind = Exclude<CoinJob['kind'], 'mend'>;

/** What a job is made of; made again when another one took its counters or coins. */
export type Plan = {
  readonly kind: Kind;
  readonly draft: purses.Draft;
  /** Own free coins that it spends, or those of a gift that comes back. */
  readonly coins: readonly CoinDoc[];
  readonly micro: bigint;
  /** Members of the order besides `cur` and `outputs`. */
  readonly members: JsonObject;
  readonly journal?: Doc<'journal'>['record'];
  readonly gift?: string;
  readonly request?: string | undefined;
  readonly lock?: NonNullable<CoinJob['lock']>;
  /** More of the same step; `false`: somebody else was faster. */
  readonly also?: { readonly keys: readonly string[]; step(tx: Transaction): boolean };
};

const TRIES = 8;

/** Stores a job. @throws {PaymentProblem} what `plan` throws; `funds-short` */
export async function beginJob(
  ctx: Context,
  brk: string,
  plan: (state: Awaited<ReturnType<typeof loadPurse>>) => Plan,
): Promise<string> {
  const { currency: cur } = ctx.broker(brk);
  for (let tries = 0; tries < TRIES; tries++) {
    const state = await loadPurse(ctx, brk);
    const made = plan(state);
    const env = ctx.env();
    const { path, typ, seed } = callOf(ctx, made.kind);
    const outputs = made.draft.outputs.map((output) => ({ ...output }));
    const wanted = outputs.length > 0 ? { outputs } : {};
    const order = makeOrder(typ, { cur, ...wanted, ...made.members }, seed, env);
    const id = ctx.newId();
    const job: NewJob = {
      ...{ kind: made.kind, step: 'send' as const, brk, path, body: canonicalJson(order), atMs: env.nowMs },
      planned: made.draft.planned.map((one) => ({ ...one })),
      ...{ micro: made.micro, coins: [...made.coins] },
      ...(made.journal ? { journal: made.journal.id } : {}),
      ...(made.gift === undefined ? {} : { gift: made.gift }),
      ...(made.request === undefined ? {} : { request: made.request }),
      ...(made.lock ? { lock: made.lock } : {}),
    };
    if (await store(ctx, { id, job, made, before: state.purse.next })) return id;
  }
  throw new PaymentProblem('storage-fault', { detail: 'other copies of this wallet are busy with its coins' });
}

function callOf(ctx: Context, kind: Kind): { path: string; typ: string; seed: Uint8Array } {
  if (kind === 'withdraw') {
    return { path: '/v1/ecash/withdraw', typ: 'ecash-withdraw/1', seed: ctx.secrets().seed };
  }
  if (kind === 'deposit') return { path: '/v1/ecash/credit', typ: 'ecash-credit/1', seed: ctx.secrets().seed };
  // A key for this order alone: the broker learns nobody's name from it.
  return { path: '/v1/ecash/swap', typ: 'ecash-swap/1', seed: ctx.env().random(32) };
}

type NewJob = Omit<CoinJob, 'seq' | 'kind'> & { readonly kind: Kind };
type New = { id: string; job: NewJob; made: Plan; before: Readonly<Record<string, number>> };

function store(ctx: Context, { id, job, made, before }: New): Promise<boolean> {
  const { brk, kind, micro } = job;
  const spends = isSwap(kind) ? coinKeysOf(brk, job.coins) : [];
  const { journal, also } = made;
  const all = [keys.coinJob(id), keys.counters(brk), keys.money(brk), keys.restoring(brk), ...spends];
  const more = [...(journal ? [keys.journal(journal.id)] : []), ...(also?.keys ?? [])];
  return transact(ctx.store, [...all, ...more], (tx) => {
    const next = tx.get('counters', keys.counters(brk))?.next ?? {};
    const moved = canonicalJson(next) !== canonicalJson({ ...before }) || spends.some((key) => !tx.has(key));
    if (moved || tx.has(keys.restoring(brk)) || also?.step(tx) === false) return false;
    if (kind === 'withdraw' && tx.need('money', keys.money(brk)).accountMicro < micro) {
      throw new PaymentProblem('funds-short');
    }
    for (const key of spends) tx.drop(key);
    tx.put('counters', keys.counters(brk), { next: { ...made.draft.purse.next } });
    move(tx, brk, { seq: 1n, openOrders: 1n, ...BEGUN[kind](micro) });
    tx.put('coin_job', keys.coinJob(id), { ...job, seq: tx.need('money', keys.money(brk)).seq });
    if (journal) tx.put('journal', keys.journal(journal.id), { record: journal });
    return true;
  });
}

type Moves = Parameters<typeof move>[2];
const BEGUN: Readonly<Record<Kind, (micro: bigint) => Moves>> = {
  withdraw: (micro) => ({ accountMicro: -micro, heldMicro: micro }),
  swap: (micro) => ({ cashMicro: -micro, heldMicro: micro }),
  lock: (micro) => ({ cashMicro: -micro, heldMicro: micro }),
  unlock: (micro) => ({ coinsMicro: -micro, heldMicro: micro }),
  deposit: (micro) => ({ cashMicro: -micro, heldMicro: micro }),
  back: (micro) => ({ spentMicro: -micro, heldMicro: micro }),
  take: () => ({}),
};

/**
 * Takes a job as far as it goes now.
 * @throws {PaymentProblem} the broker's refusal, when nothing came of it; `broker-unreachable`, `unavailable`, `rate-limit`:
 *   it stays open; `broker-untrusted`: it stays open until the broker says what is true, with evidence kept
 */
export async function advanceJob(ctx: Context, id: string): Promise<void> {
  const job = await readOne(ctx.store, 'coin_job', keys.coinJob(id));
  if (!job) return;
  const { brk, lock } = job;
  const everywhere = await learnMint(ctx, brk);
  const mint = lock ? bothMints(everywhere, await learnMint(ctx, brk, lock.vnd)) : everywhere;
  if (job.kind === 'mend') return mend(ctx, { id, job, mint });
  if (job.step === 'send') {
    const posted = await post(ctx, ctx.broker(job.brk), job);
    if (posted.kind === 'answered') {
      try {
        const { signatures, balance } = readResult(ctx, job, posted.result);
        return await complete(ctx, id, {
          coins: purses.finish(job.planned, signatures, mint, ctx.env()),
          mint,
          balance,
        });
      } catch (error) {
        if (!(error instanceof PaymentProblem) || error.code !== 'broker-untrusted') throw error;
        await doubt(ctx, id, job, { problem: error, answer: posted.answer });
        throw error;
      }
    }
    await doubt(ctx, id, job, { problem: posted.problem });
  }
  await check(ctx, id, mint);
}

function readResult(ctx: Context, { kind, brk, micro }: CoinJob, result: JsonObject) {
  if (kind === 'deposit') {
    const { credited, balance, cur } = decode(ecashCreditResult, result, 'broker-untrusted');
    if (credited !== micro || cur !== ctx.broker(brk).currency) throw new PaymentProblem('broker-untrusted');
    return { signatures: [], balance };
  }
  if (kind !== 'withdraw') return { ...decode(ecashSwapResult, result, 'broker-untrusted'), balance: undefined };
  const read = decode(ecashWithdrawResult, result, 'broker-untrusted');
  if (read.cur !== ctx.broker(brk).currency) throw new PaymentProblem('broker-untrusted');
  return read;
}

/** From now on the job is checked instead of sent. */
async function doubt(
  ctx: Context,
  id: string,
  { body }: CoinJob,
  { problem, answer }: { problem: PaymentProblem; answer?: Json },
): Promise<void> {
  const key = keys.coinJob(id);
  await transact(ctx.store, [key, keys.evidence(id)], (tx) => {
    const job = tx.get('coin_job', key);
    if (!job) return;
    tx.put('coin_job', key, { ...job, step: 'check', code: problem.code });
    if (answer === undefined) return;
    keepEvidence(tx, ctx.env(), { about: id, what: problem.message, data: { order: body, answer } });
  });
}

/** What was signed is ours; else what was not spent is ours again. */
async function check(ctx: Context, id: string, mint: purses.Mint): Promise<void> {
  const job = await readOne(ctx.store, 'coin_job', keys.coinJob(id));
  if (!job) return;
  const code = isProblemCode(job.code) ? job.code : 'broker-untrusted';
  // A deposit asks for no coins: what was not refused was answered.
  const signatures = job.kind === 'deposit' ? [] : await signedOf(ctx, job.brk, job.planned, mint);
  const made = signatures.filter((one) => one !== null);
  // Another copy of this wallet has used these counters: what was signed was for its order.
  const foreign = code === 'coin-repeated';
  const isMade = made.length > 0 && made.length === signatures.length;
  if (isMade && !foreign) {
    const coins = purses.finish(job.planned, made, mint, ctx.env());
    return complete(ctx, id, { coins, mint, balance: undefined });
  }
  if (made.length > 0 && !foreign) {
    throw new PaymentProblem('broker-untrusted', { detail: 'it signed some coins of an order, and not the others' });
  }
  const { spent } = await spentAmong(ctx, job.brk, job.coins);
  // Nobody but a copy of this wallet could spend free coins of it.
  const copied = foreign || (isSwap(job.kind) && spent.size > 0);
  await undo(ctx, id, { spent, foreign: copied });
  throw new PaymentProblem(copied ? 'coin-repeated' : code, {
    ...(spent.size > 0 ? { detail: `${spent.size} of the coins were spent before` } : {}),
  });
}
