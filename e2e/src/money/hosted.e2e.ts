// Hosted wallets at real sites: whoever is away or lies in between, a page is paid once, or nothing is.
import { Guest } from '@farthing/broker/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Reader } from '../harness/reader.ts';
import { type Shop, Town } from '../profiles/town.ts';

const PRICE = 1000n;
const FUNDS = 200_000n;
let town: Town;
let asks: Shop;
let serves: Shop;
let strict: Shop;
let reader: Reader;
let status = 200;

beforeAll(async () => {
  town = await Town.open();
  const sell = ((app, pay) => {
    app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (req, res) => {
      res.status(status).send(`page ${req.params['n']}`);
    });
  }) satisfies Parameters<Town['shop']>[0]['sell'];
  const shop = (vnd: string, cheque: object) => town.shop({ vnd, options: { methods: ['cheque'], cheque }, sell });
  asks = await shop('asks.example', { captures: ['now'] });
  serves = await shop('serves.example', { captures: ['deferred'] });
  strict = await shop('strict.example', { minLevel: 1 });
});
afterAll(async () => {
  await town.mustBalance();
  await town[Symbol.asyncDispose]();
});
beforeEach(async () => {
  status = 200;
  const guest = new Guest(town.bench);
  await guest.signUp();
  await guest.faucet(FUNDS);
  reader = new Reader(guest);
});

const page = ({ url }: Shop, n: number) => `${url}/page/${n}`;
const spent = async () => FUNDS - (await reader.guest.balance());

describe('a site that asks the broker', () => {
  it('is paid for the page that it delivered, once, however often that is read', async () => {
    await reader.pay(page(asks, 1));
    for (let n = 0; n < 3; n++) expect(await reader.read(page(asks, 1))).toMatchObject({ status: 200, text: 'page 1' });
    expect(await spent()).toBe(PRICE);
  });

  it('finds no broker: the page comes when it is back, for one payment', async () => {
    const { offered } = await reader.read(page(asks, 2));
    if (!offered) throw new Error('no offer');
    const payload = await reader.guest.pay(reader.billOf(offered));
    await town.stopBroker();
    await reader.handIn(offered, payload);
    expect((await reader.read(page(asks, 2))).status).toBe(503);
    await town.startBroker();
    expect(await reader.read(page(asks, 2))).toMatchObject({ status: 200, text: 'page 2' });
    expect((await reader.read(page(asks, 2))).status).toBe(200);
    expect(await spent()).toBe(PRICE);
  });

  it('fails to make the page: the money comes back, and the next visit asks anew', async () => {
    status = 500;
    await reader.pay(page(asks, 3));
    expect((await reader.read(page(asks, 3))).status).toBe(500);
    status = 200;
    expect((await reader.read(page(asks, 3))).status).toBe(402);
    await reader.pay(page(asks, 3));
    expect((await reader.read(page(asks, 3))).status).toBe(200);
    expect(await spent()).toBe(PRICE);
  });

  it('gets a cheque without money behind it: refused, nothing delivered, and the cookie is gone', async () => {
    const poor = new Guest(town.bench);
    await poor.signUp();
    await poor.faucet(PRICE + PRICE / 2n);
    reader = new Reader(poor);
    const { offered } = await reader.read(page(asks, 4));
    if (!offered) throw new Error('no offer');
    const payload = await reader.guest.pay(reader.billOf(offered));
    // Spent elsewhere in the meantime: the broker told the page how it stood, and tells the site how it stands.
    await reader.pay(page(asks, 5));
    expect((await reader.read(page(asks, 5))).status).toBe(200);
    await reader.handIn(offered, payload);
    const refused = await reader.read(page(asks, 4));
    expect([refused.status, refused.text.includes('You were not charged.')]).toEqual([402, true]);
    expect((await reader.read(page(asks, 4))).text).not.toContain('role="alert"');
  });
});

describe('a site that serves at once', () => {
  it('asks how far the broker stands, serves, and is paid afterwards', async () => {
    const before = await serves.owed();
    await reader.pay(page(serves, 1));
    expect(await reader.read(page(serves, 1))).toMatchObject({ status: 200, text: 'page 1' });
    await serves.pay.redeemNow();
    expect([(await serves.owed()) - before, await spent()]).toEqual([PRICE, PRICE]);
  });
});

describe('a script that lies to its server', () => {
  it('about the level that the site wants, is caught by the site', async () => {
    const guest = new Guest(town.bench);
    await guest.byPassword('mallory@example.org', 'a long enough one');
    await guest.faucet(FUNDS);
    const weak = new Reader(guest);
    const { offered } = await weak.read(page(strict, 1));
    if (!offered) throw new Error('no offer');
    const { pay } = await guest.prepare({ ...weak.billOf(offered), minLevel: 0 });
    await weak.handIn(offered, await guest.ask('approve', { pay }));
    const refused = await weak.read(page(strict, 1));
    expect([refused.status, refused.text.includes('level-too-low')]).toEqual([402, true]);
    expect(await guest.balance()).toBe(FUNDS);
  });

  it('about price, site or challenge, makes a cheque that no site takes', async () => {
    const { offered } = await reader.read(page(asks, 5));
    const { offered: other } = await reader.read(page(asks, 6));
    if (!offered || !other) throw new Error('no offer');
    const bill = reader.billOf(offered);
    for (const more of [
      { amount: '1' },
      { vnd: 'serves.example' },
      { epoid: other.challenge.id },
      { cur: 'eur-micro' },
    ]) {
      const payload = await reader.guest.ask('prepare', { ...bill, ...more }).then(
        () => reader.guest.pay({ ...bill, ...more }),
        () => undefined,
      );
      if (!payload) continue;
      await reader.handIn(offered, payload);
      expect([more, (await reader.read(page(asks, 5))).status]).toEqual([more, 402]);
    }
    expect(await spent()).toBe(0n);
  });
});
