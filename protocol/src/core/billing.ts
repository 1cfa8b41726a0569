// Closing a period: what was paid since the last invoice or credit note of a party becomes the next one.
import { toBase64url } from './bytes.ts';
import type { Crypto, Env } from './crypto.ts';
import { type CreditNote, type Invoice, owedOf, receiptLeaf } from './invoice.ts';
import { limits } from './limits.ts';
import { merkleTree } from './merkle.ts';
import type { Currency } from './money.ts';
import { objectHash, signObject } from './sign.ts';

type Issuer = { readonly brk: string; readonly seed: Uint8Array };

/** A session on credit, and what was paid for it since the last invoice. */
export type BilledSession = { readonly session: string; readonly vnd: string; readonly amount: bigint };
/** Cheques to one site, at most `limits.lineReceipts`: their sum, and the hashes of their receipts in the order of their epoids. */
export type BilledCheques = { readonly receipts: readonly string[]; readonly vnd: string; readonly amount: bigint };
export type Billed = BilledSession | BilledCheques;

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

/** Invoices that hold everything billed; more than one when there is too much for one. */
export function makeInvoices(
  open: OpenAccount,
  { issuer, dueSeconds }: { issuer: Issuer; dueSeconds: number },
  env: Env,
): Invoice[] {
  const { account, cur, balance, billed } = open;
  const at = Math.floor(env.nowMs / 1000);
  const all = sumOf(billed);
  const invoices: Invoice[] = [];
  let last = open.last;
  for (let i = 0; i < billed.length; i += limits.invoiceSessions) {
    const part = billed.slice(i, i + limits.invoiceSessions);
    const total = sumOf(part);
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
      lines: linesOf(part, env.crypto),
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

const sumOf = (billed: readonly { readonly amount: bigint }[]): bigint =>
  billed.reduce((sum, { amount }) => sum + amount, 0n);

/** Sessions by site, in the order in which the sites come first; then cheques. */
function linesOf(billed: readonly Billed[], crypto: Crypto): Invoice['lines'] {
  const sites = new Map<string, { total: bigint; sessions: { session: string; amount: string }[] }>();
  const cheques: Invoice['lines'] = [];
  for (const one of billed) {
    const { vnd, amount } = one;
    if ('receipts' in one) {
      cheques.push({ vnd, method: 'cheque', total: amount.toString(), ...rootOf(one.receipts, crypto) });
      continue;
    }
    const line = sites.get(vnd) ?? { total: 0n, sessions: [] };
    line.sessions.push({ session: one.session, amount: amount.toString() });
    sites.set(vnd, { ...line, total: line.total + amount });
  }
  const sessions = [...sites].map(([vnd, line]) => ({ vnd, total: line.total.toString(), sessions: line.sessions }));
  return [...sessions, ...cheques];
}

function rootOf(receipts: readonly string[], crypto: Crypto): { count: number; root: string } {
  const { root } = merkleTree(
    receipts.map((receipt) => receiptLeaf(receipt, crypto)),
    crypto,
  );
  return { count: receipts.length, root: toBase64url(root) };
}

/** Cheques that a site was paid, at most `limits.lineReceipts`; `amount` is what customers paid, `fee` the broker's part. */
export type Sold = { readonly receipts: readonly string[]; readonly amount: bigint; readonly fee: bigint };

/** One site in one currency at the moment of closing. */
export type OpenSite = {
  readonly vnd: string;
  readonly cur: Currency;
  readonly balance: bigint;
  readonly sold: readonly Sold[];
  readonly last: CreditNote | undefined;
  readonly since: number;
};

/** Credit notes that hold all that was sold; more than one when there is too much for one. */
export function makeNotes(open: OpenSite, issuer: Issuer, env: Env): CreditNote[] {
  const { vnd, cur, balance, sold } = open;
  const notes: CreditNote[] = [];
  let last = open.last;
  const all = sold.reduce((sum, { amount, fee }) => sum + amount - fee, 0n);
  for (let i = 0; i < sold.length; i += limits.noteLines) {
    const part = sold.slice(i, i + limits.noteLines);
    const total = sumOf(part);
    const fee = part.reduce((sum, line) => sum + line.fee, 0n);
    const before = BigInt(last?.after ?? '0');
    const moved = i === 0 ? balance - before - all : 0n;
    const unsigned = {
      typ: 'credit-note/1' as const,
      ...{ brk: issuer.brk, vnd, cur },
      number: (last?.number ?? 0) + 1,
      prev: last ? objectHash(last, env.crypto) : '',
      from: last?.to ?? open.since,
      to: Math.floor(env.nowMs / 1000),
      before: before.toString(),
      moved: moved.toString(),
      lines: part.map((line) => ({
        method: 'cheque' as const,
        total: line.amount.toString(),
        fee: line.fee.toString(),
        ...rootOf(line.receipts, env.crypto),
      })),
      total: total.toString(),
      fee: fee.toString(),
      credited: (total - fee).toString(),
      after: (before + moved + total - fee).toString(),
    };
    last = { ...unsigned, sig: signObject(unsigned, issuer.seed, env.crypto) };
    notes.push(last);
  }
  return notes;
}
