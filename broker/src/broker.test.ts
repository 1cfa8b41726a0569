import { expect, test } from 'vitest';
import { Bench, Person, pieceOf, Site } from './testing/client.ts';

test('a site registers and grants a licence, a customer buys its scrip, and the site is paid', async () => {
  await using bench = await new Bench().start();
  const site = await new Site(bench).open();
  const anna = new Person(bench);
  expect(await anna.faucet(5_000_000n)).toEqual({ balance: '5000000', cur: 'usd-micro' });
  const sold = await anna.buy(site.vnd, 10_000n);
  expect(sold.balance).toBe('4990000');
  const { scrip } = pieceOf(sold);
  expect(scrip).toMatchObject({ vnd: site.vnd, val: '10000', root: 'k1.1001', id: 'k1.1001' });
  const paid = await site.redeem([{ root: scrip.root, cum: 1500n }]);
  expect(paid).toMatchObject({ balance: '1500', roots: [{ root: 'k1.1001', credited: '1500' }] });
});
