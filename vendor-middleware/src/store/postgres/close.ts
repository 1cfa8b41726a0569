// Good verdicts in PostgreSQL: one statement for all that come together. It takes the payments that are open and have one sum to claim, and
// leaves the others to be decided one by one.
import { arrayOf } from '@farthing/node-kit';
import { added } from './additions.ts';
import type { Db } from './db.ts';

/** Those that it closed. @param ids each of them once */
export async function closeOpen(db: Db, schema: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.run(statement(schema), arrayOf('text', ids.toSorted()), String(ids.length));
  const closed = rows[0]?.['closed'];
  return new Set(Array.isArray(closed) ? closed.map(String) : ids);
}

function statement(schema: string): string {
  return `WITH
    g AS (DELETE FROM ${schema}.open WHERE payment = ANY($1::text[]) AND claim IS NOT NULL
      RETURNING payment, claim AS key, total, until_ms),
    ${added(schema, 'g')}
    SELECT CASE WHEN (SELECT count(*) FROM g) = $2::bigint THEN NULL ELSE ARRAY(SELECT payment FROM g) END AS closed`;
}
