// Certificates for cheques. What a site may serve unasked is kept aside from the moment it is certified: then the site is paid
// whatever else the account does, and the broker lends nothing.
import {
  type Currency,
  type JsonObject,
  type Level,
  limits,
  PaymentProblem,
  type ProblemCode,
  verifyObject,
} from '@farthing/protocol';
import {
  approverChange,
  type chequeApproveOrder,
  type chequeApproverOrder,
  type chequeAuthorizeOrder,
  type chequeCertsOrder,
  cheque as rules,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type AccountDay, type ChequeCertRow, onCert } from '../ledger/cheque.ts';
import { account, type Posting } from '../ledger/journal.ts';
import { atFreeMoment } from './free-moment.ts';
import { needPaidInvoices } from './invoices.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/**
 * @throws {PaymentProblem} `vendor-unknown`, `credit-overdue`, `level-too-low`, `limit-reached`, `approver-needed`, `rate-limit`,
 *   `balance-short`
 */
export function certify(order: v.InferOutput<typeof chequeCertsOrder>, step: OrderStep): JsonObject {
  const { from, rid, cur, level, keys: wanted } = order;
  const { ledger, keys, env } = step;
  const name = account.user(from);
  needPaidInvoices({ account: name, cur }, step);
  if (ledger.cheques.openCerts(name, secondsOf(env.nowMs)) + wanted.length > limits.chequeCertsOpen) {
    throw new PaymentProblem('rate-limit', { retryAfter: 3600 });
  }
  const day = dayOf({ account: name, cur, level }, step);
  const aside: Posting[] = [];
  ledger.gather(() => wanted.map(({ vnd }) => ledger.vendors.get(vnd)));
  const certs = wanted.map((one) => {
    if (one.vnd !== '*' && !ledger.vendors.get(one.vnd)) throw new PaymentProblem('vendor-unknown');
    needRoom(one.limit, day, step);
    if (one.perDay > mostOf(level, step).perDay) throw new PaymentProblem(tooMuch(level));
    const supervised = ledger.cheques.supervision(name, cur);
    if (supervised && one.limit > supervised.above) {
      throw new PaymentProblem('approver-needed', { members: { approver: supervised.approver } });
    }
    const cert = atFreeMoment(env, (at) => {
      const made = rules.issueCert(name, { ...one, cur, level }, keys, at);
      return ledger.cheques.cert(made.sub, made.exp) ? undefined : made;
    });
    ledger.cheques.addCert({ cert, account: name, kept: one.limit });
    ledger.cheques.use(day, one.limit);
    if (one.limit > 0n) aside.push(onCert({ cert }, one.limit));
    return cert;
  });
  putAside(aside, { name, cur, kind: 'cheque-certs', order: { from, rid } }, step);
  return { certs, balance: ledger.journal.shown(name, cur), cur };
}

/**
 * A site asks before it serves more than was certified. Asked again it is the same answer, and nothing more is kept aside.
 * @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `cert-foreign`, `cert-expired`, `limit-reached`
 */
export function authorize(order: v.InferOutput<typeof chequeAuthorizeOrder>, step: OrderStep): JsonObject {
  const { from, rid, vnd, sub, certExp, cur, spent, amount } = order;
  const { ledger, env } = step;
  ownVendor(vnd, from, ledger);
  const row = ledger.cheques.cert(sub, certExp);
  if (row?.cert.vnd !== vnd || row.cert.cur !== cur) throw new PaymentProblem('cert-foreign');
  const more = rules.raiseBy(row, { spent, amount }, row.cert, env.nowMs);
  if (more === 0n) return { limit: row.kept.toString() };
  const { account: name, cert } = row;
  const supervised = ledger.cheques.supervision(name, cur);
  if (supervised && row.kept + more > supervised.above) throw new PaymentProblem('limit-reached');
  const day = dayOf({ account: name, cur, level: cert.level }, step);
  // The site learns that it is too much, not whether of money or of a limit.
  if (!hasRoom(more, day, step) || more > roomOf(name, cur, step)) throw new PaymentProblem('limit-reached');
  ledger.cheques.setCert({ ...row, kept: row.kept + more });
  ledger.cheques.use(day, more);
  putAside([onCert(row, more)], { name, cur, kind: 'cheque-authorize', order: { from, rid } }, step);
  return { limit: (row.kept + more).toString() };
}

/**
 * From then on cheques of more than `above` need the yes of the approver, and so does the next change of this.
 * @throws {PaymentProblem} `approver-needed`, `request-malformed`
 */
export function supervise(order: v.InferOutput<typeof chequeApproverOrder>, { ledger, env }: OrderStep): JsonObject {
  const { from, rid, cur, approver, above, consent } = order;
  if (approver === from) throw new PaymentProblem('request-malformed', { detail: 'approver: expected another key' });
  const name = account.user(from);
  const before = ledger.cheques.supervision(name, cur);
  const change = approverChange({ account: from, rid, cur, approver, above });
  if (before && !(consent !== undefined && verifyObject(change, before.approver, consent, env.crypto))) {
    throw new PaymentProblem('approver-needed', { members: { approver: before.approver } });
  }
  ledger.cheques.supervise({ account: name, cur, approver, above });
  return { approver, above: above.toString(), cur };
}

/** Counts where the account says that it does. */
export function approve(
  { from, cheque, amount, exp }: v.InferOutput<typeof chequeApproveOrder>,
  { ledger }: OrderStep,
): JsonObject {
  ledger.cheques.approve({ cheque, approver: from, amount, exp });
  return { cheque };
}

type Aside = { name: string; cur: Currency; kind: string; order: { from: string; rid: string } };

function putAside(aside: readonly Posting[], { name, cur, kind, order }: Aside, { ledger, env }: Step): void {
  const sum = aside.reduce((total, { amount }) => total + amount, 0n);
  if (sum === 0n) return;
  const postings = [{ account: name, cur, amount: -sum }, ...aside];
  ledger.journal.post({ atMs: env.nowMs, kind, ref: '', order, postings, overdraft: lineOf(name, cur, { ledger }) });
}

/** How far below zero an account on credit may go. */
export const lineOf = (name: string, cur: Currency, { ledger }: Pick<Step, 'ledger'>): ReadonlyMap<string, bigint> =>
  new Map([[name, ledger.credit.line(name, cur)?.line ?? 0n]]);

/** What an account has, with its credit. */
export const roomOf = (name: string, cur: Currency, { ledger }: Pick<Step, 'ledger'>): bigint =>
  ledger.journal.balance(name, cur) + (ledger.credit.line(name, cur)?.line ?? 0n);

// ── limits of a level ───────────────────────────────────────────────────────────────────────────────────────────────

const DAY_MS = 86_400_000;

export const dayOf = (of: Omit<AccountDay, 'day'>, { env }: Step): AccountDay => ({
  ...of,
  day: Math.floor((secondsOf(env.nowMs) * 1000) / DAY_MS),
});

/** In one payment, and in a day. */
const mostOf = (level: Level, { settings }: Step): { perPayment: bigint; perDay: bigint } => {
  const perPayment = settings.levelMicro[level];
  return { perPayment, perDay: 4n * perPayment };
};

/** Who could use a stronger key is told so. */
export const tooMuch = (level: Level): ProblemCode => (level < 2 ? 'level-too-low' : 'limit-reached');

export function hasRoom(amount: bigint, day: AccountDay, step: Step): boolean {
  const { perPayment, perDay } = mostOf(day.level, step);
  return amount <= perPayment && step.ledger.cheques.used(day) + amount <= perDay;
}

function needRoom(amount: bigint, day: AccountDay, step: Step): void {
  if (!hasRoom(amount, day, step)) throw new PaymentProblem(tooMuch(day.level));
}

/** What is still aside for what the site may claim. */
export const restOf = ({ kept, paid, returned }: ChequeCertRow): bigint => kept - paid - returned;
