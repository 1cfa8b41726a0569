// Getting a chain into a purse: bought with one order, allotted to the site with the next. Its secrets are stored before
// the first, and each order is stored before it is sent, so that a chain that was paid for is never lost.
import { PaymentProblem } from '@farthing/protocol';
import type { Context } from './context.ts';
import { promise } from './credit.ts';
import { type Doc, keys } from './documents.ts';
import type { PaidMany } from './method.ts';
import { piecesOf } from './methods.ts';
import type { Found } from './offers.ts';
import { COIN_TTL_MS, draftOrder, runOrder, storeOrder } from './orders.ts';
import { listDocs, readOne, transact } from './transaction.ts';

type ChainDoc = Doc<'chain'>;

/**
 * With `credit` the chain is promised instead of bought.
 * @throws {PaymentProblem} the broker's refusal; `broker-unreachable`: the chain stays and is finished later
 */
export async function buyChain(
  ctx: Context,
  found: Found,
  { many, valueMicro, credit = false }: { many: PaidMany; valueMicro: bigint; credit?: boolean },
): Promise<void> {
  const { brk, method, request, api, origin, purse } = found;
  const env = ctx.env();
  const { recipient: vnd, currency, amount: unitMicro } = request;
  const units = Number(valueMicro / unitMicro);
  const count = Math.min(units, many.longest);
  const id = ctx.newId();
  const key = keys.chain(id);
  const doc: ChainDoc = {
    step: credit ? 'certify' : 'buy',
    ...{ purse, method: method.name, origin, api, brk, vnd, currency, unitMicro, count },
    own: credit ? many.credit.make(env) : many.make(count, env),
    ttlMs: COIN_TTL_MS,
    auth: many.auth(request),
    journal: ctx.newId(),
    atMs: env.nowMs,
  };
  await transact(ctx.store, [key, keys.credit], (tx) => {
    if (credit) promise(tx, unitMicro * BigInt(count), env.nowMs);
    tx.put('chain', key, doc);
  });
  await advanceChain(ctx, id);
}

/** Finishes the chains of a purse that were begun. @returns whether there was one */
export async function finishChains(ctx: Context, purse: string): Promise<boolean> {
  let finished = false;
  for (const { key, doc } of await listDocs(ctx.store, 'chain', 'chain/')) {
    if (doc.purse !== purse) continue;
    const id = key.slice('chain/'.length);
    try {
      await advanceChain(ctx, id);
      finished = true;
    } catch (error) {
      // Refused for good: another is bought. Still open: no second one beside it.
      if (!(error instanceof PaymentProblem) || (await readOne(ctx.store, 'chain', key))) throw error;
    }
  }
  return finished;
}

/** Takes a chain as far as it goes now. @throws {PaymentProblem} as `runOrder` */
export async function advanceChain(ctx: Context, id: string): Promise<void> {
  for (let step = 0; step < STEPS; step++) {
    const doc = await readOne(ctx.store, 'chain', keys.chain(id));
    if (!doc) return;
    const rid = doc.order ?? (await orderStep(ctx, id, doc));
    if (rid !== undefined) await runOrder(ctx, rid);
  }
}
const STEPS = 3;

/** Stores the order of a step. @returns `undefined` when somebody else was faster */
async function orderStep(ctx: Context, id: string, doc: ChainDoc): Promise<string | undefined> {
  const method = piecesOf(doc.method);
  const { many, refund } = method;
  if (!many) throw new PaymentProblem('storage-fault', { detail: 'a chain of a method without chains' });
  const { step, brk } = doc;
  const calls = {
    certify: () => ({ call: many.credit, members: many.credit.members(doc) }),
    buy: () => ({ call: many.buy, members: many.buy.members(doc) }),
    allot: () => ({ call: many.allot, members: many.allot.members(doc) }),
    undo: () => ({ call: refund, members: refund.members({ release: many.undo(doc.own) }) }),
  };
  const purpose = { kind: 'chain' as const, chain: id, purse: doc.purse };
  const draft = draftOrder(ctx, { brk, ...calls[step](), purpose });
  const key = keys.chain(id);
  return transact(ctx.store, [key, keys.order(draft.rid), keys.money(brk)], (tx) => {
    const now = tx.get('chain', key);
    if (now?.step !== step || now.order !== undefined) return undefined;
    tx.put('chain', key, { ...now, order: draft.rid });
    storeOrder(tx, ctx, draft);
    return draft.rid;
  });
}
