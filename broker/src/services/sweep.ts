// Nothing is forfeited: after the claim window what was not claimed returns to the buyer, else to `unclaimed`.
import { limits } from '@farthing/protocol';
import { scrip } from '@farthing/protocol/broker';
import { account } from '../ledger/journal.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { onFloat, type RootRow } from '../ledger/scrip.ts';
import type { Step } from './step.ts';

/** Pieces in one transaction: a sweep must not make customers wait. */
const BATCH = 200;

/** @returns whether more is waiting */
export function sweepResidue({ ledger, env }: Step): boolean {
  const endedMs = env.nowMs - limits.clockSkewMs - limits.claimWindowMs;
  const roots = ledger.scrip.expired(endedMs, BATCH);
  for (const before of roots) {
    const returned = scrip.residue(before, env.nowMs);
    if (!returned) continue;
    const { root, credit } = returned;
    ledger.scrip.setRoot(root);
    const to = payee(root, credit, ledger);
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'residue',
      ref: root.vnd,
      order: undefined,
      postings: [onFloat(root, -credit), { account: to, cur: root.cur, amount: credit }],
    });
  }
  return roots.length === BATCH;
}

/** The buyer, unless nobody is known or the account is full: a sweep must not stop at one piece. */
function payee({ buyer, cur }: RootRow, credit: bigint, { journal }: Ledger): string {
  if (buyer === undefined) return account.unclaimed;
  const user = account.user(buyer);
  return journal.balance(user, cur) + credit > limits.amountMax ? account.unclaimed : user;
}
