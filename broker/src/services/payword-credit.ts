// PayWord on credit: day certificates for those whom the broker lends to, and the polling that bounds overspending.
import { type Currency, type JsonObject, limits, PaymentProblem } from '@farthing/protocol';
import { payword, type paywordCertOrder, type paywordPollOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { CreditRow } from '../ledger/credit.ts';
import { account } from '../ledger/journal.ts';
import { atFreeMoment } from './free-moment.ts';
import { needPaidInvoices } from './invoices.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} `vendor-unknown`, `credit-closed`, `credit-overdue`, `limit-reached`, `rate-limit` */
export function certify(order: v.InferOutput<typeof paywordCertOrder>, step: OrderStep): JsonObject {
  const { from, vnd, pk, cur, limit } = order;
  const { ledger, keys } = step;
  if (!ledger.vendors.has(vnd)) throw new PaymentProblem('vendor-unknown');
  const name = account.user(from);
  needPaidInvoices({ account: name, cur }, step);
  const line = ledger.credit.line(name, cur) ?? lend(name, cur, step);
  const polled = ledger.credit.poll(name, cur);
  const today = secondsOf(step.env.nowMs) * 1000;
  if (line && polled?.day === Math.floor(today / DAY_MS) && polled.estimate >= limitOf(line, today, step)) {
    throw new PaymentProblem('limit-reached');
  }
  const terms = line && { account: name, cur, perSite: line.perSite, perDay: line.line, level: 2 as const };
  const row = atFreeMoment(step.env, (env) => {
    const made = payword.issueCert({ vnd, pk, cur, limit }, terms, keys, env);
    return ledger.credit.cert(made.cert.sub, made.cert.exp) ? undefined : made;
  });
  ledger.credit.addCert(row);
  return { cert: row.cert };
}

/** Test mode: whoever asks gets the same line. */
function lend(name: string, cur: Currency, { ledger, settings, env }: Step): CreditRow | undefined {
  const line = settings.creditMicro;
  if (line === 0n) return undefined;
  ledger.credit.setLine({ account: name, cur, line, perSite: line, madeMs: env.nowMs });
  return ledger.credit.line(name, cur);
}

/** What an account can still spend before the sites would not be paid: its money and its line. */
export const roomOf = (name: string, cur: Currency, { ledger }: Step): bigint => {
  const room = ledger.journal.balance(name, cur) + (ledger.credit.line(name, cur)?.line ?? 0n);
  return room > 0n ? room : 0n;
};

const DAY_MS = 86_400_000;

/** What an account may spend in a day by the guess of polling. What was billed today is in the guess already. */
function limitOf({ account: name, cur, line }: CreditRow, nowMs: number, step: Step): bigint {
  const left = roomOf(name, cur, step) + step.ledger.payword.used(dayOf(name, cur, nowMs));
  return left < line ? left : line;
}

/** Name of the sum that an account was billed in a day. */
export const dayOf = (name: string, cur: Currency, atMs: number): string =>
  `account:${name}:${cur}:${Math.floor(atMs / DAY_MS)}`;

/**
 * Always an answer: a pseudonym that is not the asker's customer is denied like one whose credit was closed.
 * @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`
 */
export function poll(order: v.InferOutput<typeof paywordPollOrder>, step: OrderStep): JsonObject {
  const { from, vnd, sub, cur, amount } = order;
  const { ledger, env } = step;
  ownVendor(vnd, from, ledger);
  const nowMs = secondsOf(env.nowMs) * 1000;
  const row = ledger.credit.certOf(sub);
  const theirs = row?.cert.vnd === vnd && row.cert.cur === cur && nowMs <= row.cert.exp * 1000 + limits.clockSkewMs;
  const line = theirs ? ledger.credit.line(row.account, cur) : undefined;
  if (!theirs || !line) return { answer: 'deny' };
  const perDay = limitOf(line, nowMs, step);
  const terms = { account: row.account, cur, perSite: line.perSite, perDay, level: row.cert.level as 0 | 1 | 2 };
  const report = { amount, everyMicro: ledger.credit.terms().pollMicro };
  const polled = payword.poll(ledger.credit.poll(row.account, cur), report, terms, nowMs);
  if (polled.row) ledger.credit.setPoll(bounded(polled.row), cur);
  return { answer: polled.answer };
}

/** A site that reports nonsense makes a number large, never too large. */
const bounded = (row: payword.PollRow): payword.PollRow =>
  row.estimate > limits.amountMax ? { ...row, estimate: limits.amountMax } : row;
