// The command that archives and brings back is killed wherever it is: each period is whole in the ledger or whole in its file.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { ledgerPath, type Place } from './books/open.ts';
import { Archiver, type Ended } from './testing/archiver.ts';

const json = ({ out }: Ended) => JSON.parse(out) as Record<string, unknown>;

/** Nobody else can write until it is called. */
async function held({ data, database }: Place): Promise<() => Promise<void>> {
  if (database === undefined) {
    const lock = new DatabaseSync(ledgerPath(data));
    lock.exec('BEGIN IMMEDIATE');
    return async () => lock.close();
  }
  const { Line, UNHURRIED } = await import('./books/postgres/line.ts');
  const lock = await Line.open(database);
  await lock.script(`BEGIN; ${UNHURRIED}; SELECT n FROM turn WHERE one = 1 FOR UPDATE`);
  return () => lock.close();
}

test('kill -9 at any step of archiving and of bringing back: every period is in one place, and the next run goes on', async () => {
  await using archiver = new Archiver();
  const { bench, folder, archive } = archiver;
  await archiver.live([530, 490, 450, 0]);
  const whole = await bench.audit();
  const { digest } = await archiver.look();
  const look = async () => {
    expect(await bench.audit()).toEqual(whole);
    return (await archiver.look()).periods;
  };

  // Nobody can write: the file of the first period is in its place, and its rows cannot go.
  const release = await held(bench.place);
  const first = await archiver.run(archive, (line) => line.endsWith('in its place'));
  await release();
  expect(first.status).toBeNull();
  expect(await look()).toBe(0);
  expect(readdirSync(folder).some((name) => name.endsWith('.jsonl.gz'))).toBe(true);

  for (const end of ['orders, ', 'read back', 'in its place', 'archived']) {
    const isTime = (line: string) => line.includes(end);
    expect((await archiver.run(archive, isTime)).status, end).toBeNull();
    await look();
  }
  const done = json(await archiver.run(archive));
  expect(done).toMatchObject({ head: whole.head, entries: whole.entries });
  const periods = await look();
  expect(periods).toBeGreaterThanOrEqual(3);
  const files = readdirSync(folder).sort();
  expect(files).toHaveLength(periods);
  expect(await archiver.run(['audit', '--archive', folder, '--json'])).toMatchObject({ status: 0 });

  const last = join(folder, files.at(-1) ?? '');
  const bytes = readFileSync(last);
  writeFileSync(last, bytes.subarray(1));
  const damaged = await archiver.run(['audit', '--archive', folder]);
  expect([damaged.status, damaged.told.join(' ')]).toEqual([1, expect.stringContaining('is not the file')]);
  writeFileSync(last, bytes);
  const partial = await archiver.run(['settlement']);
  expect([partial.status, partial.told.join(' ')]).toEqual([1, expect.stringContaining(files[0] ?? '')]);

  const restore = ['archive', '--restore', last];
  for (const end of ['tried on a copy', 'back']) await archiver.run(restore, (line) => line.endsWith(end));
  for (let left = await look(); left > 0; left = await look()) {
    const path = join(folder, files[left - 1] ?? '');
    expect(await archiver.run(['archive', '--restore', path])).toMatchObject({ status: 0 });
  }
  expect((await archiver.look()).digest).toBe(digest);
  expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
}, 240_000);
