// Periods of customers on credit: each ends with an invoice of what sites were paid, which is to be paid in time.
import { type JsonObject, PaymentProblem } from '@farthing/protocol';
import { billing, type paywordInvoicesOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { Party } from '../ledger/invoices.ts';
import { account } from '../ledger/journal.ts';
import { secondsOf } from './seconds.ts';
import type { Period, Settings } from './settings.ts';
import type { OrderStep, Step } from './step.ts';

const DAY_MS = 86_400_000;
/** 1970 began on a Thursday. */
const TO_MONDAY = 3;

/** The moment at which the period that `nowMs` lies in began: midnight, Monday, the first of the month, in UTC. */
export function periodStartMs(period: Period, nowMs: number): number {
  const day = Math.floor(nowMs / DAY_MS);
  if (period === 'daily') return day * DAY_MS;
  if (period === 'weekly') return (day - ((day + TO_MONDAY) % 7)) * DAY_MS;
  const date = new Date(nowMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

/** Accounts in one transaction: closing a period must not make customers wait. */
const BATCH = 50;

type Desk = Pick<Step, 'ledger' | 'keys' | 'env'> & { readonly settings: Pick<Settings, 'invoiceDueDays'> };

/**
 * Invoices for the accounts after `last` whose period began before `beforeMs`.
 * @returns the last account that was looked at, `undefined` when there are no more
 */
export function closePeriods(
  { ledger, keys, settings, env }: Desk,
  { beforeMs = Number.POSITIVE_INFINITY, last }: { beforeMs?: number; last: Party | undefined },
): Party | undefined {
  const { invoices, journal } = ledger;
  const parties = invoices.parties(last, BATCH);
  const dueSeconds = settings.invoiceDueDays * (DAY_MS / 1000);
  ledger.gather(() => {
    for (const party of parties) {
      invoices.last(party);
      invoices.firstBilledMs(party);
      invoices.unbilled(party);
      journal.balance(party.account, party.cur);
    }
  });
  for (const party of parties) {
    const before = invoices.last(party);
    const since = before?.to ?? secondsOf(invoices.firstBilledMs(party) ?? env.nowMs);
    if (since * 1000 >= beforeMs) continue;
    const open = {
      account: account.keyOf(party.account),
      cur: party.cur,
      balance: journal.balance(party.account, party.cur),
      billed: invoices.unbilled(party),
      last: before,
      since,
    };
    for (const invoice of billing.makeInvoices(open, { issuer: keys, dueSeconds }, env)) invoices.add(invoice, party);
  }
  return parties.length === BATCH ? parties.at(-1) : undefined;
}

/** One invoice at a time: a page of them could be large. */
export function read(
  { from, cur, after }: v.InferOutput<typeof paywordInvoicesOrder>,
  { ledger }: OrderStep,
): JsonObject {
  const party = { account: account.user(from), cur };
  const invoice = ledger.invoices.next(party, after);
  return { count: ledger.invoices.count(party), ...(invoice ? { invoice } : {}) };
}

/** @throws {PaymentProblem} `credit-overdue` with the members owed and due */
export function needPaidInvoices(party: Party, { ledger, env }: Step): void {
  const balance = ledger.journal.balance(party.account, party.cur);
  const openedAt = ledger.archived.last()?.seq ?? 0;
  const due = ledger.invoices.dueOf(party, { balance, openedAt });
  if (due === undefined || due >= secondsOf(env.nowMs)) return;
  throw new PaymentProblem('credit-overdue', { members: { owed: (-balance).toString(), due } });
}
