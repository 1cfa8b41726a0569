// PayWord's tables against the model, and the rows that the broker signed because no order asked for them.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, fromBase64url, parseJson, toBase64url, verifyObject } from '@farthing/protocol';
import { type Cells, compare, type Findings } from './findings.ts';
import { hasInvoices } from './invoices.ts';
import type { Totals } from './journal.ts';
import type { TermsRow } from './payword-deals.ts';
import type { PaywordModel } from './payword-model.ts';
import { intCell, keyed, rowsOf, textCell } from './tables.ts';

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

export function checkPayword(
  db: DatabaseSync,
  model: PaywordModel,
  auditor: Auditor & { totals: Totals; lines: ReadonlyMap<string, bigint> },
): void {
  const { findings, lines } = auditor;
  const all = (table: string, key: readonly string[]) => keyed(db, `SELECT * FROM ${table}`, key);
  checkChains(db, model, auditor);
  checkDeals(db, model, auditor);
  checkKeys(db, model, auditor);
  const certs = new Map<string, Cells>();
  for (const [name, { account, cert }] of model.certs) {
    certs.set(name, { account, doc: canonicalJson(cert) });
    const line = `${account} ${cert.cur}`;
    if (!lines.has(line)) findings.add({ table: 'credit_line', row: line, expected: 'a row', found: 'none' });
  }
  const docs = new Map(
    [...all('daycert', ['sub', 'exp'])].map(([name, row]) => {
      const doc = parseJson(textCell(row, 'doc'));
      return [name, { ...row, doc: doc === undefined ? null : canonicalJson(doc) }] as const;
    }),
  );
  compare(findings, 'daycert', { expected: certs, actual: docs });
  const used = new Map([...model.used].map(([name, sum]) => [name, { used: sum }]));
  compare(findings, 'bound_used', { expected: used, actual: all('bound_used', ['key']) });
  compare(findings, 'poll', { expected: model.polls, actual: all('poll', ['account', 'cur']) });
  compare(findings, 'payword_batch', { expected: model.batches, actual: all('payword_batch', ['hash']) });
  compare(findings, 'payword_alarm', { expected: model.alarms, actual: all('payword_alarm', ['batch', 'n']) });
}

/** L3: price = credited + refunded + outstanding, where outstanding is what the float of the chain holds. */
function checkChains(db: DatabaseSync, model: PaywordModel, { findings, totals }: Auditor & { totals: Totals }): void {
  const expected = new Map<string, Cells>();
  let sum = new Map<string, bigint>();
  for (const [id, chain] of model.chains) {
    const { account, cur, unit, anchor, tickets, credited, refunded } = chain;
    const numbers = { n: BigInt(chain.n), next: BigInt(chain.next), exp: BigInt(chain.exp) };
    const closed = chain.closed ? 1n : 0n;
    expected.set(id, { account, cur, unit, anchor, tickets, credited, refunded, closed, ...numbers });
    const outstanding = numbers.n * unit - credited - refunded;
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
  compare(findings, 'chain', { expected, actual: keyed(db, 'SELECT * FROM chain', ['id']) });
}

/** L3: 0 ≤ credited ≤ accepted ≤ committed, where accepted is what the shown words are worth. */
function checkDeals(db: DatabaseSync, model: PaywordModel, { findings }: Auditor): void {
  const deals = new Map<string, Cells>();
  const links = new Map<string, Cells>();
  for (const [session, deal] of model.deals) {
    const { source, vnd, cur, feeBps: fee_bps, cap, claimable, credited } = deal;
    const texts = { bounds: canonicalJson(deal.bounds), doc: canonicalJson(deal.doc) };
    const funding = deal.chain === undefined ? 'credit' : 'prepaid';
    const row = { funding, source, vnd, cur, fee_bps, exp: BigInt(deal.exp), cap, claimable, credited, ...texts };
    const closed = deal.closed ? 1n : 0n;
    deals.set(session, { ...row, closed, ...(hasInvoices(db) ? { invoiced: deal.invoiced } : {}) });
    let [accepted, committed] = [0n, 0n];
    deal.links.forEach(({ kind, id, unit, first, last, n, hi, word, yEnd: y_end }, a) => {
      const numbers = { first: BigInt(first), last: BigInt(last), n: BigInt(n), hi: BigInt(hi) };
      links.set(`${session} ${a}`, { kind, id, unit, ...numbers, word, y_end });
      accepted += hi >= first ? BigInt(hi - first + 1) * unit : 0n;
      committed += BigInt(last - first + 1) * unit;
    });
    if (credited < 0n || credited > accepted || accepted > committed || credited > claimable) {
      const found = `${credited} credited, ${accepted} accepted, ${committed} committed`;
      findings.add({ table: 'deal', row: session, expected: '0 ≤ credited ≤ accepted ≤ committed', found });
    }
  }
  compare(findings, 'deal', { expected: deals, actual: keyed(db, 'SELECT * FROM deal', ['session']) });
  compare(findings, 'deal_chain', { expected: links, actual: keyed(db, 'SELECT * FROM deal_chain', ['session', 'a']) });
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
