// New payments in PostgreSQL: one statement, which is a transaction of its own. It takes those whose names nobody had, and leaves the
// others to be decided one by one. What they add to claims it only writes down: batches that add to the same claim wait for nobody.
import { arrayOf } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { lineOf } from '../lines.ts';
import type { Reservation } from '../port.ts';
import type { Db } from './db.ts';
import { payments, spends } from './page.ts';
import { columnsOf, rowsOf } from './table.ts';

/** A payment has some of its names and not all, or what is added to one claim is no number of the tables. */
const NOT_SO: ReadonlySet<unknown> = new Set(['22P02', '22003']);

/** What one payment adds unseen at most; more goes to the claim itself, so that no sum of additions comes near to what a row holds. */
const MOST_ADDED = 10n ** 12n;
/** A claim that has so much is added to under its lock. */
const NEARLY_FULL = limits.sumMax / 2n;

/** Whether the statement may have it, beside being plain. */
export const isSmall = ({ claims, state }: Reservation): boolean =>
  state === 'reserved' || claims.every(({ add }) => add <= MOST_ADDED);

/** Those that are on disk, by id; of the others nothing is. `undefined`: nothing is of any. @param entries of which no two want the same */
export async function writeFresh(
  db: Db,
  schema: string,
  entries: readonly Reservation[],
): Promise<ReadonlySet<string> | undefined> {
  const lines = entries.map((entry) => [entry.id, lineOf(entry, undefined)] as const).sort(byKey);
  const spent = entries.flatMap(({ id, spends: all }) => all.map(({ key }) => [key, id] as const)).sort(byKey);
  const added = entries.flatMap(({ id, state, claims }) =>
    state === 'reserved' ? [] : claims.map((claim) => ({ ...claim, id })),
  );
  const values = [
    ...columnsOf(payments, lines),
    ...columnsOf(spends, spent),
    arrayOf(
      'text',
      added.map(({ id }) => id),
    ),
    arrayOf(
      'text',
      added.map(({ key }) => key),
    ),
    arrayOf(
      'bigint',
      added.map(({ add }) => add),
    ),
    arrayOf(
      'bigint',
      added.map(({ untilMs }) => Math.ceil(untilMs)),
    ),
    ...[lines.length, spent.length].map(String),
  ];
  try {
    const won = (await db.run(statement(schema), ...values)).rows[0]?.['won'];
    return new Set(Array.isArray(won) ? won.map(String) : entries.map(({ id }) => id));
  } catch (error) {
    if (NOT_SO.has((error as { code?: unknown }).code)) return undefined;
    throw error;
  }
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** Instruments before payments, each in the order of its keys, as `Page` does: so that two batches never wait for each other. */
function statement(schema: string): string {
  const [line, spent] = [rowsOf(payments), rowsOf(spends, 10)];
  return `WITH
    f AS (SELECT 1 FROM ${schema}.claims WHERE key = ANY($13::text[]) AND total > ${NEARLY_FULL}),
    s AS (INSERT INTO ${schema}.spends(${spent.names}) SELECT * FROM ${spent.rows} WHERE NOT EXISTS (SELECT 1 FROM f)
      ON CONFLICT DO NOTHING RETURNING key, payment),
    p AS (INSERT INTO ${schema}.payments(${line.names}) SELECT * FROM ${line.rows} WHERE NOT EXISTS (SELECT 1 FROM f)
      AND ((SELECT count(*) FROM s) = $17::bigint OR v.id NOT IN (
        SELECT w.payment FROM unnest($10::text[], $11::text[]) AS w(key, payment) WHERE w.key NOT IN (SELECT key FROM s)))
      ON CONFLICT DO NOTHING RETURNING id),
    t AS (SELECT v.key, sum(v.total)::bigint AS total, max(v.until_ms) AS until_ms
      FROM unnest($12::text[], $13::text[], $14::bigint[], $15::bigint[]) AS v(id, key, total, until_ms)
      JOIN p ON p.id = v.id GROUP BY v.key),
    a AS (INSERT INTO ${schema}.additions(keys, totals, untils)
      SELECT array_agg(key), array_agg(total), array_agg(until_ms) FROM t HAVING count(*) > 0)
    SELECT CASE
      WHEN (SELECT count(*) FROM p) = $16::bigint AND (SELECT count(*) FROM s) = $17::bigint THEN NULL
      WHEN NOT EXISTS (SELECT 1 FROM s WHERE payment NOT IN (SELECT id FROM p)) THEN ARRAY(SELECT id FROM p)
      -- Text that is no number: the only way for a statement to undo itself.
      ELSE ARRAY[('the batch is decided row by row, after ' || (SELECT count(*) FROM p))::int::text] END AS won`;
}
