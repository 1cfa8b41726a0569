// Moves a ledger from its file into PostgreSQL, all of it or nothing, and proves from what is there afterwards that it is the same.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '@farthing/node-kit';
import { type AuditReport, auditLedger } from '../../audit/audit.ts';
import { migrations } from '../../ledger/schema.ts';
import { digestOf } from '../digest.ts';
import { scratchFolder } from '../scratch.ts';
import { seal } from '../sealed.ts';
import { copyIn, copyOut, type Progress, quickFile } from './copy.ts';
import { Line, UNHURRIED } from './line.ts';
import { migrate, needSound } from './schema.ts';
import { tablesOf } from './tables.ts';

export type Move = {
  readonly path: string;
  readonly url: string;
  /** Public root key of the broker. */
  readonly root: string;
  readonly progress: Progress;
};
/** `digest`: over every row of every table, the same on both sides. */
export type Moved = { readonly report: AuditReport; readonly digest: string; readonly rows: number };

/**
 * While it runs nothing can be written to the file: a broker on it answers 503, and so it does afterwards, for good.
 * @throws {Error} the audit has findings; there is a ledger in PostgreSQL already; what is there is not what was read
 */
export async function moveToPostgres({ path, url, root, progress }: Move): Promise<Moved> {
  const db = openDatabase(path, migrations);
  const line = await Line.open(url);
  const folder = scratchFolder('move');
  try {
    await needSound(line);
    await migrate(line);
    db.exec('BEGIN IMMEDIATE');
    const before = clean(auditLedger(path, root));
    await line.script(`BEGIN ISOLATION LEVEL SERIALIZABLE; ${UNHURRIED}; UPDATE turn SET n = n + 1 WHERE one = 1`);
    await needEmpty(line, db);
    await copyIn(db, line, (table, ...counts) => progress(`${table} there`, ...counts));
    const proof = join(folder, 'ledger.db');
    const copy = quickFile(proof);
    await copyOut(line, copy, (table, ...counts) => progress(`${table} back`, ...counts));
    const [here, there] = [digestOf(db), digestOf(copy)];
    copy.close();
    const report = clean(auditLedger(proof, root));
    if (here.digest !== there.digest || report.head !== before.head) {
      throw new Error('what PostgreSQL has is not what the file has: nothing was moved');
    }
    // First the seal: should the next commit fail, nobody has a ledger until this is done again, and never two.
    seal(db, tablesOf(db).keys());
    db.exec('COMMIT');
    await line.script('COMMIT');
    return { report, ...here };
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
    db.close();
    await line.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function clean(report: AuditReport): AuditReport {
  if (!report.ok) throw new Error(`the audit has ${report.findings.length} findings: broker audit names them`);
  return report;
}

async function needEmpty(line: Line, db: DatabaseSync): Promise<void> {
  for (const table of tablesOf(db).keys()) {
    const [row] = await line.script(`SELECT 1 AS one FROM ${table} LIMIT 1`);
    if (row) throw new Error('there is a ledger in PostgreSQL already: give an empty database');
  }
}
