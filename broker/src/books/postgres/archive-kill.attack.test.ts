// Archiving in PostgreSQL is ended inside of its transaction: by kill -9, by a server that is stopped dead, by a cut between the commit
// and its answer. Each period is in one place then, the books balance, and the next run goes on.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cuttingProxy, type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Archiver } from '../../testing/archiver.ts';
import { newDatabase } from '../../testing/postgres.ts';
import { Line, UNHURRIED } from './line.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.stop(), 60_000);

const WAITING = `SELECT count(*) AS n FROM pg_locks WHERE NOT granted AND relation = '%'::regclass`;

/** Who wants to write to the table waits. `reached` resolves when somebody does. */
async function stopAt(url: string, table: string) {
  const [lock, look] = [await Line.open(url), await Line.open(url)];
  await lock.script(`BEGIN; ${UNHURRIED}; LOCK TABLE ${table} IN SHARE MODE`);
  const isReached = async () => (await look.script(WAITING.replace('%', table)))[0]?.['n'] !== 0n;
  return {
    reached: () => expect.poll(isReached, { timeout: 60_000, interval: 20 }).toBe(true),
    async release() {
      await lock.close();
      await look.close();
    },
  };
}

/** All that the transaction of a period writes to, in turn. */
const ARCHIVED = ['opening_sum', 'posting', 'journal', 'stored_order', 'opening_state', 'opening'];
const RESTORED = ['opening', 'opening_state', 'stored_order', 'journal', 'posting', 'opening_sum'];

/** Ends runs of the command wherever its transaction writes, looks at the books each time, and lets the last run end. */
async function survives(
  archiver: Archiver,
  end: (child: { kill(signal: 'SIGKILL'): boolean }) => Promise<unknown>,
  ended: (status: number | null, told: string) => void,
): Promise<void> {
  const { bench, folder, archive } = archiver;
  const { database: url = '' } = bench.place;
  const whole = await bench.audit();
  const before = await archiver.look();
  const interrupted = async (args: readonly string[], table: string) => {
    const stop = await stopAt(url, table);
    const command = archiver.start(args);
    await stop.reached();
    await end(command.child);
    const { status, told } = await command.ended;
    ended(status, told.join('\n'));
    await stop.release();
    expect(await bench.audit(), table).toEqual(whole);
  };
  for (const table of ARCHIVED) {
    await interrupted(archive, table);
    expect(await archiver.look(), table).toEqual(before);
  }
  expect(await archiver.run(archive)).toMatchObject({ status: 0 });
  const archived = await archiver.look();
  const files = readdirSync(folder).sort();
  expect(files).toHaveLength(archived.periods);
  for (const table of RESTORED) {
    await interrupted(['archive', '--restore', join(folder, files.at(-1) ?? '')], table);
    expect(await archiver.look(), table).toEqual(archived);
  }
  for (const file of files.toReversed()) {
    expect(await archiver.run(['archive', '--restore', join(folder, file)])).toMatchObject({ status: 0 });
    expect(await bench.audit()).toEqual(whole);
  }
  expect(await archiver.look()).toEqual(before);
}

test('kill -9 at each statement of archiving and of bringing back: nothing has changed, and the next run does all of it', async () => {
  await using archiver = new Archiver();
  archiver.bench.database = await newDatabase(server.url);
  await archiver.live([490, 450, 0]);
  await survives(
    archiver,
    async (child) => child.kill('SIGKILL'),
    (status) => expect(status).toBeNull(),
  );
}, 600_000);

test('a server that is stopped dead at each statement of both: the command says what to do, and the next run does all of it', async () => {
  await using archiver = new Archiver();
  archiver.bench.database = await newDatabase(server.url);
  await archiver.live([490, 450, 0]);
  const restart = async () => {
    await server.kill();
    await server.start();
  };
  await survives(archiver, restart, (status, told) => {
    expect([status, told]).toEqual([1, expect.stringContaining('Run the same command again')]);
  });
}, 600_000);

test('a server that is stopped dead while the ledger is read: nothing is archived, and no copy is left', async () => {
  await using archiver = new Archiver();
  const { bench, folder, archive } = archiver;
  bench.database = await newDatabase(server.url);
  await archiver.live([450, 0]);
  const before = await archiver.look();
  const [lock, look] = [await Line.open(bench.database), await Line.open(bench.database)];
  await lock.script(`BEGIN; ${UNHURRIED}; LOCK TABLE posting IN ACCESS EXCLUSIVE MODE`);
  const { ended } = archiver.start(archive);
  await expect.poll(async () => (await look.script(WAITING.replace('%', 'posting')))[0]?.['n']).toBe(1n);
  await server.kill();
  await server.start();
  const { status, told } = await ended;
  expect([status, told.join('\n')]).toEqual([1, expect.stringContaining('Run the same command again')]);
  expect(readdirSync(folder)).toEqual([]);
  expect(await archiver.look()).toEqual(before);
  await Promise.all([lock.close(), look.close()]);
}, 120_000);

test('a cut between the commit of a period and its answer: the period is archived once, and the next run goes on after it', async () => {
  await using archiver = new Archiver();
  const { bench, folder, archive } = archiver;
  const url = new URL(await newDatabase(server.url));
  bench.database = url.href;
  await archiver.live([490, 450, 0]);
  const whole = await bench.audit();
  const proxy = await cuttingProxy(Number(url.port));
  url.port = String(proxy.port);
  const direct = bench.database;
  const cut = async (args: readonly string[]) => {
    bench.database = url.href;
    proxy.cutAtCommit();
    const { status, told } = await archiver.run(args);
    bench.database = direct;
    expect([status, told.join('\n')]).toEqual([1, expect.stringContaining('Run the same command again')]);
    expect(await bench.audit()).toEqual(whole);
    return (await archiver.look()).periods;
  };
  expect(await cut(archive)).toBe(1);
  expect(await cut(archive)).toBe(2);
  expect(proxy.cuts).toBe(2);
  expect(await archiver.run(archive)).toMatchObject({ status: 0 });
  const files = readdirSync(folder).sort();
  expect(files).toHaveLength((await archiver.look()).periods);
  expect(await archiver.run(['audit', '--archive', folder])).toMatchObject({ status: 0 });
  expect(await cut(['archive', '--restore', join(folder, files.at(-1) ?? '')])).toBe(files.length - 1);
  await proxy.close();
}, 120_000);
