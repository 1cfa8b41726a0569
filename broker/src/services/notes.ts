// Credit notes: what a site was paid by cheque in a period, and where one payment stands on the papers of its two parties.
import { type JsonObject, limits, PaymentProblem, toBase64url } from '@farthing/protocol';
import {
  billing,
  type chequeNotesOrder,
  type chequeTraceOrder,
  merkleTree,
  receiptLeaf,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { ListedRow } from '../ledger/invoices.ts';
import { account } from '../ledger/journal.ts';
import type { SiteParty } from '../ledger/notes.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** Sites in one transaction: closing a period must not make customers wait. */
const BATCH = 20;

type Desk = Pick<Step, 'ledger' | 'keys' | 'env'>;

/**
 * Credit notes for the sites after `last` whose period began before `beforeMs`.
 * @returns the last site that was looked at, `undefined` when there are no more
 */
export function closeNotes(
  { ledger, keys, env }: Desk,
  { beforeMs = Number.POSITIVE_INFINITY, last }: { beforeMs?: number; last: SiteParty | undefined },
): SiteParty | undefined {
  const { notes, journal } = ledger;
  const parties = notes.parties(last, BATCH);
  ledger.gather(() => {
    for (const party of parties) {
      notes.last(party);
      notes.unnoted(party);
      journal.balance(account.vendor(party.vnd), party.cur);
    }
  });
  for (const party of parties) {
    const before = notes.last(party);
    const since = before?.to ?? notes.firstSold(party);
    if (since * 1000 >= beforeMs) continue;
    const balance = journal.balance(account.vendor(party.vnd), party.cur);
    const open = { ...party, balance, sold: notes.unnoted(party), last: before, since };
    for (const note of billing.makeNotes(open, keys, env)) notes.add(note);
  }
  return parties.length === BATCH ? parties.at(-1) : undefined;
}

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid` */
export function read(
  { from, vnd, cur, after }: v.InferOutput<typeof chequeNotesOrder>,
  { ledger }: OrderStep,
): JsonObject {
  const party = { vnd: ownVendor(vnd, from, ledger).vnd, cur };
  const note = ledger.notes.next(party, after);
  return { count: ledger.notes.count(party), ...(note ? { note } : {}) };
}

/** The site is shown its credit note, the customer the invoice. @throws {PaymentProblem} `cheque-unknown` to anybody else */
export function trace({ from, vnd, epoid }: v.InferOutput<typeof chequeTraceOrder>, step: OrderStep): JsonObject {
  const { ledger } = step;
  const row = ledger.cheques.get(vnd, epoid);
  const isSite = ledger.vendors.get(vnd)?.pk === from;
  if (!row || (!isSite && row.account !== account.user(from))) throw new PaymentProblem('cheque-unknown');
  const { receipt, cur, account: name } = row;
  const number = isSite ? row.note : row.invoice;
  if (number === undefined) return { receipt };
  const listed = isSite
    ? ledger.notes.listed({ vnd, cur }, number)
    : ledger.invoices.listed({ account: name, cur }, number, vnd);
  return { receipt, place: { number, ...placeOf(epoid, listed, step) } };
}

/** Long lists are cut into lines in the same way as when the period was closed. */
function placeOf(epoid: string, listed: readonly ListedRow[], { env: { crypto } }: Step): JsonObject {
  const at = listed.findIndex((row) => row.epoid === epoid);
  const index = at % limits.lineReceipts;
  const line = listed.slice(at - index, at - index + limits.lineReceipts);
  const { root, paths } = merkleTree(
    line.map(({ receipt }) => receiptLeaf(receipt, crypto)),
    crypto,
  );
  return { index, count: line.length, path: (paths[index] ?? []).map(toBase64url), root: toBase64url(root) };
}
