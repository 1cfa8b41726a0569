// How sessions, claims and tallies lie in their tables.
import type { StatementSync } from 'node:sqlite';
import type { ClaimSum, Evidence } from '@farthing/protocol';
import type { SessionRow, TallySum } from './batch.ts';
import type { Table } from './rows.ts';
import type { Statements } from './schema.ts';
import type { Tables } from './state.ts';

type Cells = Record<string, unknown>;

export const one = (statement: StatementSync, ...values: (string | bigint)[]): Cells | undefined =>
  statement.get(...values);

export function integer(value: unknown): bigint {
  if (typeof value !== 'bigint') throw new Error('the store holds a value that is not an integer');
  return value;
}

export function evidenceIn({ evidence }: Cells): { evidence?: Evidence } {
  return typeof evidence === 'string' ? { evidence: JSON.parse(evidence) } : {};
}

const sessionTable = (sql: Statements): Table<SessionRow> => ({
  read(key) {
    const cells = one(sql.session, key);
    return cells && { row: JSON.parse(String(cells['row'])), untilMs: Number(cells['until_ms']) };
  },
  write(key, { row, untilMs }) {
    sql.setSession.run(key, JSON.stringify(row), BigInt(untilMs));
  },
});

const claimTable = (sql: Statements): Table<ClaimSum> => ({
  read(key) {
    const cells = one(sql.claim, key);
    return cells && { total: integer(cells['total']), untilMs: Number(cells['until_ms']), ...evidenceIn(cells) };
  },
  write(key, { total, untilMs, evidence }) {
    sql.setClaim.run(key, total, BigInt(untilMs), evidence ? JSON.stringify(evidence) : null);
  },
});

const tallyTable = (sql: Statements): Table<TallySum> => ({
  read(key) {
    const cells = one(sql.tally, key);
    const untilMs = cells?.['until_ms'];
    return (
      cells && { sum: integer(cells['total']), untilMs: typeof untilMs === 'bigint' ? Number(untilMs) : undefined }
    );
  },
  write(key, { sum, untilMs }) {
    sql.setTally.run(key, sum, untilMs === undefined ? null : BigInt(untilMs));
  },
});

export const tablesOf = (sql: Statements): Tables => ({
  sessions: sessionTable(sql),
  claims: claimTable(sql),
  tallies: tallyTable(sql),
});
