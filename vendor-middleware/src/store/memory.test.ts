import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { printCredential, readCredential } from '@farthing/protocol';
import { expect, test } from 'vitest';
import { reservation, spend, storeSuite } from '../testing/store-suite.ts';
import { memory } from './memory.ts';

storeSuite('memory', async () => {
  const store = memory();
  return { store, dispose: () => store.close() };
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heapAfterCollection = (): number => {
  for (let n = 0; n < 5; n++) collect();
  return process.memoryUsage().heapUsed;
};

test('A payment that stands keeps its few texts, and nothing else of the credential', async () => {
  const store = memory();
  const COUNT = 4000;
  const before = heapAfterCollection();
  for (let n = 0; n < COUNT; n++) {
    const challenge = { id: `${n}`.padStart(43, 'c'), realm: 'r', method: 'scrip', intent: 'charge', request: 'e30' };
    const credential = { challenge, payload: { coins: 'x'.repeat(2400) } };
    const id = readCredential([printCredential(credential)])?.challenge.id ?? '';
    const key = `coin:${n}`;
    const claim = { key, add: 7n, untilMs: 100_000, evidence: { rank: 0, proof: { credential } }, once: true as const };
    await store.reserve(reservation({ id, outcome: 'r'.repeat(300), spends: [spend(`coin ${n}`)], claims: [claim] }));
    await store.settle(id, 'me', 'commit');
    const paid = [{ key, total: 7n, over: true as const }];
    await store.claimsPaid(paid, { key: 'outbox', was: undefined, put: {} });
  }
  expect((heapAfterCollection() - before) / COUNT).toBeLessThan(1000);
  await store.close();
});
