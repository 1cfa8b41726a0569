// What the broker's answers about a chain change in the wallet. Part of the step that closes the order.
import { type JsonObject, PaymentProblem } from '@farthing/protocol';
import { type Context, move } from './context.ts';
import { unpromise } from './credit.ts';
import { keys } from './documents.ts';
import { ownRecord } from './journal.ts';
import { piecesOf } from './methods.ts';
import type { Transaction } from './transaction.ts';

/**
 * Checks the answer first, then moves the money.
 * @returns the broker's balance, where the answer tells it
 * @throws {PaymentProblem} `broker-untrusted`: nothing was changed
 */
export function applyChain(tx: Transaction, ctx: Context, id: string, result: JsonObject): bigint | undefined {
  const key = keys.chain(id);
  const doc = tx.need('chain', key);
  const { brk, vnd, purse: purseKey, currency, origin, api, step } = doc;
  const { name, many, sold, idOf } = piecesOf(doc.method);
  if (!many) throw new PaymentProblem('storage-fault');
  const price = doc.unitMicro * BigInt(doc.count);
  const { order: _, ...rest } = doc;
  if (step === 'buy') {
    const balanceMicro = many.bought(result, doc);
    move(tx, brk, { accountMicro: -price, heldMicro: price });
    tx.put('chain', key, { ...rest, step: 'allot' });
    return balanceMicro;
  }
  if (step === 'certify') {
    const coin = many.credit.certified(result, doc, { root: ctx.broker(brk).keys.root, env: ctx.env() });
    const purse = tx.get('purse', purseKey) ?? { brk, vnd, method: name, currency, origin, api, coins: [] };
    move(tx, brk, { lentMicro: price, coinsMicro: price });
    tx.put('purse', purseKey, { ...purse, origin, api, coins: [...purse.coins, coin] });
    tx.drop(key);
    return undefined;
  }
  const own = ownRecord(ctx, brk, { kind: 'purchase', amountMicro: price, site: origin, method: name });
  const journal = { ...own, id: doc.journal };
  const write = (state: 'paid' | 'refunded') =>
    tx.put('journal', keys.journal(doc.journal), {
      record: { ...journal, state, balanceAfterMicro: ctx.total(tx) },
    });
  if (step === 'undo') {
    const undone = sold(result, { ...doc, valueMicro: price, count: 0 }, doc.atMs);
    const back = undone.backMicro ?? price;
    move(tx, brk, { heldMicro: -price, accountMicro: back, lostMicro: price - back });
    tx.drop(key);
    write('refunded');
    return undone.balanceMicro;
  }
  const coin = many.allotted(result, doc, { root: ctx.broker(brk).keys.root, env: ctx.env() });
  const purse = tx.get('purse', purseKey) ?? { brk, vnd, method: name, currency, origin, api, coins: [] };
  if (purse.coins.some(({ piece }) => idOf(piece) === idOf(coin.piece))) {
    throw new PaymentProblem('broker-untrusted', { detail: 'a chain that was sold to us before' });
  }
  move(tx, brk, { heldMicro: -price, coinsMicro: price });
  tx.put('purse', purseKey, { ...purse, origin, api, coins: [...purse.coins, coin] });
  tx.drop(key);
  write('paid');
  return undefined;
}

/** The broker will not: nothing was bought, or what was bought is given back. */
export function refuseChain(tx: Transaction, id: string, problem: PaymentProblem): void {
  const key = keys.chain(id);
  const doc = tx.get('chain', key);
  if (!doc) return;
  const { order: _, ...rest } = doc;
  if (doc.step === 'certify' && problem.code !== 'request-stale') {
    unpromise(tx, doc.unitMicro * BigInt(doc.count), doc.atMs);
    tx.drop(key);
    return;
  }
  if (doc.step === 'buy') tx.drop(key);
  else tx.put('chain', key, { ...rest, step: problem.code === 'request-stale' ? doc.step : 'undo' });
}
