// A broker goes on with a ledger whose old periods are archived: it answers what it can, says what it cannot, and its books stay right.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { nodeEnv, openReadOnly } from '@farthing/node-kit';
import type { Order } from '@farthing/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyOf } from '../books/open.ts';
import { openKeys } from '../keys.ts';
import { Looks } from '../laws/look.ts';
import { audit } from '../operate.ts';
import { listArchives, restoreArchive } from '../operate-archive.ts';
import { exportLines, settlement } from '../operate-bulk.ts';
import { listOverclaims } from '../operate-overclaims.ts';
import { listInvoices } from '../operate-payword.ts';
import { Bench, Person, USD } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { archivePeriods, RETENTION_MS } from './archive.ts';
import type { Opening } from './record.ts';

const LATER_MS = RETENTION_MS + 86_400_000;
const ALWAYS = { sinceMs: 0, untilMs: 8e15 };
const silent = () => undefined;

const bench = new Bench();
const folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
let anna: Person;
let bob: Person;
let asked: { order: Order; answer: string };
let before: { lines: string; settled: unknown; overclaims: unknown; invoices: unknown; statement: unknown };
let openings: readonly Opening[];
let endMs: number;

beforeAll(async () => {
  await bench.start({ ecash: COINS });
  ({ anna } = await tellStory(bench));
  bob = new Person(bench);
  const order = bob.order('faucet/1', { amount: '70', cur: USD });
  asked = { order, answer: (await bench.post('/v1/faucet', order)).text };
  before = { ...(await reports()), statement: (await bob.statement())['lines'] };
  // What stays, because whatever comes next counts on from it.
  endMs = Date.now() + 1;
  bench.offsetMs = 60_000;
  await new Person(bench).faucet(1n);
  await bench.stop();
  const keys = openKeys(bench.data, nodeEnv());
  bench.offsetMs = LATER_MS;
  const { nowMs } = bench.env();
  const about = { place: bench.place, keys, folder, nowMs, dry: false, told: silent };
  ({ openings } = await archivePeriods({ ...about, beforeMs: endMs, ends: [endMs] }));
  await bench.start({ ecash: COINS, lawsEveryMs: 20 });
}, 120_000);
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function exported(archive?: string): Promise<string> {
  const out = new PassThrough();
  const all = text(out);
  await exportLines(bench.place, { period: ALWAYS, account: undefined, format: 'csv', archive }, out).finally(() =>
    out.end(),
  );
  return all;
}

async function reports(archive?: string) {
  return {
    lines: await exported(archive),
    settled: (await settlement(bench.place, { period: ALWAYS, archive }, silent)).json,
    overclaims: (await listOverclaims(bench.place, archive)).json,
    invoices: (await listInvoices(bench.place)).json,
  };
}

describe('a broker whose old periods are archived', () => {
  test('is ready, keeps its laws, and is clean with all that came to its end since', async () => {
    expect((await fetch(`${bench.url}/ready`)).status).toBe(200);
    await anna.faucet(9n);
    await using copy = await copyOf(bench.place);
    const db = openReadOnly(copy.path);
    const looks = new Looks();
    for (let n = 0; n < 3; n++)
      expect(await looks.look((sql, ...values) => db.prepare(sql).all(...values))).toEqual([]);
    db.close();
    const here = await bench.audit();
    expect(here).toMatchObject({ ok: true, findings: [] });
    expect((await audit(bench.place, folder)).json).toMatchObject({ ok: true, head: here.head, entries: here.entries });
    expect(bench.log).toEqual([]);
  });

  test('cries out when a sum that it opened with is changed', async () => {
    await using copy = await copyOf(bench.place);
    const db = openReadOnly(copy.path);
    const found = await new Looks().look((sql, ...values) =>
      db
        .prepare(sql.replace('sum(amount) AS sum FROM opening_sum', 'sum(amount) + 1 AS sum FROM opening_sum'))
        .all(...values),
    );
    db.close();
    expect(found.map(({ law }) => law)).toContain('journal');
  });

  test('never carries out again what it was asked then, and says that it does not know', async () => {
    expect(await bench.refused('/v1/faucet', asked.order)).toBe('order-archived');
    const { seed } = bob;
    const then = new Bench();
    const old = new Person(then, seed).order('faucet/1', { amount: '70', cur: USD });
    expect(await bench.refused('/v1/faucet', old)).toBe('order-archived');
    const offsetMs = bench.offsetMs;
    bench.offsetMs -= 3_600_000;
    const stale = bob.order('faucet/1', { amount: '70', cur: USD });
    bench.offsetMs = offsetMs;
    expect(await bench.refused('/v1/faucet', stale)).toBe('request-stale');
    await then[Symbol.asyncDispose]();
    expect(await bob.statement()).toMatchObject({ balance: '70' });
  });

  test('says in a statement how many lines are archived, and what they sum to', async () => {
    const seq = openings.at(-1)?.entries.last ?? 0;
    expect(await bob.statement()).toMatchObject({
      balance: '70',
      archived: { seq, amount: '70', lines: 1 },
      lines: [],
    });
    await bob.faucet(5n);
    const all = await bob.statement();
    expect(all).toMatchObject({ balance: '75', archived: { amount: '70' }, lines: [{ amount: '5' }] });
    expect(await bob.statement({ after: seq })).not.toHaveProperty('archived');
    const eve = new Person(bench);
    await eve.faucet(3n);
    expect(await eve.statement()).not.toHaveProperty('archived');
  });

  test('gives no report with a part missing, and the whole one with the archives', async () => {
    const [name] = openings.map(({ file }) => file.name);
    for (const report of [
      () => exported(),
      () => settlement(bench.place, { period: ALWAYS }, silent),
      () => listOverclaims(bench.place),
    ]) {
      await expect(report()).rejects.toThrow(name);
    }
    const after = await reports(folder);
    expect(after.lines.startsWith(before.lines)).toBe(true);
    expect(after.overclaims).toEqual(before.overclaims);
    const since = { period: { sinceMs: endMs, untilMs: ALWAYS.untilMs } };
    expect((await settlement(bench.place, since, silent)).status).toBe(0);
    const then = { period: { sinceMs: 0, untilMs: endMs }, archive: folder };
    expect((await settlement(bench.place, then, silent)).json).toEqual(before.settled);
  });

  test('lists its archives, and answers as before when a period has come back', async () => {
    const { json } = await listArchives(bench.place);
    expect((json as { periods: { file: { name: string } }[] }).periods.map(({ file }) => file)).toEqual(
      openings.map(({ file }) => file),
    );
    const { head, entries } = await bench.audit();
    const path = join(folder, openings[0]?.file.name ?? '');
    expect((await restoreArchive(bench.place, path, silent)).json).toMatchObject({ head, entries });
    expect((await bench.post('/v1/faucet', asked.order)).text).toBe(asked.answer);
    const { lines, archived } = await bob.statement();
    expect(archived).toBeUndefined();
    expect((lines as unknown[]).slice(0, 1)).toEqual(before.statement);
    expect(await bench.audit()).toMatchObject({ ok: true });
    expect((await fetch(`${bench.url}/ready`)).status).toBe(200);
  });
});
