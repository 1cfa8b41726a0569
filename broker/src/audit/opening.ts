// Where an audit starts when periods are archived: the records that the broker signed in their place, the sums that they carry over,
// and what earlier orders said of every table.
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { openReadOnly } from '@farthing/node-kit';
import type { Crypto } from '@farthing/protocol';
import { follows, type Opening, readOpening, sumsDigest } from '../archive/record.ts';
import { compare, type Findings } from './findings.ts';
import type { Totals } from './journal.ts';
import { isOfThisShape, readKept, refill } from './kept.ts';
import type { Model } from './model.ts';
import type { Shelves } from './shelves.ts';
import { intCell, keyed, rowsOf, textCell } from './tables.ts';

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings; shelves: Shelves };

/** False for a ledger that an older version wrote. */
const hasOpenings = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'opening'").get() !== undefined;

/** Of the totals, what the journal cannot be asked for again and is on no shelf. */
export const bookedIn = ({ balances, vouchers }: Totals) => ({ balances, vouchers });

/** Puts model and totals to where the last archived period ends. @returns how many orders are archived */
export function goOn(db: DatabaseSync, { model, totals }: { model: Model; totals: Totals }, auditor: Auditor): number {
  const { findings } = auditor;
  const opening = readOpenings(db, auditor).at(-1);
  const pages = hasOpenings(db) ? [...rowsOf(db, 'SELECT page FROM opening_state ORDER BY page')] : [];
  for (const [i, { page }] of pages.entries()) {
    if (opening && page === BigInt(i + 1)) continue;
    findings.add({
      table: 'opening_state',
      row: String(page),
      expected: opening ? String(i + 1) : 'none',
      found: 'it',
    });
  }
  if (!opening) return 0;
  const found = digestOf(statesIn(db));
  if (found.sha256 !== opening.state.sha256 || found.bytes !== opening.state.bytes) {
    findings.add({ table: 'opening_state', row: '-', expected: opening.state.sha256, found: found.sha256 });
    throw new Error('what the audit goes on from is not what was signed');
  }
  const kept = readKept(statesIn(db), auditor.shelves) as { model: unknown; totals: unknown };
  model.goOn(kept.model);
  refill(bookedIn(totals), kept.totals);
  totals.entries = opening.entries.last;
  totals.head = opening.head;
  checkSums(db, opening, { totals, findings });
  return opening.orders.last;
}

/** False: what the audit would go on from was kept by another version. */
export function canGoOn(path: string): boolean {
  const db = openReadOnly(path);
  try {
    const first = hasOpenings(db)
      ? db.prepare('SELECT body FROM opening_state WHERE page = 1').get()?.['body']
      : undefined;
    return first === undefined || (first instanceof Uint8Array && isOfThisShape(first));
  } finally {
    db.close();
  }
}

function* statesIn(db: DatabaseSync): Generator<Uint8Array> {
  for (const { body } of db.prepare('SELECT body FROM opening_state ORDER BY page').iterate()) {
    yield body instanceof Uint8Array ? body : new Uint8Array();
  }
}

function digestOf(pages: Iterable<Uint8Array>): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const page of pages) {
    hash.update(page);
    bytes += page.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Those that are genuine, each going on from the one before; the rest are findings. */
function readOpenings(db: DatabaseSync, { crypto, findings, ...broker }: Auditor): Opening[] {
  const openings: Opening[] = [];
  if (!hasOpenings(db)) return openings;
  for (const row of rowsOf(db, 'SELECT * FROM opening ORDER BY n')) {
    const name = String(row['n']);
    const opening = readOpening(textCell(row, 'doc'), broker, crypto);
    if (!opening || !follows(opening, openings.at(-1), crypto)) {
      const expected = 'the next record that this broker signed';
      findings.add({ table: 'opening', row: name, column: 'doc', expected, found: 'another' });
      throw new Error(`the opening record ${name} is not the broker's`);
    }
    const { n, entries, orders, until } = opening;
    const cells = { n: BigInt(n), seq: BigInt(entries.last), after_n: BigInt(orders.last), until_ms: BigInt(until) };
    compare(findings, 'opening', { expected: new Map([[name, cells]]), actual: new Map([[name, row]]) });
    openings.push(opening);
  }
  return openings;
}

/** The sums that stand in the ledger are those that were signed, and those of the entries. */
function checkSums(
  db: DatabaseSync,
  { n, sums }: Opening,
  { totals, findings }: { totals: Totals; findings: Findings },
): void {
  const rows = [...rowsOf(db, 'SELECT * FROM opening_sum ORDER BY account, cur')].map((row) => ({
    ...{ account: textCell(row, 'account'), cur: textCell(row, 'cur') },
    ...{ amount: intCell(row, 'amount'), lines: intCell(row, 'lines') },
  }));
  const found = sumsDigest(rows);
  if (found !== sums) findings.add({ table: 'opening', row: String(n), column: 'sums', expected: sums, found });
  compare(findings, 'opening_sum', {
    expected: new Map([...totals.balances].map(([name, amount]) => [name, { amount }])),
    actual: keyed(db, 'SELECT * FROM opening_sum', ['account', 'cur']),
  });
}
