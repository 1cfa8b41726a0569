// Moving coins back: release at the site, then cash or renew at the broker. Each step is stored before the next, and
// repeating a step changes nothing, so a move survives a crash anywhere.
import { type JsonObject, PaymentProblem } from '@farthing/protocol';
import { inquireCheque } from './cheques/outcome.ts';
import { inquire } from './coins/inquire.ts';
import { type Context, keepEvidence, move } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { notCharged } from './give-back.ts';
import { outcomeOf, ownRecord } from './journal.ts';
import { methodOf, piecesOf } from './methods.ts';
import { COIN_TTL_MS, draftOrder, loseCoin, runOrder, storeOrder } from './orders.ts';
import { askRelease, type Released } from './release.ts';
import { needPayment, withPayment } from './sent.ts';
import { readOne, type Transaction, transact } from './transaction.ts';
import type { Settled } from './types.ts';

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
function canMove({ method: name, coins }: Purse, { piece, micro, shut, credit }: Coin): boolean {
  const { many } = piecesOf(name);
  if (!many) return true;
  const session = many.sessionOf(piece);
  const isBusy = coins.some((one) => one.holder !== undefined && many.sessionOf(one.piece) === session);
  return !isBusy && shut !== true && credit !== true && micro > 0n && many.isOpen(piece);
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
 * @returns journal ids of other moves that were made with it: one closing ends all chains of a session
 * @throws {PaymentProblem} `broker-unreachable`, `site-not-ready`, `release-invalid`: the move stays and can go on later
 */
export async function advance(ctx: Context, id: string): Promise<string[]> {
  const job = await readOne(ctx.store, 'job', keys.job(id));
  if (!job) return [];
  const beside: string[] = [];
  if (job.step === 'release') {
    const { purse, coin } = job;
    const answer = await askRelease(ctx, purse, coin);
    if (answer.kind === 'ended') await keepEnded(ctx, id, job, answer.problem);
    else if (answer.kind === 'spent') await lost(ctx, id, job, answer.problem);
    else beside.push(...(await released(ctx, id, { purseKey: purse, answer })));
  }
  await cash(ctx, id);
  const journals: string[] = [];
  for (const other of beside) {
    const begun = await readOne(ctx.store, 'job', keys.job(other));
    if (begun) journals.push(begun.journal);
    await cash(ctx, other);
  }
  return journals;
}

/** Writes down what the site signed; of a session for each of its chains, as the site may not say it again. */
async function released(
  ctx: Context,
  id: string,
  { purseKey, answer }: { purseKey: string; answer: Extract<Released, { kind: 'released' }> },
): Promise<string[]> {
  const others = signed(ctx, answer.others);
  return transact(ctx.store, [keys.job(id), purseKey, ...keysOf(others), ...ctx.moneyKeys()], (tx) => {
    const now = tx.get('job', keys.job(id));
    if (now?.step !== 'release') return [];
    tx.put('job', keys.job(id), { ...now, step: 'cash', release: answer.release });
    return beginCash(tx, ctx, purseKey, others);
  });
}

/** The ids of a move that begins with what the site has signed. */
type Signed = { readonly id: string; readonly journal: string; readonly coin: Coin; readonly release: JsonObject };

const signed = (ctx: Context, given: readonly Pick<Signed, 'coin' | 'release'>[]): Signed[] =>
  given.map((one) => ({ ...one, id: ctx.newId(), journal: ctx.newId() }));
const keysOf = (moves: readonly Signed[]) => moves.flatMap(({ id, journal }) => [keys.job(id), keys.journal(journal)]);

function beginCash(tx: Transaction, ctx: Context, purseKey: string, moves: readonly Signed[]): string[] {
  const { nowMs } = ctx.env();
  return moves.flatMap(({ id, journal, coin, release }) => {
    const purse = tx.need('purse', purseKey);
    const { idOf } = piecesOf(purse.method);
    const free = purse.coins.find((one) => one.holder === undefined && idOf(one.piece) === idOf(coin.piece));
    if (!free || free.micro === 0n) return [];
    const coins = purse.coins.map((one) => (one === free ? { ...one, holder: id } : one));
    tx.put('purse', purseKey, { ...purse, coins });
    move(tx, purse.brk, { coinsMicro: -free.micro, heldMicro: free.micro });
    const job = { kind: 'refund' as const, step: 'cash' as const, purse: purseKey, coin: free, journal, release };
    tx.put('job', keys.job(id), { ...job, atMs: nowMs });
    tx.put('journal', keys.journal(journal), { record: { ...moveRecord(ctx, purse, free, 'refund'), id: journal } });
    return [id];
  });
}

/**
 * Closes a session that the site has ended, such as an idle one, so that its rest returns before its chains expire.
 * @throws {PaymentProblem} as `advance`; when the site does not answer, nothing has begun
 */
export async function closeEnded(ctx: Context, purseKey: string, coin: Coin): Promise<void> {
  const answer = await askRelease(ctx, purseKey, coin);
  const own = answer.kind === 'released' ? [{ coin, release: answer.release }, ...answer.others] : [];
  const moves = signed(ctx, own);
  const begun = await transact(ctx.store, [purseKey, ...keysOf(moves), ...ctx.moneyKeys()], (tx) => {
    if (answer.kind === 'released') return beginCash(tx, ctx, purseKey, moves);
    const purse = tx.need('purse', purseKey);
    const { idOf } = piecesOf(purse.method);
    const isIt = (one: Coin) => one.holder === undefined && idOf(one.piece) === idOf(coin.piece);
    tx.put('purse', purseKey, {
      ...purse,
      coins: purse.coins.map((one) => (isIt(one) ? { ...one, shut: true } : one)),
    });
    return [];
  });
  ctx.changed();
  for (const id of begun) await cash(ctx, id);
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
  const method = piecesOf(methodName);
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

/** Nothing can be had from the site: the chain keeps its money until it ends, and is not paid with any more. */
async function keepEnded(ctx: Context, id: string, job: Doc<'job'>, problem: PaymentProblem): Promise<void> {
  const journal = keys.journal(job.journal);
  const all = [keys.job(id), job.purse, journal, ...ctx.moneyKeys()];
  await transact(ctx.store, all, (tx) => {
    if (!tx.has(keys.job(id))) return;
    const purse = tx.need('purse', job.purse);
    const coins = purse.coins.map(({ holder, ...coin }) => {
      if (holder === id) return { ...coin, ended: true, shut: true };
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
  const { many, money } = methodOf(sending.challenge.method);
  if (money === 'coins') return inquire(ctx, id);
  if (money === 'cheques') return inquireCheque(ctx, id);
  if (many) return withPayment(ctx, id, (_tx, now) => outcomeOf(now.record.state));
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
      notCharged(tx, ctx, sent, { proven: true });
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
