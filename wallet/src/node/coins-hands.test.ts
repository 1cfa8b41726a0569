// Coins from hand to hand and then to a site, at terminals: Alice has an account, Bob and Carol do not. Real processes, a real
// broker, a real site.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Market, openMarket } from '../testing/market.ts';
import { terminal } from '../testing/terminal.ts';

let dir: string;
let market: Market;
let who = 'alice';
const { cli, json } = terminal(() => ({ data: join(dir, who), brokerUrl: market.broker.url }));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-hands-'));
  market = await openMarket(
    (app, pay) => void app.get('/page', pay.wall({ price: '0.0025 USD' }), (_req, res) => void res.send('the page')),
    {},
    {
      mint: [500n, 1000n, 2000n, 5000n, 10_000n],
      site: { methods: ['scrip', 'ecash'], ecash: { denominations: [] } },
    },
  );
}, 60_000);
afterAll(async () => {
  await market.close();
  rmSync(dir, { recursive: true });
});

test('Alice gives to Bob, Bob to Carol, Carol pays a page; what Alice kept is dead, and nobody else has an account', async () => {
  await cli('init');
  await cli('top-up', '0.10');
  await cli('withdraw', '0.05');
  const first = (await cli('gift', '0.02')).out.trim();
  // A copy of the wallet from before the gift was taken: its coins are the same ones.
  cpSync(join(dir, 'alice'), join(dir, 'alice-kept'), { recursive: true });

  who = 'bob';
  expect(await cli('take', first)).toMatchObject({ status: 0 });
  const second = (await cli('gift', '0.01')).out.trim();
  who = 'carol';
  expect(await cli('take', second)).toMatchObject({ status: 0 });
  const paid = await cli('pay', `${market.origin}/page`, '--yes');
  expect(paid).toMatchObject({ status: 0, out: 'the page' });
  expect(paid.err).toMatch(/Paid \$0\.0025 to .* \(flag, ecash\)/);
  const { value: paper } = await json('pay', `${market.origin}/page?2`, '--yes', '--method', 'ecash');
  expect(paper.payment).toMatchObject({ method: 'ecash', chosen: 'asked', state: 'paid', amountMicro: '2500' });
  expect((await json('balance')).value).toMatchObject({ totalMicro: '5000', brokers: [{ accountMicro: '0' }] });

  who = 'thief';
  expect((await cli('take', first)).err).toContain('coin-spent');
  who = 'alice-kept';
  expect((await cli('gifts')).out).toContain('taken');
  expect((await cli('pay', `${market.origin}/page`, '--method', 'payword', '--yes')).status).toBe(1);
  expect(await cli('pay', `${market.origin}/page`, '--method', 'sand')).toMatchObject({ status: 2 });
  await market.pay.redeemNow();
  expect(await market.audit()).toMatchObject({ ok: true });
});
