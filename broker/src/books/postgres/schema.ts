// The broker's tables in PostgreSQL: the same steps that make them in SQLite, in PostgreSQL's words, under the same numbers. Only
// what distributed engines with its protocol run as well.
import { migrations } from '../../ledger/schema.ts';
import { type Line, SCHEMA } from './line.ts';

/** A step of SQLite's schema for PostgreSQL. */
export function translated(step: string): string {
  return step
    .replace(/--.*$/gm, '')
    .replace(/\bINTEGER\b/g, 'BIGINT')
    .replace(/\bBLOB\b/g, 'BYTEA')
    .replace(/\) STRICT(, WITHOUT ROWID)?;/g, ');');
}

/**
 * `gate`: its lock is the queue of those who want to write; it holds nothing. `turn`: how often somebody has written. `writer`: the last batch of each process that stands, by which it knows
 * whether one stands whose commit was not answered.
 */
const OWN = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS version (one BIGINT PRIMARY KEY CHECK (one = 1), n BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS gate (one BIGINT PRIMARY KEY CHECK (one = 1));
CREATE TABLE IF NOT EXISTS turn (one BIGINT PRIMARY KEY CHECK (one = 1), n BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS writer (id TEXT PRIMARY KEY, batch BIGINT NOT NULL, at_ms BIGINT NOT NULL);
INSERT INTO version VALUES (1, 0) ON CONFLICT DO NOTHING;
INSERT INTO gate VALUES (1) ON CONFLICT DO NOTHING;
INSERT INTO turn VALUES (1, 0) ON CONFLICT DO NOTHING;
`;

/** Two processes that make the tables at once: one of them is told that they are there. */
const THERE: ReadonlySet<unknown> = new Set(['23505', '42710', '42P06', '42P07']);
const TRIES = 5;

/** From which version of the tables to which. */
export type Migration = { readonly from: number; readonly to: number };

/**
 * Makes the tables, or brings them up to date.
 * @param options.dry true: does it, looks whether it went well, and undoes it
 * @throws {Error} they were made by a newer program
 */
export async function migrate(line: Line, { dry = false }: { dry?: boolean } = {}): Promise<Migration> {
  for (let tries = 1; ; tries++) {
    try {
      await line.script(`BEGIN; ${OWN}`);
      const [row] = await line.script('SELECT n FROM version FOR UPDATE');
      const from = Number(row?.['n']);
      const to = migrations.length;
      if (from > to) {
        throw new Error(
          `the ledger in PostgreSQL was written by a newer version of Farthing (schema ${from}, this program knows ${to})`,
        );
      }
      for (const step of migrations.slice(from)) await line.script(translated(step));
      await line.script(`UPDATE version SET n = ${to}; ${dry ? 'ROLLBACK' : 'COMMIT'}`);
      return { from, to };
    } catch (error) {
      if (!line.isBroken) await line.script('ROLLBACK');
      if (tries === TRIES || !THERE.has((error as { code?: unknown }).code)) throw error;
    }
  }
}

/** @throws {Error} there are none, or of another version than this program's */
export async function needTables(line: Line): Promise<void> {
  const [there] = await line.script("SELECT to_regclass('version')::text AS name");
  const [row] = there?.['name'] === null ? [] : await line.script('SELECT n FROM version');
  if (row?.['n'] !== BigInt(migrations.length)) {
    throw new Error('there is no ledger of this version in PostgreSQL: start the broker on it once');
  }
}

const DURABLE: Readonly<Record<string, readonly string[]>> = {
  fsync: ['on'],
  full_page_writes: ['on'],
  synchronous_commit: ['on', 'local', 'remote_write', 'remote_apply'],
};

/** @throws {Error} the server loses writes that it has acknowledged, or sorts texts in another order than bytes */
export async function needSound(line: Line): Promise<void> {
  for (const [name, good] of Object.entries(DURABLE)) {
    const [row] = await line.script(`SHOW ${name}`);
    const value = String(row?.[name]);
    if (!good.includes(value)) {
      throw new Error(`PostgreSQL has ${name} = ${value}: after a crash money could be lost. Set it to ${good[0]}`);
    }
  }
  const [row] = await line.script("SELECT ('B' < 'a' AND 'a-c' < 'ab')::text AS bytes");
  if (row?.['bytes'] !== 'true') {
    throw new Error("PostgreSQL sorts texts by the rules of a language: make the database with LC_COLLATE 'C'");
  }
}
