import { contentKey, keyCommitment, toBase64url } from '@farthing/protocol';
import { cheque as wallet } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as cheques from './testing/cheques.ts';
import { Bench, DAY_SECONDS, Person, Site, USD } from './testing/client.ts';
import { makeOlder } from './testing/older.ts';
import { isOnPostgres } from './testing/postgres.ts';

/** Migrations that are older than the tables of cheques. */
const VERSION_BEFORE_CHEQUES = 6;
let bench: Bench;
let site: Site;
let anna: Person;
beforeEach(async () => {
  bench = await new Bench().start();
  site = await new Site(bench).open();
  anna = new Person(bench);
  await anna.faucet(100_000n);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const balance = async (person: Person, vnd?: string) =>
  (await person.statement(vnd === undefined ? {} : { vnd }))['balance'];
const restart = async () => {
  await bench.stop();
  await bench.start();
};
const DAY_MS = DAY_SECONDS * 1000;

describe('a cheque that the broker is asked for', () => {
  test('is paid from the account to the site, and the receipt says so for ever', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 1_500n);
    const order = cheques.captureOrder(site, cheque, book);
    const first = await bench.post('/v1/cheque/capture', order);
    expect((await bench.post('/v1/cheque/capture', order)).text).toBe(first.text);
    const receipt = await cheques.present(site, cheque, book);
    expect(receipt).toMatchObject({ result: 'paid', amount: '1500', epoid: cheque.epoid });
    expect(() =>
      wallet.checkReceipt(receipt, { cheque, cert: book.cert }, bench.public.root, bench.env()),
    ).not.toThrow();
    expect([await balance(anna), await balance(site, site.vnd)]).toEqual(['98500', '1500']);
  });

  test('is held until the site captures it or gives it up', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const [a, b] = [cheques.write(site, book, 1_000n), cheques.write(site, book, 2_000n)];
    expect(await cheques.present(site, a, book, { hold: true })).toMatchObject({ result: 'held' });
    await cheques.present(site, b, book, { hold: true });
    expect([await balance(anna), await balance(site, site.vnd)]).toEqual(['97000', '0']);
    const ends = { capture: [a.epoid], void: [b.epoid] };
    const settled = { paid: [a.epoid], freed: [b.epoid], gone: [], balance: '1000' };
    expect(await cheques.settle(site, ends)).toMatchObject(settled);
    expect(await cheques.settle(site, ends)).toMatchObject(settled);
    expect(await cheques.settle(site, { capture: [b.epoid], void: [a.epoid] })).toMatchObject({
      paid: [],
      freed: [],
      gone: [b.epoid, a.epoid],
    });
    expect([await balance(anna), await balance(site, site.vnd)]).toEqual(['99000', '1000']);
    expect(await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(anna, b, book))).toMatchObject({
      receipt: { result: 'refused', code: 'site-fault' },
    });
  });

  test('goes back to the customer when its site says nothing for a day', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 1_000n);
    await cheques.present(site, cheque, book, { hold: true });
    bench.offsetMs += DAY_MS + 120_000;
    await restart();
    expect(await balance(anna)).toBe('100000');
    expect(await cheques.settle(site, { capture: [cheque.epoid] })).toMatchObject({ gone: [cheque.epoid] });
  });

  test('brings the key of sealed goods, checked before money moves', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const key = contentKey(bench.env().random(32), { item: 'map', pt: site.pk });
    const goods = { ct: anna.pk, kc: keyCommitment(key), pt: site.pk };
    const cheque = cheques.write(site, book, 1_000n, { goods });
    const wrong = cheques.captureOrder(site, cheque, book, { key: toBase64url(bench.env().random(32)) });
    expect(await bench.refused('/v1/cheque/capture', wrong)).toBe('key-wrong');
    expect(await balance(anna)).toBe('100000');
    const receipt = await cheques.present(site, cheque, book, { key: toBase64url(key) });
    expect(receipt.key).toBe(toBase64url(key));
    expect(await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(anna, cheque, book))).toEqual({
      receipt,
      refunded: '0',
    });
  });

  test('is refused for want of money by a receipt, which stands when there is money', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 100_001n);
    const receipt = await cheques.present(site, cheque, book);
    expect(receipt).toMatchObject({ result: 'refused', code: 'balance-short' });
    await anna.faucet(100_000n);
    expect(await cheques.present(site, cheque, book)).toEqual(receipt);
  });
});

describe('cheques that are served unasked', () => {
  test('are paid out of what is aside for them, which comes back after the claim window', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    expect(await anna.statement()).toMatchObject({ balance: '90000', aside: '10000' });
    const served = [3_000n, 4_000n].map((amount) => {
      return { cheque: cheques.write(site, book, amount, { capture: 'deferred' }), book };
    });
    const paid = await cheques.redeemCheques(site, ...served);
    expect(paid).toMatchObject({ cheques: [{ credited: '3000' }, { credited: '4000' }], balance: '7000' });
    expect(await cheques.redeemCheques(site, ...served)).toMatchObject({
      cheques: [{ credited: '0' }, { credited: '0' }],
      balance: '7000',
    });
    expect(await anna.statement()).toMatchObject({ balance: '90000', aside: '3000' });
    bench.offsetMs += 3 * DAY_MS + 180_000;
    await restart();
    expect(await anna.statement()).not.toHaveProperty('aside');
    expect([await balance(anna), await balance(site, site.vnd)]).toEqual(['93000', '7000']);
  });

  test('above the limit are paid when the broker was asked, and it keeps that aside too', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n, perDay: 15_000n });
    const ask = () => bench.send('/v1/cheque/authorize', cheques.authorizeOrder(site, book, 9_000n, 2_000n));
    expect([await ask(), await ask()]).toEqual([{ limit: '11000' }, { limit: '11000' }]);
    expect(await balance(anna)).toBe('89000');
    const order = cheques.authorizeOrder(site, book, 11_000n, 4_001n);
    expect(await bench.refused('/v1/cheque/authorize', order)).toBe('limit-reached');
    const cheque = cheques.write(site, book, 11_000n, { capture: 'aggregated' });
    expect(await cheques.redeemCheques(site, { cheque, book })).toMatchObject({ balance: '11000' });
  });
});

test('what was paid is given back, no more than that', async () => {
  const book = await cheques.openBook(anna, { vnd: site.vnd });
  const cheque = cheques.write(site, book, 1_000n);
  await cheques.present(site, cheque, book);
  const refund = (amount: bigint) => bench.send('/v1/cheque/refund', cheques.refundOrder(site, cheque, amount));
  expect(await refund(400n)).toMatchObject({ refunded: '400', balance: '600' });
  expect(await bench.refused('/v1/cheque/refund', cheques.refundOrder(site, cheque, 601n))).toBe('refund-over');
  expect(await refund(600n)).toMatchObject({ refunded: '1000', balance: '0' });
  expect(await balance(anna)).toBe('100000');
});

test.skipIf(isOnPostgres)('a ledger of the version before cheques is taken over, and takes them', async () => {
  await bench.stop();
  makeOlder(bench.data, VERSION_BEFORE_CHEQUES);
  expect((await bench.audit()).findings).toEqual([]);
  await bench.start();
  const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 100n });
  await cheques.present(site, cheques.write(site, book, 1_000n), book);
  expect(await balance(anna)).toBe('98900');
});

test.skipIf(isOnPostgres)(
  'a ledger from before credit notes is taken over with its payments, which are on the first ones',
  async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    await cheques.present(site, cheques.write(site, book, 1_000n), book);
    await bench.stop();
    makeOlder(bench.data, VERSION_BEFORE_CHEQUES + 1);
    expect((await bench.audit()).findings).toEqual([]);
    bench.offsetMs += 40 * DAY_MS;
    await bench.start();
    const order = site.order('cheque-notes/1', { vnd: site.vnd, cur: USD });
    expect(await bench.send('/v1/cheque/notes', order)).toMatchObject({ count: 1, note: { total: '1000' } });
  },
);
