// The broker's word on the account, taken over only when nothing of ours was under way meanwhile.
import { decode, makeOrder, PaymentProblem, statementResult } from '@farthing/protocol';
import type { InferOutput } from 'valibot';
import { post } from './broker.ts';
import { promisedIn } from './conservation.ts';
import { type Context, emptyMoney } from './context.ts';
import { keys } from './documents.ts';
import { readOne, type Transaction, transact } from './transaction.ts';

type Stated = InferOutput<typeof statementResult>;

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, the broker's refusal */
export async function refreshAccount(ctx: Context, brk: string): Promise<void> {
  const broker = ctx.broker(brk);
  const key = keys.money(brk);
  const before = await readOne(ctx.store, 'money', key);
  if (before && before.openOrders > 0) return;
  const order = makeOrder('statement/1', { cur: broker.currency, after: 0, limit: 1 }, ctx.secrets().seed, ctx.env());
  const posted = await post(ctx, broker, { path: '/v1/statement', body: JSON.stringify(order) });
  if (posted.kind === 'refused') throw posted.problem;
  const stated = decode(statementResult, posted.result, 'broker-untrusted');
  if (stated.cur !== broker.currency) {
    throw new PaymentProblem('broker-untrusted', { detail: `a statement in ${stated.cur}` });
  }
  const purses = (await ctx.store.list('purse/')).map(({ key: purse }) => purse);
  await transact(ctx.store, [key, ...purses], (tx) => {
    const money = tx.get('money', key);
    if (!money) tx.put('money', key, emptyMoney(broker.currency));
    if (money && (money.openOrders > 0 || money.seq !== before?.seq)) return;
    const promised = purses
      .map((purse) => tx.get('purse', purse))
      .reduce((sum, purse) => (purse?.brk === brk ? sum + promisedIn(purse) : sum), 0n);
    take(tx, brk, stated, promised);
  });
  ctx.changed();
}

/** What the account lost beyond what we know is the bill for what was spent on credit, as far as that goes. */
function take(tx: Transaction, brk: string, stated: Stated, promised: bigint): void {
  const { balance, owed = 0n, line, due } = stated;
  const { lineMicro: _, dueAtMs: __, ...money } = tx.need('money', keys.money(brk));
  const drift = balance - owed - money.accountMicro;
  const unbilled = money.lentMicro - promised;
  const billed = drift >= 0n ? 0n : -drift < unbilled ? -drift : unbilled;
  tx.put('money', keys.money(brk), {
    ...money,
    accountMicro: money.accountMicro + drift,
    lentMicro: money.lentMicro - billed,
    receivedMicro: money.receivedMicro + drift + billed,
    ...(line === undefined ? {} : { lineMicro: line }),
    ...(due === undefined ? {} : { dueAtMs: due * 1000 }),
  });
}
