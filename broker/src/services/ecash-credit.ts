// Coins come home: they become money of the account that brings them. Who does so is known, and so is how much; which coins they
// were when they went out is not.
import type { JsonObject } from '@farthing/protocol';
import { ecash, type ecashCreditOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account } from '../ledger/journal.ts';
import type { OrderStep } from './step.ts';

/** @throws {PaymentProblem} coin and keyset problems, `balance-full` */
export function credit(order: v.InferOutput<typeof ecashCreditOrder>, { ledger, env }: OrderStep): JsonObject {
  const { from, rid, cur, coins } = order;
  const user = account.user(from);
  const made = ecash.credit({ coins, to: from, cur }, ledger.ecash.mintKeys(), env);
  ledger.ecash.spend(coins, `swap ${from} ${rid}`);
  ledger.ecash.addTotals(made.totals);
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'ecash-credit',
    ref: '',
    order: { from, rid },
    postings: [
      { account: account.ecash, cur, amount: -made.value },
      { account: user, cur, amount: made.value },
    ],
  });
  return { credited: made.value.toString(), balance: ledger.journal.shown(user, cur), cur };
}
