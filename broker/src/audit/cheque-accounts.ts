// What the signed orders say of accounts that write cheques: certificates and what is aside for them, days, and who has to agree.
import { type Crypto, type DayCert, limits, verifyObject } from '@farthing/protocol';
import {
  type Approval,
  approverChange,
  chequeApproveOrder,
  chequeApproveResult,
  chequeApproverOrder,
  chequeApproverResult,
  chequeAuthorizeOrder,
  chequeAuthorizeResult,
  chequeCertsOrder,
  chequeCertsResult,
  type chequeClaim,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type Asked, apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import type { Auditing, Shelf } from './shelves.ts';

export type CertFacts = {
  readonly account: string;
  readonly cert: DayCert;
  kept: bigint;
  paid: bigint;
  returned: bigint;
  captured: bigint;
};
/** account|sub|currency → amount; `told`: the balance that the answer tells, if it tells one. */
type Moved = {
  kind: string;
  ref: string;
  sums: Map<string, bigint>;
  told?: { account: string; cur: string; amount: bigint };
};
export type BookCheques = (evidence: Evidence, moved: Moved) => void;
export type Cheque = v.InferOutput<typeof chequeClaim>['cheque'];
type Allowed = { readonly hash: string; readonly account: string; readonly cur: string; readonly amount: bigint };

export const HOLD = 'hold:cheque';
const DAY_SECONDS = 86_400;
const WINDOW_MS = BigInt(limits.clockSkewMs + limits.chequeWindowMs);

export class ChequeAccounts {
  readonly certs: Shelf<CertFacts>;
  readonly days: Shelf<Cells & { used: bigint }>;
  readonly approvers = new Map<string, Cells & { approver: string; above: bigint }>();
  readonly approvals: Shelf<Cells & { amount: bigint }>;
  readonly #crypto: Crypto;
  readonly #findings: Findings;

  constructor({ shelves, crypto, findings }: Auditing) {
    this.certs = shelves.add('cheque_cert');
    this.days = shelves.add('cheque_day');
    this.approvals = shelves.add('approval');
    this.#crypto = crypto;
    this.#findings = findings;
  }

  /** @returns whether it is an order about accounts that write cheques */
  take(evidence: Evidence, book: BookCheques): boolean {
    return (
      apply(chequeCertsOrder, chequeCertsResult, evidence, (o, r) => this.#certify(evidence, { o, r }, book)) ||
      apply(chequeApproverOrder, chequeApproverResult, evidence, (o) => this.#supervise(o)) ||
      apply(chequeApproveOrder, chequeApproveResult, evidence, ({ from, cheque, amount, exp }) => {
        this.approvals.set(`${cheque} ${from}`, { cheque, approver: from, amount, exp: BigInt(exp) });
      }) ||
      apply(chequeAuthorizeOrder, chequeAuthorizeResult, evidence, (o, r) => {
        this.#authorize(evidence, { o, r }, book);
      })
    );
  }

  /** What the broker did by itself: the rest of a certificate went back. @returns whose it was, if it could go back then */
  rest(sub: string, { amount, atMs }: { amount: bigint; atMs: bigint }): string | undefined {
    const facts = this.certs.get(sub);
    const late = facts && atMs > BigInt(facts.cert.exp) * 1000n + WINDOW_MS;
    if (!facts || !late || amount !== facts.kept - facts.paid - facts.returned) return undefined;
    facts.returned += amount;
    return facts.account;
  }

  /** What an account let go on a day. */
  use({ account, cert }: Pick<CertFacts, 'account' | 'cert'>, amount: bigint, at: number): void {
    if (amount <= 0n) return;
    const day = BigInt(Math.floor(at / DAY_SECONDS));
    const cells = { account, cur: cert.cur, level: BigInt(cert.level), day };
    const name = Object.values(cells).join(' ');
    this.days.set(name, { ...cells, used: (this.days.get(name)?.used ?? 0n) + amount });
  }

  /** Signed by the certified key, within its certificate. */
  isTheirs(cheque: Cheque, { cert }: CertFacts): boolean {
    const same = cheque.sub === cert.sub && cheque.cur === cert.cur && (cert.vnd === '*' || cert.vnd === cheque.vnd);
    return same && cheque.exp <= cert.exp && verifyObject(cheque, cert.pk, cheque.sig, this.#crypto);
  }

  /** Does the account allow it without a yes, or was there one? */
  isAllowed(payment: Allowed, approvals: readonly Approval[] = []): boolean {
    const supervised = this.approvers.get(`${payment.account} ${payment.cur}`);
    return (
      !supervised || payment.amount <= supervised.above || this.#isApproved(payment, supervised.approver, approvals)
    );
  }

  #certify(evidence: Evidence, { o, r }: Asked<typeof chequeCertsOrder, typeof chequeCertsResult>, book: BookCheques) {
    const account = `user:${o.from}`;
    const sums = new Map<string, bigint>();
    if (r.certs.length !== o.keys.length) this.#odd(o.rid, 'a certificate for each key');
    for (const [i, cert] of r.certs.entries()) {
      const asked = o.keys[i];
      const name = `${cert.sub} ${cert.exp}`;
      const fits =
        asked &&
        cert.use === 'cheque' &&
        cert.pk === asked.pk &&
        cert.vnd === asked.vnd &&
        cert.cur === o.cur &&
        cert.level === o.level &&
        BigInt(cert.limit) === asked.limit &&
        BigInt(cert.perDay) === asked.perDay;
      if (!fits || this.certs.has(name)) this.#odd(name, 'a certificate of what was asked');
      const kept = BigInt(cert.limit);
      this.certs.set(name, { account, cert, kept, paid: 0n, returned: 0n, captured: 0n });
      this.use({ account, cert }, kept, evidence.at);
      add(sums, `${account}||${o.cur}`, -kept);
      add(sums, `${HOLD}|${name}|${o.cur}`, kept);
    }
    book(evidence, { kind: 'cheque-certs', ref: '', sums, told: { account, cur: r.cur, amount: r.balance } });
  }

  #supervise({ from, rid, cur, approver, above, consent }: v.InferOutput<typeof chequeApproverOrder>): void {
    const account = `user:${from}`;
    const name = `${account} ${cur}`;
    const before = this.approvers.get(name);
    const change = approverChange({ account: from, rid, cur, approver, above });
    const agreed = !before || verifyObject(change, before.approver, consent ?? '', this.#crypto);
    if (!agreed) this.#odd(name, 'a change that the approver agreed to');
    this.approvers.set(name, { account, cur, approver, above });
  }

  #authorize(
    evidence: Evidence,
    { o, r }: Asked<typeof chequeAuthorizeOrder, typeof chequeAuthorizeResult>,
    book: BookCheques,
  ) {
    const name = `${o.sub} ${o.certExp}`;
    const facts = this.certs.get(name);
    if (facts?.cert.vnd !== o.vnd) return this.#odd(name, 'a certificate for this site');
    const more = r.limit - facts.kept;
    if (more < 0n || (more > 0n && r.limit !== o.spent + o.amount)) this.#odd(name, `at least ${facts.kept}`);
    if (more > 0n && r.limit + facts.captured > BigInt(facts.cert.perDay)) this.#odd(name, 'a limit within its day');
    facts.kept = r.limit;
    this.use(facts, more, evidence.at);
    const { account } = facts;
    const sums = new Map([
      [`${account}||${o.cur}`, -more],
      [`${HOLD}|${name}|${o.cur}`, more],
    ]);
    book(evidence, { kind: 'cheque-authorize', ref: '', sums });
  }

  #isApproved({ hash, amount }: Allowed, approver: string, approvals: readonly Approval[]): boolean {
    if (this.approvals.get(`${hash} ${approver}`)?.amount === amount) return true;
    return approvals.some(
      (yes) =>
        yes.cheque === hash &&
        yes.amount === amount.toString() &&
        yes.approver === approver &&
        verifyObject(yes, approver, yes.sig, this.#crypto),
    );
  }

  #odd(row: string, expected: string): void {
    this.#findings.add({ table: 'stored_order', row, expected, found: 'signed evidence of something else' });
  }
}

export function add(sums: Map<string, bigint>, name: string, amount: bigint): void {
  sums.set(name, (sums.get(name) ?? 0n) + amount);
}
