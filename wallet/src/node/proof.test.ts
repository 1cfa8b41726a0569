// Proofs at the command line: made by one, checked by another who has neither wallet nor network.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '@farthing/broker/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMint } from '../testing/mint.ts';
import { terminal } from '../testing/terminal.ts';
import { openWallet } from './open.ts';

let dir: string;
let bench: Bench;
let url: string;
let who = 'alice';
const { cli } = terminal(() => ({ data: join(dir, who), brokerUrl: url }));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-proof-'));
  bench = await startMint();
  url = bench.url;
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

test('a proof is printed, and checked off line by somebody without a wallet', async () => {
  const { wallet, close } = await openWallet(join(dir, 'alice'));
  await wallet.init({ brokerUrl: bench.url });
  await wallet.topUp({ amountMicro: 10_000n });
  await wallet.coins.withdraw({ amountMicro: 1n });
  close();
  const { out: keys } = await cli('coins', '--keys');
  const made = await cli('prove', keys.split(' ')[0] ?? '', '--for', 'Carol, case 7');
  expect(made.status).toBe(0);
  const file = join(dir, 'proof.json');
  writeFileSync(file, made.out);
  await bench.stop();
  who = 'nobody';
  const said = await cli('verify', file, '--for', 'Carol, case 7', '--broker', bench.public.brk);
  expect(said).toMatchObject({
    status: 0,
    out: expect.stringMatching(/1 coin worth \$0\.000001 of test money: not spent\.[\s\S]*"Carol, case 7"/),
  });
  expect(existsSync(join(dir, 'nobody'))).toBe(false);
  expect(await cli('verify', file, '--for', 'Dave')).toMatchObject({
    status: 1,
    err: expect.stringContaining('proof-invalid'),
  });
  expect(await cli('verify', file, '--broker', 'b1')).toMatchObject({ status: 1 });
  writeFileSync(file, '{"typ":"evidence/9"}');
  expect(await cli('verify', file)).toMatchObject({
    status: 1,
    err: expect.stringContaining('expected one of coin-proof/1'),
  });
});
