// A ledger whose archives were made by another version: what the audit goes on from is made anew from the archives, and from nothing else.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { serialize } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { nativeCrypto } from '@farthing/node-kit';
import { canonicalJson } from '@farthing/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditLedger } from '../audit/audit.ts';
import { ledgerPath } from '../books/open.ts';
import type { Keys } from '../keys.ts';
import { audit, renewAudit } from '../operate.ts';
import { type Archived, archived } from '../testing/archived.ts';
import { Bench, Person } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { type Opening, signOpening } from './record.ts';
import { restorePeriod } from './restore.ts';

const silent = () => undefined;
const bench = new Bench();
let made: Archived;
let folder: string;
let keys: Keys;
let openings: readonly Opening[];

beforeAll(async () => {
  await bench.start({ ecash: COINS });
  await tellStory(bench);
  bench.offsetMs = 60_000;
  await new Person(bench).faucet(1n);
  await bench.stop();
  made = await archived(bench, [0.4, 0.8]);
  ({ folder, keys, openings } = made);
}, 120_000);
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  made[Symbol.dispose]();
});

/** The ledger and its archives as an earlier version left them: one stream of structured data, signed by the broker. */
function ofAnotherVersion() {
  const data = mkdtempSync(join(tmpdir(), 'farthing-broker-'));
  for (const name of ['ledger.db', 'keys.json']) copyFileSync(join(bench.data, name), join(data, name));
  const state = gzipSync(serialize({ shape: 1, kept: { model: new Map([['roots', new Map()]]) } }));
  const last = openings.at(-1);
  if (!last) throw new Error('two periods');
  const { sig: _, typ: __, ...same } = last;
  const sha256 = Buffer.from(nativeCrypto.sha256(state)).toString('hex');
  const doc = canonicalJson(signOpening({ ...same, state: { bytes: state.length, sha256 } }, keys.seed, nativeCrypto));
  const db = new DatabaseSync(ledgerPath(data));
  db.prepare('UPDATE opening SET doc = ? WHERE n = ?').run(doc, last.n);
  db.exec('DELETE FROM opening_state');
  db.prepare('INSERT INTO opening_state (page, body) VALUES (1, ?)').run(state);
  db.close();
  return { place: { data }, [Symbol.dispose]: () => rmSync(data, { recursive: true }) };
}

test('the audit says what to do, goes over the archives all the same, and once it is renewed goes on without them', async () => {
  const before = auditLedger(ledgerPath(bench.data), keys.root);
  using old = ofAnotherVersion();
  const { place } = old;
  const refused = await audit(place);
  expect([refused.status, refused.lines.join(' ')]).toEqual([1, expect.stringContaining('--archive FOLDER --renew')]);
  expect((await audit(place, folder)).json).toMatchObject({ ok: true, head: before.head, entries: before.entries });
  expect((await renewAudit(place, folder)).json).toMatchObject({ ok: true, head: before.head });
  expect(auditLedger(ledgerPath(place.data), keys.root)).toEqual(before);
  expect((await audit(place, folder)).status).toBe(0);
  for (const { file } of openings.toReversed()) {
    const { report } = await restorePeriod(place, { keys, path: join(folder, file.name), told: silent });
    expect(report).toEqual(before);
  }
});

test('a period that another version archived comes back as any other, audited over all archives', async () => {
  const before = auditLedger(ledgerPath(bench.data), keys.root);
  using old = ofAnotherVersion();
  const { place } = old;
  const path = join(folder, openings.at(-1)?.file.name ?? '');
  expect((await restorePeriod(place, { keys, path, told: silent })).report).toEqual(before);
  expect(auditLedger(ledgerPath(place.data), keys.root)).toEqual(before);
});

test('nothing is renewed from archives that are not those that were signed, nor over books that were changed', async () => {
  using old = ofAnotherVersion();
  const { place } = old;
  const other = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
  for (const { file } of openings) copyFileSync(join(folder, file.name), join(other, file.name));
  const path = join(other, openings[0]?.file.name ?? '');
  writeFileSync(path, readFileSync(path).subarray(1));
  await expect(renewAudit(place, other)).rejects.toThrow('is not the file that was archived');
  rmSync(other, { recursive: true });

  const books = (sql: string) => {
    const db = new DatabaseSync(ledgerPath(place.data));
    db.exec(sql);
    const { doc } = db.prepare('SELECT doc FROM opening ORDER BY n DESC LIMIT 1').get() ?? {};
    db.close();
    return doc;
  };
  const doc = books('UPDATE root SET expires_ms = expires_ms + 1');
  const { status, json } = await renewAudit(place, folder);
  expect([status, json]).toEqual([1, expect.objectContaining({ ok: false })]);
  expect(books('SELECT 1')).toBe(doc);
});

test('there is nothing to renew where nothing is archived', async () => {
  await using fresh = await new Bench().start();
  await new Person(fresh).faucet(1n);
  await fresh.stop();
  await expect(renewAudit(fresh.place, folder)).rejects.toThrow('no period is archived');
});
