import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Bench, Site, USD } from './testing/client.ts';
import { Holder } from './testing/coins.ts';

const DENOMINATIONS = [1n, 2n, 5n, 10n];
const challenge = () => randomBytes(32).toString('base64url');

async function opened() {
  const bench = await new Bench().start({ ecash: { denominations: DENOMINATIONS } });
  const site = await new Site(bench).open();
  const alice = new Holder(bench);
  await alice.faucet(1000n);
  await alice.learn();
  return { bench, site, alice };
}
const audited = async (bench: Bench) => (await bench.audit()).findings;

describe('Coins', () => {
  it('go from an account into a purse, through a swap to a site, and the books balance', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([10n, 5n, 2n]);
    expect(alice.worth).toBe(17n);
    expect(await alice.statement()).toMatchObject({ balance: '983' });

    const ten = alice.take(10n, { change: false });
    await alice.swap(ten.coins, [5n, 2n, 2n, 1n]);
    expect(alice.worth).toBe(17n);

    const paid = alice.take(7n, { change: false });
    const order = site.order('ecash-deposit/1', { ...alice.sign(paid, site, challenge(), 7n), hold: false });
    const answer = await bench.send('/v1/ecash/deposit', order);
    expect(answer['receipt']).toMatchObject({ typ: 'ecash-deposit/1', vnd: site.vnd, amount: '7', state: 'paid' });
    expect(await site.statement({ vnd: site.vnd })).toMatchObject({ balance: '7' });
    expect(await audited(bench)).toEqual([]);
  });

  it('are held while a site delivers, with the change at once, and paid by its capture', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([10n]);
    const taken = alice.take(3n);
    const id = challenge();
    const order = site.order('ecash-deposit/1', { ...alice.sign(taken, site, id, 3n), hold: true });
    const answer = await bench.send('/v1/ecash/deposit', order);
    expect(answer['receipt']).toMatchObject({ state: 'held' });
    alice.finish(taken.change.planned, answer['change']);
    expect(alice.worth).toBe(7n);
    expect(await site.statement({ vnd: site.vnd })).toMatchObject({ balance: '0' });
    const capture = site.order('ecash-capture/1', { vnd: site.vnd, cur: USD, held: [id] });
    expect(await bench.send('/v1/ecash/capture', capture)).toMatchObject({ paid: [id], gone: [], balance: '3' });
    expect(await audited(bench)).toEqual([]);
  });

  it('come back to an account, once for each order, and the books balance', async () => {
    const { bench, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([10n, 5n, 2n]);
    const order = alice.creditOrder(alice.take(12n, { change: false }).coins);
    expect(await bench.send('/v1/ecash/credit', order)).toEqual({ credited: '12', balance: '995', cur: USD });
    expect(await bench.send('/v1/ecash/credit', order)).toMatchObject({ balance: '995' });
    expect(await alice.statement()).toMatchObject({ balance: '995' });
    expect(await audited(bench)).toEqual([]);
  });
});
