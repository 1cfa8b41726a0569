// What payments added to claims, a row for each batch of them. A claim is a row that all payments under one root add to: if each batch
// changed it, all batches of all processes would wait in line for one another's syncs. So it is brought up to date when somebody asks.
import { limits } from '@farthing/protocol';
import type { Db } from './db.ts';
import { untilDone } from './undone.ts';

/** So many batches are one step. */
const STEP = 1000;

/** Parts of a statement that write down what the rows `from` add. @param from with `key`, `total` and `until_ms` */
export function added(schema: string, from: string): string {
  return `t AS (SELECT key, least(sum(total), ${limits.sumMax})::bigint AS total, max(until_ms) AS until_ms FROM ${from} GROUP BY key),
    a AS (INSERT INTO ${schema}.additions(keys, totals, untils)
      SELECT array_agg(key), array_agg(total), array_agg(until_ms) FROM t HAVING count(*) > 0)`;
}

/** Adds to the claims what was written down until now. Who comes at the same time waits, and finds it done. */
export async function fold(db: Db, schema: string): Promise<void> {
  let folded: number;
  do folded = await untilDone(async () => Number((await db.run(statement(schema), String(STEP))).rows[0]?.['n']));
  while (folded === STEP);
}

/**
 * Claims that are new come in the order in which they were first added to. One that is full stays full: no broker could credit more, and nothing is added to
 * one that has half as much without its lock.
 */
function statement(schema: string): string {
  return `WITH
    g AS (DELETE FROM ${schema}.additions WHERE seq IN (SELECT seq FROM ${schema}.additions ORDER BY seq LIMIT $1 FOR UPDATE)
      RETURNING seq, keys, totals, untils),
    t AS (SELECT v.key, least(sum(v.total), ${limits.sumMax})::bigint AS total, max(v.until_ms) AS until_ms
      FROM g, unnest(g.keys, g.totals, g.untils) AS v(key, total, until_ms) GROUP BY v.key ORDER BY min(g.seq), v.key),
    c AS (INSERT INTO ${schema}.claims AS c(key, kind, total, paid, until_ms)
      SELECT key, substr(key, 1, strpos(key, ':')), total, 0, until_ms FROM t
      ON CONFLICT (key) DO UPDATE SET
        total = least(c.total::numeric + excluded.total, ${limits.sumMax})::bigint, until_ms = greatest(c.until_ms, excluded.until_ms))
    SELECT count(*) AS n FROM g`;
}
