// Edits of a ledger's file behind the back of everything that would prevent them, and what the audit says of them.
import { hash } from 'node:crypto';
import { copyFileSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { nativeCrypto } from '@farthing/node-kit';
import type { Crypto } from '@farthing/protocol';
import { type AuditReport, auditLedger } from '../audit/audit.ts';

/** Edits a copy of the file, without the checks that SQLite would make. */
export function auditEdited(
  { path, root }: { path: string; root: string },
  edit: (db: DatabaseSync) => void,
): AuditReport {
  const copy = `${path}.copy-${copies++}`;
  copyFileSync(path, copy);
  const db = new DatabaseSync(copy, { readBigInts: true });
  db.exec('PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON;');
  edit(db);
  db.close();
  const report = auditLedger(copy, root, remembering);
  rmSync(copy);
  return report;
}
let copies = 0;

/** Hundreds of audits of nearly the same file: each signature is checked once, everything else every time. */
const checked = new Map<string, boolean>();
const remembering: Crypto = {
  ...nativeCrypto,
  verify(key, message, signature) {
    const name = [key, message, signature].map((bytes) => hash('sha256', bytes)).join(' ');
    const isGenuine = checked.get(name) ?? nativeCrypto.verify(key, message, signature);
    checked.set(name, isGenuine);
    return isGenuine;
  },
};

export const tablesIn = (db: DatabaseSync): string[] =>
  db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map((row) => String(row['name']));

/** Another value of the same kind: a cent more, a second later, somebody else. */
export function changed(value: unknown): string | bigint | Uint8Array {
  if (typeof value === 'bigint') return value + 86_400_000n;
  if (typeof value === 'string') return value === '' ? 'x' : (value.startsWith('y') ? 'z' : 'y') + value.slice(1);
  if (value instanceof Uint8Array) return value.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  return 'x';
}

/** Columns of the key of a table. */
export const keyOf = (db: DatabaseSync, table: string): string =>
  db
    .prepare(`SELECT name FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`)
    .all()
    .map((row) => String(row['name']))
    .join(', ');
