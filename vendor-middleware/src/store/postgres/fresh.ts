// New payments in PostgreSQL: one statement, which is a transaction of its own. Where anything is not as hoped it fails whole.
import { arrayOf } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { additions } from '../fresh.ts';
import { lineOf } from '../lines.ts';
import type { Reservation } from '../port.ts';
import type { Db } from './db.ts';
import { payments, spends } from './page.ts';
import { columnsOf, rowsOf } from './table.ts';

/** Somebody had the id or an instrument, or a claim is not there yet, or its sum would be too large. */
const NOT_SO: ReadonlySet<unknown> = new Set(['22P02', '22003', '23514']);

/** True: all of them are on disk. False: nothing is. */
export async function writeFresh(db: Db, schema: string, entries: readonly Reservation[]): Promise<boolean> {
  const lines = entries.map((entry) => [entry.id, lineOf(entry, undefined)] as const).sort(byKey);
  const spent = entries.flatMap(({ id, spends: all }) => all.map(({ key }) => [key, id] as const)).sort(byKey);
  const sums = additions(entries);
  const totals = [...sums.values()];
  if (totals.some(({ add }) => add > limits.sumMax)) return false;
  const values = [
    ...columnsOf(payments, lines),
    ...columnsOf(spends, spent),
    arrayOf('text', [...sums.keys()]),
    arrayOf(
      'bigint',
      totals.map(({ add }) => add),
    ),
    arrayOf(
      'bigint',
      totals.map(({ untilMs }) => BigInt(untilMs)),
    ),
    ...[lines.length, spent.length, sums.size].map(String),
  ];
  try {
    await db.run(statement(schema), ...values);
    return true;
  } catch (error) {
    if (NOT_SO.has((error as { code?: unknown }).code)) return false;
    throw error;
  }
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** Locks claims before it makes payments, each in the order of its keys, as \`Page\` does: so that two batches never wait for each other. */
function statement(schema: string): string {
  const [line, spent] = [rowsOf(payments), rowsOf(spends, 10)];
  const isLocked = '(SELECT count(*) FROM l) = $17::bigint';
  return `WITH
    l AS (SELECT key FROM ${schema}.claims WHERE key = ANY($12::text[]) ORDER BY key FOR UPDATE),
    p AS (INSERT INTO ${schema}.payments(${line.names}) SELECT * FROM ${line.rows} WHERE ${isLocked}
      ON CONFLICT DO NOTHING RETURNING 1),
    s AS (INSERT INTO ${schema}.spends(${spent.names}) SELECT * FROM ${spent.rows} WHERE ${isLocked}
      ON CONFLICT DO NOTHING RETURNING 1),
    c AS (UPDATE ${schema}.claims AS t SET total = t.total + v.add, until_ms = greatest(t.until_ms, v.until_ms)
      FROM unnest($12::text[], $13::bigint[], $14::bigint[]) AS v(key, add, until_ms)
      WHERE t.key = v.key AND ${isLocked} RETURNING 1)
    SELECT CASE
      WHEN (SELECT count(*) FROM p) = $15::bigint AND (SELECT count(*) FROM s) = $16::bigint
        AND (SELECT count(*) FROM c) = $17::bigint THEN 0
      -- Text that is no number: the only way for a statement to undo itself.
      ELSE ('the batch is decided row by row, after ' || (SELECT count(*) FROM p))::int END`;
}
