// Keys that were lost, or exchanged: nobody goes on in books that another broker has signed for.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Bench, Person } from './testing/client.ts';

let bench: Bench;
afterEach(() => bench[Symbol.asyncDispose]());

/** Starts it once more without the keys that it had. */
async function startWithNewKeys(): Promise<void> {
  await bench.stop();
  renameSync(join(bench.data, 'keys.json'), join(bench.data, 'keys.kept'));
  await expect(bench.start()).rejects.toThrow(/the ledger is of another broker/);
}

test('A broker whose keys were lost does not go on in its ledger, and does when they are back', async () => {
  bench = await new Bench().start();
  const anna = new Person(bench);
  await anna.faucet(5_000_000n);
  await startWithNewKeys();
  renameSync(join(bench.data, 'keys.kept'), join(bench.data, 'keys.json'));
  await bench.start();
  expect((await bench.audit()).findings).toEqual([]);
});

test('Keys of coins that were listed are enough to know the owner by', async () => {
  bench = await new Bench().start({ ecash: {} });
  await bench.until('/v1/ecash/keysets');
  await startWithNewKeys();
});

test('A broker that has signed nothing takes other keys', async () => {
  bench = await new Bench().start();
  await bench.stop();
  renameSync(join(bench.data, 'keys.json'), join(bench.data, 'keys.kept'));
  await bench.start();
});
