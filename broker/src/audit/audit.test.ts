import { createHash, hash } from 'node:crypto';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nativeCrypto } from '@farthing/node-kit';
import type { Crypto } from '@farthing/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ledgerPath } from '../start.ts';
import { Bench } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { type AuditReport, auditLedger } from './audit.ts';

const bench = new Bench();

beforeAll(async () => {
  await bench.start({ ecash: COINS });
  await tellStory(bench);
  // The claim window ends: what nobody claimed goes back.
  bench.offsetMs = 10 * 86_400_000;
  await bench.stop();
  await bench.start();
  await bench.stop();
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Edits a copy of the file behind the back of every check that SQLite would make. */
function audited(edit: (db: DatabaseSync) => void): AuditReport {
  const copy = join(bench.data, `copy-${copies++}.db`);
  copyFileSync(ledgerPath(bench.data), copy);
  const db = new DatabaseSync(copy, { readBigInts: true });
  db.exec('PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON;');
  edit(db);
  db.close();
  const report = auditLedger(copy, bench.public.root, remembering);
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

test('an honest ledger raises nothing, with one of everything in it', () => {
  const report = audited(() => {});
  expect(report).toMatchObject({ ok: true, findings: [] });
  expect(report.entries).toBeGreaterThan(10);
});

test('a ledger is audited while the service writes to it', async () => {
  await using other = await new Bench().start({ ecash: COINS });
  await tellStory(other);
  expect(await other.audit()).toMatchObject({ ok: true });
});

/** Not evidence: refusals die within minutes. What is archived has tests of its own. */
const EXEMPT = new Set(['refusal', 'opening', 'opening_sum', 'opening_state']);

function tablesOf(db: DatabaseSync): string[] {
  return db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .all()
    .map((row) => String(row['name']))
    .filter((name) => !EXEMPT.has(name));
}

/** Another value of the same kind: a cent more, a second later, somebody else. */
function changed(value: unknown): string | bigint | Uint8Array {
  if (typeof value === 'bigint') return value + 86_400_000n;
  if (typeof value === 'string') return value === '' ? 'x' : (value.startsWith('y') ? 'z' : 'y') + value.slice(1);
  if (value instanceof Uint8Array) return value.map((byte, i) => (i === 0 ? byte ^ 1 : byte));
  return 'x';
}

describe('every edit is named', () => {
  test('an edit of any column of any row of any table', () => {
    const missed: string[] = [];
    let edits = 0;
    const open = new DatabaseSync(ledgerPath(bench.data), { readOnly: true, readBigInts: true });
    for (const table of tablesOf(open)) {
      const rows = open.prepare(`SELECT * FROM ${table}`).all();
      expect(rows.length, `${table} has a row to edit`).toBeGreaterThan(0);
      // The first, the last and the middle row: the ends of chains and an inner link.
      const picked = new Set([0, rows.length >> 1, rows.length - 1]);
      for (const index of picked) {
        for (const [column, value] of Object.entries(rows[index] ?? {})) {
          // A column that is null in this row is of another type than text, or belongs to unused codes.
          if (value === null && !['buyer', 'y_end'].includes(column)) continue;
          const rowNumber = `(SELECT ${keyOf(open, table)} FROM ${table} LIMIT 1 OFFSET ${index})`;
          const keys = keyOf(open, table);
          const sql = `UPDATE ${table} SET ${column} = ? WHERE (${keys}) = ${rowNumber}`;
          const report = audited((db) => {
            db.prepare(sql).run(changed(value));
          });
          edits++;
          if (report.ok) missed.push(`${table}.${column} of row ${index}: ${String(value).slice(0, 60)}`);
        }
      }
    }
    open.close();
    expect(
      missed.filter((edit) => !edit.startsWith('licence.scrip_secret') && !edit.startsWith('licence.customer_')),
    ).toEqual([]);
    expect(edits).toBeGreaterThan(150);
  }, 240_000);

  test('a row taken out of any table', () => {
    const open = new DatabaseSync(ledgerPath(bench.data), { readOnly: true, readBigInts: true });
    const missed: string[] = [];
    for (const table of tablesOf(open)) {
      // A code that was not used leaves no trace elsewhere; where registration is open an invite may be any text.
      if (table === 'invite') continue;
      const where = table === 'voucher' ? 'used_ms IS NOT NULL' : 'true';
      const keys = keyOf(open, table);
      const report = audited((db) => {
        db.exec(`DELETE FROM ${table} WHERE (${keys}) = (SELECT ${keys} FROM ${table} WHERE ${where} LIMIT 1)`);
      });
      if (report.ok) missed.push(table);
    }
    open.close();
    expect(missed).toEqual([]);
  }, 120_000);
});

function keyOf(db: DatabaseSync, table: string): string {
  return db
    .prepare(`SELECT name FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`)
    .all()
    .map((row) => String(row['name']))
    .join(', ');
}

test('a finding names the table, the row and the difference', () => {
  const { findings } = audited((db) => db.exec("UPDATE balance SET amount = amount + 1 WHERE account LIKE 'vendor:%'"));
  expect(findings).toEqual([
    { table: 'balance', row: 'vendor:news.example usd-micro', column: 'amount', expected: '47375', found: '47376' },
  ]);
});

test('a journal that is edited and hashed anew from end to end still contradicts the signed orders', () => {
  const report = audited((db) => {
    db.exec(`UPDATE posting SET amount = amount * 2 WHERE seq = 1;
             UPDATE balance SET amount = amount - 5000000 WHERE account = 'external:faucet';
             UPDATE balance SET amount = amount + 5000000 WHERE account LIKE 'user:%'`);
    hashAnew(db);
  });
  expect(report.findings[0]).toMatchObject({ table: 'journal', row: '1', column: 'postings' });
  expect(report.findings.some(({ column }) => column === 'hash' || column === 'prev')).toBe(false);
});

function hashAnew(db: DatabaseSync): void {
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

test('a path without a ledger is an error that says what to give', () => {
  expect(() => auditLedger(join(bench.data, 'none.db'), bench.public.root)).toThrow('--data');
});
