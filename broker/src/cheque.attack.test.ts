import { type JsonObject, keyCommitment, limits, type Order, toBase64url } from '@farthing/protocol';
import { type Cheque, chequeReceiptSchema } from '@farthing/protocol/broker';
import { cheque as wallet } from '@farthing/protocol/wallet';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as cheques from './testing/cheques.ts';
import { Bench, DAY_SECONDS, Person, Site } from './testing/client.ts';

let bench: Bench;
let site: Site;
let shop: Site;
let anna: Person;
beforeEach(async () => {
  bench = await new Bench().start();
  site = await new Site(bench).open();
  shop = await new Site(bench, 'shop.example').open();
  anna = new Person(bench);
  await anna.faucet(100_000n);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const balance = async (person: Person, vnd?: string) =>
  (await person.statement(vnd === undefined ? {} : { vnd }))['balance'];
const capture = (order: Order) => bench.refused('/v1/cheque/capture', order);
const DAY_MS = DAY_SECONDS * 1000;

describe('a cheque that is not what its customer signed moves nothing', () => {
  test.each<[string, string, (good: Cheque, book: cheques.Book, other: cheques.Book) => [JsonObject, cheques.Book]]>([
    ['altered after it was signed', 'cheque-forged', (good, book) => [{ ...good, amount: '1' }, book]],
    [
      'with a certificate that the broker did not sign',
      'cert-forged',
      (good, book, other) => {
        return [{ ...good }, { ...book, cert: { ...book.cert, sig: other.cert.sig } }];
      },
    ],
    ['with another site’s certificate', 'cert-foreign', (good, _, other) => [{ ...good }, other]],
    [
      'of another day key',
      'cheque-forged',
      (_, book, other) => {
        return [{ ...cheques.write(site, { ...book, seed: other.seed }, 10n) }, book];
      },
    ],
    [
      'that outlives its certificate',
      'cert-expired',
      (_, book) => {
        return [{ ...cheques.write(site, book, 10n, { exp: book.cert.exp + 1 }) }, book];
      },
    ],
    ['of another broker', 'cheque-foreign', (_, book) => [{ ...cheques.write(site, book, 10n, { brk: 'b2' }) }, book]],
    [
      'in another currency',
      'cheque-foreign',
      (_, book) => {
        return [{ ...cheques.write(site, book, 10n, { cur: 'eur-micro' }) }, book];
      },
    ],
    [
      'that is to be claimed later',
      'cheque-foreign',
      (_, book) => {
        return [{ ...cheques.write(site, book, 10n, { capture: 'deferred' }) }, book];
      },
    ],
  ])('%s', async (_, code, made) => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const other = await cheques.openBook(anna, { vnd: shop.vnd });
    const [cheque, shown] = made(cheques.write(site, book, 1_000n), book, other);
    expect(await capture(cheques.captureOrder(site, cheque as unknown as Cheque, shown))).toBe(code);
    expect(await balance(anna)).toBe('100000');
  });

  test('presented by a site that it is not written to', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 1_000n);
    expect(await capture(cheques.captureOrder(shop, cheque, book))).toBe('signature-invalid');
    const { vnd: _, ...rest } = cheque;
    const redirected = { ...rest, vnd: shop.vnd } as Cheque;
    expect(await capture(cheques.captureOrder(shop, redirected, book))).toBe('cert-foreign');
  });

  test('yesterday’s is refused for ever, with a receipt', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 1_000n);
    bench.offsetMs += DAY_MS;
    const receipt = await cheques.present(site, cheque, book);
    expect(receipt).toMatchObject({ result: 'refused', code: 'cheque-late' });
    bench.offsetMs -= DAY_MS;
    expect(await cheques.present(site, cheque, book)).toEqual(receipt);
    expect(await balance(anna)).toBe('100000');
  });
});

describe('one challenge, one payment', () => {
  test('forty captures of one cheque at once, under orders of their own, are one debit and one receipt', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 1_000n);
    const receipts = await Promise.all(Array.from({ length: 40 }, () => cheques.present(site, cheque, book)));
    expect(new Set(receipts.map((receipt) => JSON.stringify(receipt))).size).toBe(1);
    expect([await balance(anna), await balance(site, site.vnd)]).toEqual(['99000', '1000']);
  });

  test('another cheque under the same challenge is refused, whoever of both comes first', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    const first = cheques.write(site, book, 1_000n);
    const twin = cheques.write(site, book, 2_000n, { epoid: first.epoid });
    const unasked = cheques.write(site, book, 3_000n, { epoid: first.epoid, capture: 'deferred' });
    await cheques.present(site, first, book);
    expect(await capture(cheques.captureOrder(site, twin, book))).toBe('cheque-conflict');
    expect(await cheques.redeemCheques(site, { cheque: unasked, book })).toMatchObject({
      cheques: [{ credited: '0', alarm: 'cheque-conflict' }],
    });
    expect(await balance(site, site.vnd)).toBe('1000');
  });

  test('the same challenge id at two sites is two payments', async () => {
    const [book, other] = await cheques.openBooks(anna, [{ vnd: site.vnd }, { vnd: shop.vnd }]);
    if (!book || !other) throw new Error('two books');
    const cheque = cheques.write(site, book, 1_000n);
    const namesake = cheques.write(shop, other, 2_000n, { epoid: cheque.epoid });
    expect(await cheques.present(site, cheque, book)).toMatchObject({ result: 'paid' });
    expect(await cheques.present(shop, namesake, other)).toMatchObject({ result: 'paid' });
    expect(await balance(anna)).toBe('97000');
  });
});

describe('sealed goods', () => {
  const key = new Uint8Array(32).fill(7);
  const goodsOf = () => ({ ct: site.pk, kc: keyCommitment(key), pt: anna.pk });

  test('a wrong key never debits, and the right one is still taken', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 1_000n, { goods: goodsOf() });
    expect(await capture(cheques.captureOrder(site, cheque, book))).toBe('key-wrong');
    const wrong = cheques.captureOrder(site, cheque, book, { key: toBase64url(new Uint8Array(32)) });
    expect(await capture(wrong)).toBe('key-wrong');
    expect(await balance(anna)).toBe('100000');
    expect(await cheques.present(site, cheque, book, { key: toBase64url(key) })).toMatchObject({ result: 'paid' });
  });

  test('the key leaves the broker with the money alone: not of a held, refused or late payment', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const more = { key: toBase64url(key) };
    const held = cheques.write(site, book, 1_000n, { goods: goodsOf() });
    expect(await cheques.present(site, held, book, { ...more, hold: true })).not.toHaveProperty('key');
    const outcome = () => bench.send('/v1/cheque/outcome', cheques.outcomeOrder(anna, held, book));
    expect(JSON.stringify(await outcome())).not.toContain(toBase64url(key));
    const dear = cheques.write(site, book, 1_000_000n, { goods: goodsOf() });
    expect(await cheques.present(site, dear, book, more)).not.toHaveProperty('key');
    await cheques.settle(site, { capture: [held.epoid] });
    expect(await outcome()).toMatchObject({ receipt: { result: 'paid', key: toBase64url(key) } });
  });
});

describe('what is served unasked', () => {
  test('is paid to the unit of what is aside, and no unit more', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    const served = [9_999n, 1n, 1n].map((amount) => {
      return { cheque: cheques.write(site, book, amount, { capture: 'deferred' }), book };
    });
    expect(await cheques.redeemCheques(site, ...served)).toMatchObject({
      cheques: [{ credited: '9999' }, { credited: '1' }, { credited: '0', alarm: 'limit-reached' }],
      balance: '10000',
    });
  });

  test('is paid also when the account is empty by then, and never twice', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    await anna.buy(site.vnd, 90_000n);
    const cheque = cheques.write(site, book, 10_000n, { capture: 'aggregated' });
    const served = { cheque, book };
    expect(await cheques.redeemCheques(site, served, served)).toMatchObject({
      cheques: [{ credited: '10000' }, { credited: '0' }],
      balance: '10000',
    });
  });

  test('is not paid when it is forged, of another site, of nobody, for now, or too late', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    const other = await cheques.openBook(anna, { vnd: shop.vnd, limit: 10_000n });
    const good = cheques.write(site, book, 100n, { capture: 'deferred' });
    const nobody = { ...book, cert: { ...book.cert, sub: other.cert.sub } };
    const bad = [
      { cheque: { ...good, amount: '200' }, book },
      { cheque: cheques.write(shop, other, 100n, { capture: 'deferred' }), book: other },
      { cheque: good, book: { ...nobody, cert: { ...nobody.cert, exp: 1 } } },
      { cheque: cheques.write(site, book, 100n), book },
    ];
    const paid = await cheques.redeemCheques(site, ...bad);
    expect(paid.cheques.map(({ credited, alarm }) => [credited, alarm])).toEqual([
      ['0', 'cheque-forged'],
      ['0', 'cheque-foreign'],
      ['0', 'cert-forged'],
      ['0', 'cheque-foreign'],
    ]);
    bench.offsetMs += DAY_MS + limits.chequeWindowMs + limits.clockSkewMs + 2_000;
    const late = { cheque: good, book };
    for (const again of [{ alarm: 'cheque-late' }, {}]) {
      const { cheques: told } = await cheques.redeemCheques(site, late);
      expect(told).toEqual([{ epoid: good.epoid, credited: '0', ...again }]);
    }
  });

  test('a copy whose signature was damaged is not paid beside the good one, which the receipt names', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    const cheque = cheques.write(site, book, 100n, { capture: 'deferred' });
    const { sig } = cheques.write(site, book, 101n, { capture: 'deferred' });
    const damaged = { cheque: { ...cheque, sig }, book };
    expect(await cheques.redeemCheques(site, damaged, { cheque, book })).toMatchObject({
      cheques: [{ credited: '0', alarm: 'cheque-forged' }, { credited: '100' }],
    });
    const { receipt } = await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(anna, cheque, book));
    expect(() =>
      wallet.checkReceipt(
        v.parse(chequeReceiptSchema, receipt),
        { cheque, cert: book.cert },
        bench.public.root,
        bench.env(),
      ),
    ).not.toThrow();
  });

  test('a batch that does not follow the last one is refused, and moves nothing', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n });
    const served = { cheque: cheques.write(site, book, 100n, { capture: 'deferred' }), book };
    await cheques.redeemCheques(site, served);
    const order = cheques.chequesOrder(site, [served], '');
    expect(await bench.refused('/v1/cheque/redeem', order)).toBe('batch-conflict');
  });

  test('a certificate for all sites is aside for nothing, and good only where the broker is asked', async () => {
    const book = await cheques.openBook(anna, { vnd: '*' });
    const cheque = cheques.write(site, book, 100n, { capture: 'deferred' });
    expect(await cheques.redeemCheques(site, { cheque, book })).toMatchObject({
      cheques: [{ alarm: 'limit-reached' }],
    });
    expect(await cheques.present(shop, cheques.write(shop, book, 100n), book)).toMatchObject({ result: 'paid' });
    const order = cheques.certsOrder(anna, [{ vnd: '*', limit: 1n, pk: anna.pk }]);
    expect(await bench.refused('/v1/cheque/certs', order)).toBe('request-malformed');
  });
});
