// PayWord's tables against the model, and the rows that the broker signed because no order asked for them.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, fromBase64url, parseJson, toBase64url, verifyObject } from '@farthing/protocol';
import { type Cells, compare, compareEach, type Findings } from './findings.ts';
import { hasInvoices } from './invoices.ts';
import type { Totals } from './journal.ts';
import type { Chain, Deal, TermsRow } from './payword-deals.ts';
import type { PaywordModel } from './payword-model.ts';
import type { Shelf } from './shelves.ts';
import { asTheyAre, checkShelf, intCell, keyed, rowsOf, textCell } from './tables.ts';

type Auditor = { root: string; crypto: Crypto; findings: Findings };

/** False for a ledger that an older version wrote and the service has not taken over yet. */
export function hasPayword(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'payword_terms'").get() !== undefined;
}

/** Terms in the order in which they came into force. */
export function readTerms(db: DatabaseSync, { root, crypto, findings }: Auditor): TermsRow[] {
  const terms: TermsRow[] = [];
  if (!hasPayword(db)) return terms;
  for (const row of rowsOf(db, 'SELECT * FROM payword_terms ORDER BY n')) {
    const signed = {
      typ: 'payword-terms-row/1',
      n: Number(row['n']),
      after: String(row['after_n']),
      feeBps: Number(row['fee_bps']),
      poll: String(row['poll']),
    };
    const name = String(row['n']);
    const genuine = row['n'] === BigInt(terms.length + 1) && verifyObject(signed, root, textCell(row, 'sig'), crypto);
    if (!genuine) findings.add({ table: 'payword_terms', row: name, expected: 'the next, signed', found: 'not' });
    terms.push({ after: Number(row['after_n']), feeBps: intCell(row, 'fee_bps'), poll: intCell(row, 'poll') });
  }
  return terms;
}

/** How far accounts may be below zero, by account and currency. */
export function readLines(db: DatabaseSync, { root, crypto, findings }: Auditor): Map<string, bigint> {
  const lines = new Map<string, bigint>();
  if (!hasPayword(db)) return lines;
  for (const row of rowsOf(db, 'SELECT * FROM credit_line')) {
    const signed = {
      typ: 'credit-line-row/1',
      account: textCell(row, 'account'),
      cur: textCell(row, 'cur'),
      line: String(row['line']),
      most: String(row['most']),
      perSite: String(row['per_site']),
      at: Number(row['made_ms']),
    };
    const name = `${signed.account} ${signed.cur}`;
    if (verifyObject(signed, root, textCell(row, 'sig'), crypto)) lines.set(name, intCell(row, 'most'));
    else findings.add({ table: 'credit_line', row: name, expected: 'signed by this broker', found: 'not' });
  }
  return lines;
}

type Lines = Auditor & { readonly lines: ReadonlyMap<string, bigint> };

export function checkPayword(db: DatabaseSync, model: PaywordModel, auditor: Lines & { totals: Totals }): void {
  const { findings } = auditor;
  checkChains(db, model, auditor);
  checkDeals(db, model, auditor);
  checkKeys(db, model, auditor);
  checkCerts(db, model, auditor);
  const { used, polls, batches, alarms } = model;
  checkShelf(db, used, { findings, table: 'bound_used', key: ['key'], cells: (sum) => ({ used: sum }) });
  checkShelf(db, polls, { findings, table: 'poll', key: ['account', 'cur'], cells: (poll) => poll });
  checkShelf(db, batches, { findings, table: 'payword_batch', key: ['hash'], cells: asTheyAre });
  checkShelf(db, alarms, { findings, table: 'payword_alarm', key: ['batch', 'n'], cells: asTheyAre });
}

function checkCerts(db: DatabaseSync, model: PaywordModel, { findings, lines }: Lines): void {
  for (const [, { account, cert }] of model.certs) {
    const line = `${account} ${cert.cur}`;
    if (!lines.has(line)) findings.add({ table: 'credit_line', row: line, expected: 'a row', found: 'none' });
  }
  checkShelf(db, model.certs, {
    ...{ findings, table: 'daycert', key: ['sub', 'exp'] },
    cells({ account, cert }, _, actual) {
      const doc = canonicalJson(cert);
      const there = parseJson(textCell(actual, 'doc'));
      // Other spaces or another order of its members say nothing else.
      return { account, doc: there !== undefined && canonicalJson(there) === doc ? textCell(actual, 'doc') : doc };
    },
  });
}

/** L3: price = credited + refunded + outstanding, where outstanding is what the float of the chain holds. */
function checkChains(db: DatabaseSync, model: PaywordModel, { findings, totals }: Auditor & { totals: Totals }): void {
  let sum = new Map<string, bigint>();
  for (const [id, { n, cur, unit, credited, refunded }] of model.chains) {
    const outstanding = BigInt(n) * unit - credited - refunded;
    const float = totals.outstanding.peek(id) ?? 0n;
    sum = sum.set(cur, (sum.get(cur) ?? 0n) + outstanding);
    if (outstanding < 0n || float !== outstanding) {
      findings.add({ table: 'posting', row: `float of ${id}`, expected: String(outstanding), found: String(float) });
    }
  }
  for (const [cur, outstanding] of sum) {
    const float = totals.balances.get(`float:chain ${cur}`) ?? 0n;
    if (float !== outstanding) {
      findings.add({
        table: 'balance',
        row: `float:chain ${cur}`,
        expected: String(outstanding),
        found: String(float),
      });
    }
  }
  checkShelf(db, model.chains, { findings, table: 'chain', key: ['id'], cells: chainCells });
}

function chainCells({ account, cur, unit, anchor, tickets, credited, refunded, ...chain }: Chain): Cells {
  const numbers = { n: BigInt(chain.n), next: BigInt(chain.next), exp: BigInt(chain.exp) };
  return { account, cur, unit, anchor, tickets, credited, refunded, closed: chain.closed ? 1n : 0n, ...numbers };
}

/** L3: 0 ≤ credited ≤ accepted ≤ committed, where accepted is what the shown words are worth. */
function checkDeals(db: DatabaseSync, { deals }: PaywordModel, { findings }: Auditor): void {
  for (const [session, { links, credited, claimable }] of deals) {
    let [accepted, committed] = [0n, 0n];
    for (const { unit, first, last, hi } of links) {
      accepted += hi >= first ? BigInt(hi - first + 1) * unit : 0n;
      committed += BigInt(last - first + 1) * unit;
    }
    if (credited < 0n || credited > accepted || accepted > committed || credited > claimable) {
      const found = `${credited} credited, ${accepted} accepted, ${committed} committed`;
      findings.add({ table: 'deal', row: session, expected: '0 ≤ credited ≤ accepted ≤ committed', found });
    }
  }
  const isCurrent = hasInvoices(db);
  const cells = ({ invoiced, ...deal }: Deal): Cells => ({ ...dealCells(deal), ...(isCurrent ? { invoiced } : {}) });
  checkShelf(db, deals, { findings, table: 'deal', key: ['session'], cells });
  compareEach(findings, 'deal_chain', {
    expected: { keys: () => linksIn(deals), get: (_, row) => linkCells(deals, row) },
    nameOf: (row) => `${textCell(row, 'session')} ${row['a']}`,
    actual: () => rowsOf(db, 'SELECT * FROM deal_chain'),
  });
}

function dealCells(deal: Omit<Deal, 'invoiced'>): Cells {
  const { source, vnd, cur, feeBps: fee_bps, cap, claimable, credited } = deal;
  const texts = { bounds: canonicalJson(deal.bounds), doc: canonicalJson(deal.doc) };
  const funding = deal.chain === undefined ? 'credit' : 'prepaid';
  const closed = deal.closed ? 1n : 0n;
  return { funding, source, vnd, cur, fee_bps, exp: BigInt(deal.exp), cap, claimable, credited, ...texts, closed };
}

function* linksIn(deals: Shelf<Deal>): Generator<string> {
  for (const [session, { links }] of deals) for (const a of links.keys()) yield `${session} ${a}`;
}

function linkCells(deals: Shelf<Deal>, row: Cells): Cells | undefined {
  const link = deals.peek(textCell(row, 'session'))?.links[Number(row['a'])];
  if (!link) return undefined;
  const { kind, id, unit, first, last, n, hi, word, yEnd: y_end } = link;
  return { kind, id, unit, first: BigInt(first), last: BigInt(last), n: BigInt(n), hi: BigInt(hi), word, y_end };
}

/** The key itself came sealed: the broker signed its hash. */
function checkKeys(db: DatabaseSync, model: PaywordModel, { root, crypto, findings }: Auditor): void {
  const actual = keyed(db, 'SELECT * FROM payword_key', ['vnd']);
  for (const [vnd, row] of actual) {
    const key = fromBase64url(textCell(row, 'key')) ?? new Uint8Array();
    const signed = { typ: 'payword-key-row/1', vnd, rid: textCell(row, 'rid'), hash: toBase64url(crypto.sha256(key)) };
    if (verifyObject(signed, root, textCell(row, 'sig'), crypto)) continue;
    findings.add({ table: 'payword_key', row: vnd, expected: 'signed by this broker', found: 'not' });
  }
  const expected = new Map([...model.keys].map(([vnd, rid]) => [vnd, { rid }]));
  compare(findings, 'payword_key', { expected, actual });
}
