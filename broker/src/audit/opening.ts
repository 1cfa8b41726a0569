// Where an audit starts when periods are archived: the records that the broker signed in their place, the sums that they carry over,
// and what earlier orders said of every table.
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import type { Crypto } from '@farthing/protocol';
import { follows, type Opening, readOpening, sumsDigest } from '../archive/record.ts';
import { compare, type Findings } from './findings.ts';
import type { Totals } from './journal.ts';
import { readKept, refill } from './kept.ts';
import type { Model } from './model.ts';
import { intCell, keyed, rowsOf, textCell } from './tables.ts';

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings };

/** False for a ledger that an older version wrote. */
const hasOpenings = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'opening'").get() !== undefined;

/** Of the totals, what the journal cannot be asked for again. */
export const bookedIn = ({ outstanding, balances, vouchers }: Totals) => ({ outstanding, balances, vouchers });

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
  const body = stateOf(db);
  if (digestOf(body) !== opening.state.sha256 || body.length !== opening.state.bytes) {
    findings.add({ table: 'opening_state', row: '-', expected: opening.state.sha256, found: digestOf(body) });
    throw new Error('what the audit goes on from is not what was signed');
  }
  const kept = readKept(gunzipSync(body)) as { model: unknown; totals: unknown };
  model.goOn(kept.model);
  refill(bookedIn(totals), kept.totals);
  totals.entries = opening.entries.last;
  totals.head = opening.head;
  checkSums(db, opening, { totals, findings });
  return opening.orders.last;
}

function stateOf(db: DatabaseSync): Buffer {
  const pages = db.prepare('SELECT body FROM opening_state ORDER BY page').all();
  return Buffer.concat(pages.map(({ body }) => (body instanceof Uint8Array ? body : new Uint8Array())));
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

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
