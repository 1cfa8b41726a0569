// Edits of a ledger's file behind the back of everything that would prevent them, and what the audit says of them.
import { createHash, hash } from 'node:crypto';
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
  // Nearly everything goes through the temporary file, as with ten million pieces.
  const report = auditLedger(copy, root, { crypto: remembering, hotValues: 4 });
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

/** Gives every entry of the journal the hash that its text has now. */
export function hashAnew(db: DatabaseSync): void {
  let prev: Uint8Array = new Uint8Array(32);
  for (const entry of db.prepare('SELECT * FROM journal ORDER BY seq').all()) {
    const { seq, at_ms, kind, ref, from_key, rid } = entry;
    const postings = db
      .prepare('SELECT account, sub, cur, amount FROM posting WHERE seq = ? ORDER BY n')
      .all(Number(seq));
    const text = JSON.stringify({
      at: Number(at_ms),
      from: from_key,
      kind,
      postings: postings.map(({ account, sub, cur, amount }) => [account, sub, cur, String(amount)]),
      ref,
      rid,
      seq: Number(seq),
    });
    const hash = createHash('sha256').update(prev).update(text).digest();
    db.prepare('UPDATE journal SET prev = ?, hash = ? WHERE seq = ?').run(prev, hash, Number(seq));
    prev = hash;
  }
}
