// Nothing is forfeited: after the claim window what was not claimed returns to the buyer, else to `unclaimed`.
import { type Currency, limits } from '@farthing/protocol';
import { scrip } from '@farthing/protocol/broker';
import { onCert, onHold } from '../ledger/cheque.ts';
import { account } from '../ledger/journal.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { onFloat } from '../ledger/scrip.ts';
import { endHold } from './cheque.ts';
import { restOf } from './cheque-certs.ts';
import { freePayment, toCoins } from './ecash-holds.ts';
import { endChain } from './payword-prepaid.ts';
import { secondsOf } from './seconds.ts';
import type { Step } from './step.ts';

/** Pieces in one transaction: a sweep must not make customers wait. */
const BATCH = 200;

/** @returns whether more is waiting */
export function sweepResidue({ ledger, env }: Step): boolean {
  const endedMs = env.nowMs - limits.clockSkewMs - limits.claimWindowMs;
  const roots = ledger.scrip.expired(endedMs, BATCH);
  ledger.gather(() => {
    for (const { vnd, root, buyer, cur } of roots) {
      ledger.scrip.root(vnd, root);
      if (buyer !== undefined) ledger.journal.balance(account.user(buyer), cur);
    }
  });
  for (const { vnd, root: name } of roots) {
    const before = ledger.scrip.root(vnd, name);
    const returned = before && scrip.residue(before, env.nowMs);
    if (!returned) continue;
    const { root, credit } = returned;
    ledger.scrip.setRoot(root);
    const { buyer, cur } = root;
    const to = payee(buyer === undefined ? undefined : account.user(buyer), { cur, credit }, ledger);
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

/** The rest of prepaid chains, 48 hours after they expired. @returns whether more is waiting */
export function sweepChains(step: Step): boolean {
  const { ledger, env } = step;
  const chains = ledger.payword.ended(secondsOf(env.nowMs - limits.clockSkewMs - limits.paywordWindowMs), BATCH);
  ledger.gather(() => {
    for (const chain of chains) {
      ledger.payword.chain(chain.id);
      ledger.journal.balance(chain.account, chain.cur);
    }
  });
  for (const before of chains) {
    const { cur, id } = before;
    const { credit, posting } = endChain(before, step);
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'chain-rest',
      ref: id,
      order: undefined,
      postings: [posting, { account: payee(before.account, { cur, credit }, ledger), cur, amount: credit }],
    });
  }
  return chains.length === BATCH;
}

/** Payments with coins that their sites neither captured nor voided. @returns whether more is waiting */
export function sweepHolds(step: Step): boolean {
  const { ledger, env } = step;
  const held = ledger.ecash.overdue(secondsOf(env.nowMs - limits.clockSkewMs), BATCH);
  ledger.gather(() => {
    for (const { vnd, challenge, coins } of held) {
      ledger.ecash.payment(vnd, challenge);
      for (const { pk } of coins) ledger.ecash.useOf(pk);
    }
  });
  for (const row of held) {
    const { vnd, challenge, cur } = row;
    const amount = freePayment(row, step);
    if (amount === 0n) continue;
    const entry = { atMs: env.nowMs, kind: 'hold-end', ref: `${vnd} ${challenge}`, order: undefined };
    ledger.journal.post({ ...entry, postings: toCoins(cur, amount) });
  }
  return held.length === BATCH;
}

/** Cheques that were held and neither captured nor voided. @returns whether more is waiting */
export function sweepCheques(step: Step): boolean {
  const { ledger, env } = step;
  const held = ledger.cheques.overdue(secondsOf(env.nowMs - limits.clockSkewMs), BATCH);
  ledger.gather(() => {
    for (const cheque of held) {
      ledger.cheques.get(cheque.vnd, cheque.epoid);
      ledger.journal.balance(cheque.account, cheque.cur);
    }
  });
  for (const before of held) {
    const { row } = endHold(before, 'void', step);
    const { vnd, epoid, cur, amount } = row;
    const to = payee(row.account, { cur, credit: amount }, ledger);
    const entry = { atMs: env.nowMs, kind: 'cheque-end', ref: `${vnd} ${epoid}`, order: undefined };
    ledger.journal.post({ ...entry, postings: [onHold(row, -amount), { account: to, cur, amount }] });
  }
  return held.length === BATCH;
}

/** What was kept aside for certificates that nobody can claim on any more. @returns whether more is waiting */
export function sweepCerts(step: Step): boolean {
  const { ledger, env } = step;
  const ended = ledger.cheques.endedCerts(secondsOf(env.nowMs - limits.clockSkewMs - limits.chequeWindowMs), BATCH);
  ledger.gather(() => {
    for (const { cert, account: name } of ended) {
      ledger.cheques.cert(cert.sub, cert.exp);
      ledger.journal.balance(name, cert.cur);
    }
  });
  for (const before of ended) {
    const credit = restOf(before);
    const { cert } = before;
    ledger.cheques.setCert({ ...before, returned: before.returned + credit });
    const to = payee(before.account, { cur: cert.cur, credit }, ledger);
    const entry = { atMs: env.nowMs, kind: 'cheque-rest', ref: '', order: undefined };
    ledger.journal.post({
      ...entry,
      postings: [onCert(before, -credit), { account: to, cur: cert.cur, amount: credit }],
    });
  }
  return ended.length === BATCH;
}

/** The same at other brokers, which end them by themselves: what was kept of their lines for them is free again. */
export function sweepPeerHolds({ ledger, env }: Step): void {
  ledger.peers.endHolds(secondsOf(env.nowMs - 2 * limits.clockSkewMs));
}

/** The buyer, unless nobody is known or the account is full: a sweep must not stop at one piece. */
function payee(
  user: string | undefined,
  { cur, credit }: { cur: Currency; credit: bigint },
  { journal }: Ledger,
): string {
  if (user === undefined) return account.unclaimed;
  return journal.balance(user, cur) + credit > limits.amountMax ? account.unclaimed : user;
}
