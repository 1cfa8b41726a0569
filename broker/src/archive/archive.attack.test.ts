// Whoever has the ledger's file and the archives, and wants them to say something else.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync, gzipSync } from 'node:zlib';
import { nativeCrypto, nodeEnv } from '@farthing/node-kit';
import { canonicalJson, parseJson } from '@farthing/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ledgerPath } from '../books/open.ts';
import { type Keys, openKeys } from '../keys.ts';
import { type Archived, archived } from '../testing/archived.ts';
import { Bench, Person } from '../testing/client.ts';
import { auditEdited, changed, keyOf, tablesIn } from '../testing/edits.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { archivePeriods, RETENTION_MS } from './archive.ts';
import { type Opening, signOpening } from './record.ts';
import { auditWhole, restorePeriod } from './restore.ts';

const silent = () => undefined;
const bench = new Bench();
let made: Archived;
let folder: string;
let keys: Keys;
let openings: readonly Opening[];

beforeAll(async () => {
  await bench.start({ ecash: COINS });
  await tellStory(bench);
  // The claim window ends: what nobody claimed goes back.
  bench.offsetMs = 10 * 86_400_000;
  await bench.stop();
  await bench.start();
  await bench.stop();
  made = await archived(bench, [0.3, 0.6]);
  ({ folder, keys, openings } = made);
}, 120_000);
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  made[Symbol.dispose]();
});

const ledger = () => ({ path: ledgerPath(bench.data), root: keys.root });

describe('an archived ledger without its archives', () => {
  test('is clean, and goes on from the archived entries', () => {
    const report = auditEdited(ledger(), silent);
    expect(report).toMatchObject({ ok: true, findings: [] });
    expect(openings).toHaveLength(2);
    expect(report.entries).toBeGreaterThan(openings.at(-1)?.entries.last ?? 0);
  });

  test('names an edit of any column of any table, also of rows whose orders are archived', () => {
    const open = new DatabaseSync(ledgerPath(bench.data), { readOnly: true, readBigInts: true });
    const missed: string[] = [];
    let edits = 0;
    for (const table of tablesIn(open)) {
      const key = keyOf(open, table);
      // The first row of each table: most of them were written in a period that is archived.
      const [row] = table === 'refusal' ? [] : open.prepare(`SELECT * FROM ${table} ORDER BY ${key} LIMIT 1`).all();
      for (const [column, value] of Object.entries(row ?? {})) {
        if (value === null) continue;
        const report = auditEdited(ledger(), (db) => {
          const first = `(SELECT ${key} FROM ${table} ORDER BY ${key} LIMIT 1)`;
          db.prepare(`UPDATE ${table} SET ${column} = ? WHERE (${key}) = ${first}`).run(changed(value));
        });
        edits++;
        // Secrets under which nothing was sold certify nothing.
        if (report.ok && !/_secret$/.test(column)) missed.push(`${table}.${column}: ${String(value).slice(0, 60)}`);
      }
    }
    open.close();
    expect(missed).toEqual([]);
    expect(edits).toBeGreaterThan(150);
  }, 240_000);

  test('names a row that is taken out of any table', () => {
    const open = new DatabaseSync(ledgerPath(bench.data), { readOnly: true, readBigInts: true });
    const missed = tablesIn(open).filter((table) => {
      if (['refusal', 'invite'].includes(table)) return false;
      const [key, where] = [keyOf(open, table), table === 'voucher' ? 'used_ms IS NOT NULL' : 'true'];
      return auditEdited(ledger(), (db) => {
        db.exec(`DELETE FROM ${table} WHERE (${key}) = (SELECT ${key} FROM ${table} WHERE ${where} LIMIT 1)`);
      }).ok;
    });
    open.close();
    expect(missed).toEqual([]);
  }, 120_000);

  test('does not take a record with another sum that somebody else has signed, nor the records in another order', () => {
    const [first, last] = openings;
    if (!first || !last) throw new Error('two periods');
    const put = (opening: Opening) => (db: DatabaseSync) => {
      db.prepare('UPDATE opening SET doc = ? WHERE n = ?').run(canonicalJson(opening), opening.n);
    };
    const { sig: _, typ: __, ...unsigned } = { ...last, sums: 'ab'.repeat(32) };
    const named = { table: 'opening', column: 'doc' };
    const foreign = auditEdited(ledger(), put(signOpening(unsigned, new Uint8Array(32), nativeCrypto)));
    expect(foreign.findings[0]).toMatchObject({ ...named, row: '2' });
    const swapped = auditEdited(ledger(), put({ ...first, n: 2 }));
    expect(swapped.findings[0]).toMatchObject({ ...named, row: '2' });
    // Signed by the broker, as a thief of its key could: the sums still are not those of the rows.
    const own = auditEdited(ledger(), put(signOpening(unsigned, keys.seed, nativeCrypto)));
    expect(own.findings).toContainEqual(expect.objectContaining({ table: 'opening', row: '2', column: 'sums' }));
    const cut = auditEdited(ledger(), (db) => db.exec('DELETE FROM opening WHERE n = 2'));
    expect(cut.ok).toBe(false);
  });
});

/** The archives in a folder of their own, after an edit. */
async function audited(edit: (paths: string[]) => void) {
  const other = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
  try {
    const paths = openings.map(({ file }) => join(other, file.name));
    for (const { file } of openings) copyFileSync(join(folder, file.name), join(other, file.name));
    edit(paths);
    return await auditWhole({ data: bench.data }, { keys, folder: other });
  } finally {
    rmSync(other, { recursive: true });
  }
}

describe('archives', () => {
  test('that are whole give the ledger from its first entry', async () => {
    const report = await audited(silent);
    expect(report).toEqual(auditEdited(ledger(), silent));
  });

  test('that are tampered with, cut off, missing or exchanged are named', async () => {
    const names = openings.map(({ file }) => file.name);
    const [first = '', second = ''] = names;
    await expect(
      audited(([path = '']) => {
        const lines = gunzipSync(readFileSync(path)).toString().replace('"faucet"', '"faucex"');
        writeFileSync(path, gzipSync(lines));
      }),
    ).rejects.toThrow(`${first} is not the file that was archived`);
    await expect(audited(([, path = '']) => writeFileSync(path, readFileSync(path).subarray(0, -100)))).rejects.toThrow(
      `${second} is not the file that was archived`,
    );
    await expect(audited(([, path = '']) => rmSync(path))).rejects.toThrow(`${second} is missing`);
    await expect(
      audited(([one = '', two = '']) => {
        const bytes = readFileSync(one);
        copyFileSync(two, one);
        writeFileSync(two, bytes);
      }),
    ).rejects.toThrow('is not the file that was archived');
  });

  test('of another order of lines, under a digest that fits, do not hold their period', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
    const last = openings.at(-1);
    if (!last) throw new Error('two periods');
    copyFileSync(ledgerPath(bench.data), join(copy, 'ledger.db'));
    copyFileSync(join(bench.data, 'keys.json'), join(copy, 'keys.json'));
    const lines = gunzipSync(readFileSync(join(folder, last.file.name)))
      .toString()
      .trimEnd()
      .split('\n');
    const at = lines.findIndex((line) => (parseJson(line) as { t?: string }).t === 'entry');
    const turned = lines.with(at, lines[at + 1] ?? '').with(at + 1, lines[at] ?? '');
    const path = join(copy, last.file.name);
    writeFileSync(path, gzipSync(`${turned.join('\n')}\n`));
    const file = { ...last.file, bytes: readFileSync(path).length, sha256: hashOf(readFileSync(path)) };
    const { sig: _, typ: __, ...unsigned } = { ...last, file };
    const db = new DatabaseSync(join(copy, 'ledger.db'));
    const doc = canonicalJson(signOpening(unsigned, keys.seed, nativeCrypto));
    db.prepare('UPDATE opening SET doc = ? WHERE n = 2').run(doc);
    db.close();
    await expect(restorePeriod({ data: copy }, { keys, path, told: silent })).rejects.toThrow(
      `does not hold its period`,
    );
    rmSync(copy, { recursive: true });
  });

  test('come back last one first, and only where they are archived', async () => {
    const [first] = openings;
    const path = join(folder, first?.file.name ?? '');
    await expect(restorePeriod({ data: bench.data }, { keys, path, told: silent })).rejects.toThrow(
      'first: periods come back last',
    );
    const other = join(folder, 'archive-0009-2020-01.jsonl.gz');
    await expect(restorePeriod({ data: bench.data }, { keys, path: other, told: silent })).rejects.toThrow(
      'is not archived',
    );
  });

  test('are not written over, whoever they belong to', async () => {
    const other = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
    await using fresh = await new Bench().start();
    await new Person(fresh).faucet(1n);
    await new Person(fresh).faucet(1n);
    await fresh.stop();
    const month = new Date(fresh.env().nowMs).toISOString().slice(0, 7);
    const path = join(other, `archive-0001-${month}.jsonl.gz`);
    writeFileSync(path, 'all that there is of it');
    const nowMs = Date.now() + 2 * RETENTION_MS;
    const end = Date.now() + 86_400_000;
    const place = { data: fresh.data };
    const about = { place, keys: openKeys(fresh.data, nodeEnv()), folder: other, beforeMs: end, nowMs, told: silent };
    await expect(archivePeriods({ ...about, ends: [end], dry: false })).rejects.toThrow('is there already');
    expect(readFileSync(path).toString()).toBe('all that there is of it');
    expect(await fresh.audit()).toMatchObject({ ok: true, entries: 2 });
    rmSync(other, { recursive: true });
  });

  test('nothing younger than the retention is archived', async () => {
    const about = { place: { data: bench.data }, keys, folder, dry: false, told: silent };
    const nowMs = Date.now();
    await expect(archivePeriods({ ...about, beforeMs: nowMs - RETENTION_MS + 1, nowMs })).rejects.toThrow('400 days');
  });
});

const hashOf = (bytes: Uint8Array): string => Buffer.from(nativeCrypto.sha256(bytes)).toString('hex');
