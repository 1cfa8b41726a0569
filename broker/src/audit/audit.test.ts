import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ledgerPath } from '../start.ts';
import { Bench } from '../testing/client.ts';
import { auditEdited, changed, hashAnew, keyOf, tablesIn } from '../testing/edits.ts';
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

const audited = (edit: (db: DatabaseSync) => void): AuditReport =>
  auditEdited({ path: ledgerPath(bench.data), root: bench.public.root }, edit);

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
const tablesOf = (db: DatabaseSync): string[] => tablesIn(db).filter((name) => !EXEMPT.has(name));

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

test('an order that is booked a second time is named, though every hash and balance is right', () => {
  const report = audited((db) => {
    db.exec(`INSERT INTO journal SELECT (SELECT max(seq) + 1 FROM journal), at_ms, kind, ref, from_key, rid, prev, randomblob(32)
               FROM journal WHERE seq = 1;
             INSERT INTO posting SELECT (SELECT max(seq) FROM journal), n, account, sub, cur, amount FROM posting WHERE seq = 1;
             UPDATE balance SET amount = (SELECT sum(amount) FROM posting p WHERE p.account = balance.account AND p.cur = balance.cur)`);
    hashAnew(db);
  });
  expect(report.findings).toEqual([expect.objectContaining({ table: 'journal', row: String(report.entries) })]);
  expect(report.findings[0]?.expected).toBe('an order that moves money, once');
});

test('a path without a ledger is an error that says what to give', () => {
  expect(() => auditLedger(join(bench.data, 'none.db'), bench.public.root)).toThrow('--data');
});
