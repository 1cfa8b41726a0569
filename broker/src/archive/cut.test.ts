// What is still needed where it is stays there, and its period with it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { nodeEnv } from '@farthing/node-kit';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { copyOf } from '../books/open.ts';
import { openKeys } from '../keys.ts';
import { closeInvoices, listInvoices } from '../operate-payword.ts';
import { Bench, Person, Site } from '../testing/client.ts';
import { certify, certOrder, claimOf, commitTo, redeemWords } from '../testing/payword.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { archivePeriods, RETENTION_MS } from './archive.ts';
import { heldIn, holding } from './cut.ts';

const LATER_MS = RETENTION_MS + 86_400_000;
let bench: Bench;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
  bench = await new Bench().start({ ecash: COINS });
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const archived = (endMs: number) =>
  archivePeriods({
    ...{ place: bench.place, keys: openKeys(bench.data, nodeEnv()), folder, beforeMs: endMs, ends: [endMs] },
    ...{ nowMs: Date.now() + LATER_MS, dry: false, told: () => undefined },
  });

const spend = async (anna: Person, site: Site, words: number) => {
  const session = commitTo(bench, await certify(anna, site.vnd, 50_000n), 50, 1_000n);
  await redeemWords(site, claimOf(session, words));
};

test('lines that say whether an invoice is paid stay until it is; then it counts as paid for ever', async () => {
  const site = await new Site(bench).open();
  const anna = new Person(bench);
  await spend(anna, site, 10);
  // The last entry stays in any case.
  await new Person(bench).faucet(1n);
  expect((await archived(Date.now() + 1)).stays.held?.why).toContain('no invoice yet');
  await closeInvoices(bench.place, 0);
  await anna.faucet(9_999n);
  await new Person(bench).faucet(1n);
  const { openings, stays } = await archived(Date.now() + 1);
  expect([openings.length, stays.held?.why]).toEqual([0, 'an invoice that is not paid']);
  expect(stays.entries).toBeGreaterThan(0);

  await anna.faucet(1n);
  const endMs = Date.now() + 1;
  bench.offsetMs = 60_000;
  await new Person(bench).faucet(1n);
  expect((await archived(endMs)).openings).toHaveLength(1);
  expect((await listInvoices(bench.place)).json).toMatchObject({ invoices: [{ state: 'paid', left: '0' }] });
  // Owing again, and nothing of it on an invoice: what was archived is not taken for unpaid.
  await spend(anna, site, 10);
  expect(await anna.statement()).toMatchObject({ owed: '10000' });
  expect(await anna.statement()).not.toHaveProperty('due');
  expect(await bench.refused('/v1/payword/cert', certOrder(anna, site.vnd, 1_000n, anna.seed))).toBe('accepted');
});

test('an order that waits for another broker keeps its period, and what comes before it may go', async () => {
  await tellStory(bench);
  await using copy = await copyOf(bench.place);
  const path = join(folder, 'edited.db');
  new DatabaseSync(copy.path, { readOnly: true }).prepare('VACUUM INTO ?').run(path);
  const db = new DatabaseSync(path, { readBigInts: true });
  expect(heldIn(db)).toEqual([]);
  db.exec('UPDATE peer_order SET answer = NULL WHERE n = (SELECT max(n) FROM peer_order)');
  const [held] = heldIn(db);
  expect(held?.why).toContain('another broker');
  const order = held?.order ?? 0;
  expect(holding(heldIn(db), { seq: 1e6, orders: order })).toEqual(held);
  expect(holding(heldIn(db), { seq: 1e6, orders: order - 1 })).toBeUndefined();
  db.close();
});
