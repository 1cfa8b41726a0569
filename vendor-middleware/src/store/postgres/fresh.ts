// New payments in PostgreSQL: one statement, which is a transaction of its own. It takes those whose names nobody had, and leaves the
// others to be decided one by one. What they add to claims it only writes down: batches that add to the same claim wait for nobody.
import { arrayOf } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { lineOf } from '../lines.ts';
import type { Reservation } from '../port.ts';
import { added } from './additions.ts';
import type { Db } from './db.ts';
import { open, payments, spends } from './page.ts';
import { columnsOf, rowsOf } from './table.ts';

/** A payment has some of its names and not all. */
const NOT_SO = '22P02';

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
  const begun = lines.filter(([, { state }]) => state !== 'committed');
  const sums = entries.flatMap(({ id, state, claims }) =>
    state === 'reserved' ? [] : claims.map((claim) => ({ ...claim, id })),
  );
  const values = [
    ...columnsOf(payments, lines),
    ...columnsOf(spends, spent),
    arrayOf(
      'text',
      sums.map(({ id }) => id),
    ),
    arrayOf(
      'text',
      sums.map(({ key }) => key),
    ),
    arrayOf(
      'bigint',
      sums.map(({ add }) => add),
    ),
    arrayOf(
      'bigint',
      sums.map(({ untilMs }) => Math.ceil(untilMs)),
    ),
    ...[lines.length, spent.length].map(String),
    ...columnsOf(open, begun),
  ];
  try {
    const won = (await db.run(statement(schema), ...values)).rows[0]?.['won'];
    return new Set(Array.isArray(won) ? won.map(String) : entries.map(({ id }) => id));
  } catch (error) {
    if ((error as { code?: unknown }).code === NOT_SO) return undefined;
    throw error;
  }
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0;

/** Instruments before payments, each in the order of its keys, as `Page` does: so that two batches never wait for each other. */
function statement(schema: string): string {
  const [line, spent, begun] = [rowsOf(payments), rowsOf(spends, 9), rowsOf(open, 17)];
  return `WITH
    f AS (SELECT 1 FROM ${schema}.claims WHERE key = ANY($12::text[]) AND total > ${NEARLY_FULL}),
    s AS (INSERT INTO ${schema}.spends(${spent.names}) SELECT * FROM ${spent.rows} WHERE NOT EXISTS (SELECT 1 FROM f)
      ON CONFLICT DO NOTHING RETURNING key, payment),
    p AS (INSERT INTO ${schema}.payments(${line.names}) SELECT * FROM ${line.rows} WHERE NOT EXISTS (SELECT 1 FROM f)
      AND ((SELECT count(*) FROM s) = $16::bigint OR v.id NOT IN (
        SELECT w.payment FROM unnest($9::text[], $10::text[]) AS w(key, payment) WHERE w.key NOT IN (SELECT key FROM s)))
      ON CONFLICT DO NOTHING RETURNING id),
    o AS (INSERT INTO ${schema}.open(${begun.names}) SELECT * FROM ${begun.rows} WHERE v.payment IN (SELECT id FROM p)),
    c AS (SELECT v.key, v.total, v.until_ms
      FROM unnest($11::text[], $12::text[], $13::bigint[], $14::bigint[]) AS v(id, key, total, until_ms) JOIN p ON p.id = v.id),
    ${added(schema, 'c')}
    SELECT CASE
      WHEN (SELECT count(*) FROM p) = $15::bigint AND (SELECT count(*) FROM s) = $16::bigint THEN NULL
      WHEN NOT EXISTS (SELECT 1 FROM s WHERE payment NOT IN (SELECT id FROM p)) THEN ARRAY(SELECT id FROM p)
      -- Text that is no number: the only way for a statement to undo itself.
      ELSE ARRAY[('the batch is decided row by row, after ' || (SELECT count(*) FROM p))::int::text] END AS won`;
}
