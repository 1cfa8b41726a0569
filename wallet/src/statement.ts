// The broker's word on the account, taken over only when nothing of ours was under way meanwhile.
import { decode, makeOrder, PaymentProblem, statementResult } from '@farthing/protocol';
import { post } from './broker.ts';
import { type Context, emptyMoney } from './context.ts';
import { keys } from './documents.ts';
import { reconcile } from './orders.ts';
import { readOne, transact } from './transaction.ts';

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, the broker's refusal */
export async function refreshAccount(ctx: Context, brk: string): Promise<void> {
  const broker = ctx.broker(brk);
  const key = keys.money(brk);
  const before = await readOne(ctx.store, 'money', key);
  if (before && before.openOrders > 0) return;
  const order = makeOrder(
    'statement/1',
    { cur: broker.currency, after: 0, limit: 1 },
    ctx.needAccount().seed,
    ctx.env(),
  );
  const posted = await post(ctx, broker, { path: '/v1/statement', body: JSON.stringify(order) });
  if (posted.kind === 'refused') throw posted.problem;
  const { balance, cur } = decode(statementResult, posted.result, 'broker-untrusted');
  if (cur !== broker.currency) throw new PaymentProblem('broker-untrusted', { detail: `a statement in ${cur}` });
  await transact(ctx.store, [key], (tx) => {
    const money = tx.get('money', key);
    if (!money) tx.put('money', key, emptyMoney(broker.currency));
    if (money && (money.openOrders > 0 || money.seq !== before?.seq)) return;
    reconcile(tx, brk, balance);
  });
  ctx.changed();
}
