// The smallest and the largest money through every layer: voucher, ledger, sale, purse, header, change, claim, statement.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '@farthing/node-kit';
import { type Farthing, farthing } from '@farthing/vendor';
import { MemoryStore, payingFetch, Wallet } from '@farthing/wallet';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Running, runCommand, startBrokerProcess } from '../harness/processes.ts';

/** 2^53 + 1: the first whole number that a double cannot hold. */
const HUGE = 9_007_199_254_740_993n;
const folder = mkdtempSync(join(tmpdir(), 'farthing-extremes-'));
let broker: Running;
let pay: Farthing;
let wallet: Wallet;
const app = express();
const server = createServer(app);

beforeAll(async () => {
  broker = await startBrokerProcess(join(folder, 'broker'));
  const most = '100000000000';
  pay = await farthing({ broker: broker.url, data: join(folder, 'site'), licence: { ceiling: most, maxVal: most } });
  app.get('/least', pay.wall({ price: '0.000001 USD' }), (_req, res) => res.send('least'));
  app.get('/huge', pay.wall({ price: '9007199254.740993 USD' }), (_req, res) => res.send('huge'));
  app.use('/farthing', pay.routes());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  wallet = await Wallet.open({ store: new MemoryStore(), fetch, env: nodeEnv });
  await wallet.init({ brokerUrl: broker.url });
});
afterAll(async () => {
  server.close();
  await pay.close();
  await broker.stop();
  rmSync(folder, { recursive: true });
});

it('one micro-dollar and 2^53 + 1 micro-dollars arrive at the site to the unit', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issued = await runCommand('broker/src/main.ts', [
    'voucher',
    '--value',
    '20000000000 USD',
    '--data',
    join(folder, 'broker'),
    '--json',
  ]);
  const code = /[0-9A-Z]{4}(-[0-9A-Z]{4}){3}/.exec(issued.stdout)?.[0];
  await wallet.topUp({ voucher: code ?? issued.stderr });
  expect((await wallet.balance()).totalMicro).toBe(20_000_000_000_000_000n);

  const most = 10n ** 17n;
  await wallet.setBudget({ perDayMicro: most });
  await wallet.setRule(url, { mode: 'auto', perPageMicro: most, perDayMicro: most });
  const shop = payingFetch(fetch, wallet);
  expect(await (await shop(`${url}/least`)).text()).toBe('least');
  expect((await wallet.balance()).totalMicro).toBe(19_999_999_999_999_999n);
  expect(await (await shop(`${url}/huge`)).text()).toBe('huge');
  const left = 20_000_000_000_000_000n - 1n - HUGE;
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(left);
  for (const { driftMicro } of await wallet.conservation()) expect(driftMicro).toBe(0n);
  expect(await wallet.exportCsv()).toContain('9007199254.740993');

  await pay.redeemNow();
  const vendors = await runCommand('broker/src/main.ts', ['vendors', '--data', join(folder, 'broker'), '--json']);
  expect(vendors.stdout).toContain(`"owed":"${HUGE + 1n}"`);

  const back = await wallet.refund({ origin: url });
  expect(back.map(({ state }) => state)).toContain('refunded');
  expect((await wallet.balance({ refresh: true })).brokers[0]).toMatchObject({ accountMicro: left, coinsMicro: 0n });
  const audit = await runCommand('broker/src/main.ts', ['audit', '--data', join(folder, 'broker'), '--json']);
  expect(JSON.parse(audit.stdout)).toMatchObject({ ok: true });
});
