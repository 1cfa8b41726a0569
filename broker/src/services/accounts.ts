// Money into accounts (demo faucet, vouchers), and what an account may read about itself.
import {
  type faucetOrder,
  type JsonObject,
  PaymentProblem,
  type statementOrder,
  type voucherOrder,
} from '@farthing/protocol';
import type * as v from 'valibot';
import { account } from '../ledger/journal.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} `faucet-closed`, `faucet-limit` */
export function faucet({ from, rid, amount, cur }: v.InferOutput<typeof faucetOrder>, step: OrderStep): JsonObject {
  const { ledger, settings, env } = step;
  if (!settings.test) throw new PaymentProblem('faucet-closed');
  if (amount > settings.faucetMicro) {
    throw new PaymentProblem('request-malformed', { detail: `amount: expected at most ${settings.faucetMicro}` });
  }
  const user = account.user(from);
  step.faucet.take(user, { rid, amount }, env.nowMs);
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'faucet',
    ref: '',
    order: { from, rid },
    postings: [
      { account: account.faucet, cur, amount: -amount },
      { account: user, cur, amount },
    ],
  });
  return { balance: ledger.journal.shown(user, cur), cur };
}

/** @throws {PaymentProblem} `voucher-unknown`, `voucher-used` */
export function voucher({ from, rid, code }: v.InferOutput<typeof voucherOrder>, step: OrderStep): JsonObject {
  const { ledger, env } = step;
  const found = ledger.codes.voucher(code);
  if (!found) throw new PaymentProblem('voucher-unknown');
  if (found.used || !ledger.codes.useVoucher(code, { from, rid, atMs: env.nowMs })) {
    throw new PaymentProblem('voucher-used');
  }
  const { amount, cur } = found;
  const user = account.user(from);
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'voucher',
    ref: '',
    order: { from, rid },
    postings: [
      { account: account.vouchers, cur, amount: -amount },
      { account: user, cur, amount },
    ],
  });
  return { balance: ledger.journal.shown(user, cur), cur, credited: amount.toString() };
}

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid` for the account of a site that is not the asker's */
export function statement(
  { from, cur, vnd, after, limit }: v.InferOutput<typeof statementOrder>,
  { ledger }: OrderStep,
): JsonObject {
  const name = vnd === undefined ? account.user(from) : account.vendor(ownVendor(vnd, from, ledger).vnd);
  const balance = ledger.journal.balance(name, cur);
  const lent = ledger.credit.line(name, cur);
  const opened = ledger.archived.last();
  const due = ledger.invoices.dueOf({ account: name, cur }, { balance, openedAt: opened?.seq ?? 0 });
  const carried = opened && after < opened.seq ? ledger.archived.carried(name, cur) : undefined;
  const aside = ledger.cheques.aside(name, cur);
  return {
    balance: ledger.journal.shown(name, cur),
    ...(balance < 0n ? { owed: (-balance).toString() } : {}),
    ...(lent ? { line: lent.line.toString() } : {}),
    ...(aside > 0n ? { aside: aside.toString() } : {}),
    ...(due === undefined ? {} : { due }),
    ...(opened && carried
      ? { archived: { seq: opened.seq, amount: carried.amount.toString(), lines: carried.lines } }
      : {}),
    cur,
    lines: ledger.journal.lines(name, cur, { after, limit }).map((line) => ({
      seq: line.seq,
      at: secondsOf(line.atMs),
      kind: line.kind,
      amount: line.amount.toString(),
      ref: line.ref,
    })),
  };
}
