// The command that archives and brings back is killed wherever it is: each period is whole in the ledger or whole in its file.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { digestOf } from './books/digest.ts';
import { ledgerPath } from './start.ts';
import { Bench, Person, pieceOf, Site } from './testing/client.ts';
import { main } from './testing/process.ts';

const DAY_MS = 86_400_000;
const running = new Set<ChildProcess>();
const bench = new Bench();
const folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

type Ended = { readonly status: number | null; readonly out: string; readonly told: readonly string[] };

/** Kills the command at the line that `isTime` names, if it comes. */
async function broker(args: readonly string[], isTime: (line: string) => boolean = () => false): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=farthing-source', main, ...args, '--data', bench.data], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const told: string[] = [];
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    told.push(line);
    if (isTime(line)) child.kill('SIGKILL');
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  running.delete(child);
  return { status, out, told };
}

const json = ({ out }: Ended) => JSON.parse(out) as Record<string, unknown>;

function withLedger<T>(use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(ledgerPath(bench.data), { readBigInts: true });
  try {
    return use(db);
  } finally {
    db.close();
  }
}

/** Sales and claims in the days before `daysAgo`, a month and more apart. */
async function live(daysAgo: readonly number[]): Promise<void> {
  let site: Site | undefined;
  for (const days of daysAgo) {
    bench.offsetMs = -days * DAY_MS;
    await bench.start();
    site ??= await new Site(bench).open({ exp: Math.floor(Date.now() / 1000) + 1000 });
    const anna = new Person(bench);
    await anna.faucet(1_000n);
    const { scrip } = pieceOf(await anna.buy(site.vnd, 100n));
    await site.redeem([{ root: scrip.root, cum: 40n }]);
    await bench.stop();
  }
}

test('kill -9 at any step of archiving and of bringing back: every period is in one place, and the next run goes on', async () => {
  await live([530, 490, 450, 0]);
  const whole = await bench.audit();
  const digest = withLedger((db) => digestOf(db).digest);
  const before = new Date(Date.now() - 401 * DAY_MS).toISOString().slice(0, 10);
  const archive = ['archive', '--before', before, '--to', folder, '--json'];
  const look = async () => {
    expect(await bench.audit()).toEqual(whole);
    return withLedger((db) => Number(db.prepare('SELECT count(*) AS n FROM opening').get()?.['n']));
  };

  // Nobody can write: the file of the first period is in its place, and its rows cannot go.
  const lock = new DatabaseSync(ledgerPath(bench.data));
  lock.exec('BEGIN IMMEDIATE');
  const first = await broker(archive, (line) => line.endsWith('in its place'));
  lock.exec('ROLLBACK');
  lock.close();
  expect(first.status).toBeNull();
  expect(await look()).toBe(0);
  expect(readdirSync(folder).some((name) => name.endsWith('.jsonl.gz'))).toBe(true);

  for (const end of ['orders, ', 'read back', 'in its place', 'archived']) {
    const isTime = (line: string) => line.includes(end);
    expect((await broker(archive, isTime)).status, end).toBeNull();
    await look();
  }
  const done = json(await broker(archive));
  expect(done).toMatchObject({ head: whole.head, entries: whole.entries });
  const periods = await look();
  expect(periods).toBeGreaterThanOrEqual(3);
  const files = readdirSync(folder).sort();
  expect(files).toHaveLength(periods);
  expect(await broker(['audit', '--archive', folder, '--json'])).toMatchObject({ status: 0 });

  const last = join(folder, files.at(-1) ?? '');
  const bytes = readFileSync(last);
  writeFileSync(last, bytes.subarray(1));
  const damaged = await broker(['audit', '--archive', folder]);
  expect([damaged.status, damaged.told.join(' ')]).toEqual([1, expect.stringContaining('is not the file')]);
  writeFileSync(last, bytes);
  const partial = await broker(['settlement']);
  expect([partial.status, partial.told.join(' ')]).toEqual([1, expect.stringContaining(files[0] ?? '')]);

  const restore = ['archive', '--restore', last];
  for (const end of ['tried on a copy', 'back']) await broker(restore, (line) => line.endsWith(end));
  for (let left = await look(); left > 0; left = await look()) {
    const path = join(folder, files[left - 1] ?? '');
    expect(await broker(['archive', '--restore', path])).toMatchObject({ status: 0 });
  }
  expect(withLedger((db) => digestOf(db).digest)).toBe(digest);
  expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
}, 240_000);
