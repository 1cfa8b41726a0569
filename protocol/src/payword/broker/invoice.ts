// Closing a period: what sites were paid on one account since its last invoice becomes the next one, by site and session.
import type { Env } from '../../core/crypto.ts';
import { limits } from '../../core/limits.ts';
import type { Currency } from '../../core/money.ts';
import { objectHash, signObject } from '../../core/sign.ts';
import { type Invoice, owedOf } from '../invoice.ts';
import type { Issuer } from './credit.ts';

/** A session on credit, and what was paid for it since the last invoice. */
export type Billed = { readonly session: string; readonly vnd: string; readonly amount: bigint };

/** One account in one currency at the moment of closing. `account` is its public key, `balance` negative when it owes. */
export type OpenAccount = {
  readonly account: string;
  readonly cur: Currency;
  readonly balance: bigint;
  readonly billed: readonly Billed[];
  readonly last: Invoice | undefined;
  /** Seconds at which its first period began; with a last invoice, its end. */
  readonly since: number;
};

/** Invoices that hold everything billed; more than one when there are too many sessions for one. */
export function makeInvoices(
  open: OpenAccount,
  { issuer, dueSeconds }: { issuer: Issuer; dueSeconds: number },
  env: Env,
): Invoice[] {
  const { account, cur, balance, billed } = open;
  const at = Math.floor(env.nowMs / 1000);
  const all = billed.reduce((sum, { amount }) => sum + amount, 0n);
  const invoices: Invoice[] = [];
  let last = open.last;
  for (let i = 0; i < billed.length; i += limits.invoiceSessions) {
    const part = billed.slice(i, i + limits.invoiceSessions);
    const total = part.reduce((sum, { amount }) => sum + amount, 0n);
    const before = BigInt(last?.after ?? '0');
    const moved = i === 0 ? balance - before + all : 0n;
    const after = before + moved - total;
    const unsigned = {
      typ: 'invoice/1' as const,
      brk: issuer.brk,
      account,
      cur,
      number: (last?.number ?? 0) + 1,
      prev: last ? objectHash(last, env.crypto) : '',
      from: last?.to ?? open.since,
      to: at,
      before: before.toString(),
      moved: moved.toString(),
      lines: linesOf(part),
      billed: total.toString(),
      after: after.toString(),
      owed: owedOf(after).toString(),
      due: at + dueSeconds,
    };
    last = { ...unsigned, sig: signObject(unsigned, issuer.seed, env.crypto) };
    invoices.push(last);
  }
  return invoices;
}

/** In the order in which the sites come first. */
function linesOf(billed: readonly Billed[]): Invoice['lines'] {
  const sites = new Map<string, { total: bigint; sessions: { session: string; amount: string }[] }>();
  for (const { vnd, session, amount } of billed) {
    const line = sites.get(vnd) ?? { total: 0n, sessions: [] };
    line.sessions.push({ session, amount: amount.toString() });
    sites.set(vnd, { ...line, total: line.total + amount });
  }
  return [...sites].map(([vnd, { total, sessions }]) => ({ vnd, total: total.toString(), sessions }));
}
