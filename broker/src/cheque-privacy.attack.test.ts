import { type JsonObject, limits } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as cheques from './testing/cheques.ts';
import { Bench, Person, Site } from './testing/client.ts';

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

describe('what others learn', () => {
  test('strangers learn nothing of an outcome, whether there is one or not', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const [paid, never] = [cheques.write(site, book, 100n), cheques.write(site, book, 100n)];
    await cheques.present(site, paid, book);
    const replies = [];
    for (const cheque of [paid, never, cheques.write(site, { ...book, seed: bench.env().random(32) }, 100n)]) {
      for (const stranger of [new Person(bench), shop]) {
        const { status, text } = await bench.post('/v1/cheque/outcome', cheques.outcomeOrder(stranger, cheque, book));
        replies.push(`${status} ${text}`);
      }
    }
    expect(new Set(replies).size).toBe(1);
    expect(replies[0]).toContain('cheque-unknown');
    expect(await bench.refused('/v1/cheque/refund', cheques.refundOrder(shop, paid, 1n))).toBe('cheque-unknown');
  });

  test('site, account and day key are told; unknown before its time is over, refused for ever after', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 100n);
    const day = new Person(bench, book.seed);
    for (const party of [site, anna, day]) {
      expect(await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(party, cheque, book))).toEqual({
        refunded: '0',
      });
    }
    bench.offsetMs += 400_000;
    const told = await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(day, cheque, book));
    expect(told).toMatchObject({ receipt: { result: 'refused', code: 'cheque-late' } });
    bench.offsetMs -= 400_000;
    expect({ receipt: await cheques.present(site, cheque, book), refunded: '0' }).toEqual(told);
    const forged = cheques.write(site, { ...book, seed: bench.env().random(32) }, 100n);
    const asked = cheques.outcomeOrder(site, forged, book);
    expect(await bench.refused('/v1/cheque/outcome', asked)).toBe('cheque-forged');
  });

  test('a site sees no account, two sites no common name, and the broker no page or product', async () => {
    const [one, two] = await cheques.openBooks(anna, [{ vnd: site.vnd }, { vnd: shop.vnd }]);
    const [again] = await cheques.openBooks(anna, [{ vnd: site.vnd }]);
    if (!one || !two || !again) throw new Error('books');
    expect(one.cert.sub).toBe(again.cert.sub);
    expect(one.cert.sub).not.toBe(two.cert.sub);
    const wide = await cheques.openBooks(anna, [{ vnd: '*' }, { vnd: '*' }]);
    expect(new Set([one, two, ...wide].map(({ cert }) => cert.sub)).size).toBe(4);
    const answers: string[] = [];
    for (const [at, book] of [
      [site, one],
      [shop, two],
    ] as const) {
      const cheque = cheques.write(at, book, 100n);
      answers.push(JSON.stringify(await cheques.present(at, cheque, book)));
      answers.push(JSON.stringify(await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(at, cheque, book))));
      answers.push(JSON.stringify(await at.statement({ vnd: at.vnd })));
      answers.push(JSON.stringify([book.cert, cheque]));
    }
    for (const answer of answers) expect(answer).not.toContain(anna.pk);
    expect(Object.keys(cheques.write(site, one, 1n)).sort()).toEqual([
      'amount',
      'brk',
      'capture',
      'cur',
      'epoid',
      'exp',
      'sig',
      'sub',
      'typ',
      'vnd',
    ]);
  });
});

describe('goods that are not what was promised', () => {
  const buy = async (plain: Uint8Array, promised?: Uint8Array) => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const { key, goods, ciphertext } = cheques.sealGoods(plain, promised);
    const cheque = cheques.write(site, book, 1_000n, { goods });
    await cheques.present(site, cheque, book, { key });
    return { book, cheque, ciphertext };
  };
  const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill);

  test('are paid back by the broker alone, which opened them; once, less what the site gave back', async () => {
    const { book, cheque, ciphertext } = await buy(bytes(200_000, 1), bytes(200_000, 2));
    await bench.send('/v1/cheque/refund', cheques.refundOrder(site, cheque, 300n));
    const order = anna.order('cheque-dispute/1', { cheque: { ...cheque }, certExp: book.cert.exp });
    const first = await cheques.sendDispute(bench, order, ciphertext);
    expect(first.body['result']).toMatchObject({ verdict: 'differs', refunded: '700', balance: '100000' });
    expect((await cheques.sendDispute(bench, order, ciphertext)).text).toBe(first.text);
    expect((await cheques.dispute(anna, cheque, book, ciphertext)).body).toMatchObject({ code: 'dispute-over' });
    expect(await balance(site, site.vnd)).toBe('0');
  });

  test('also when they are as large as a film', async () => {
    const { book, cheque, ciphertext } = await buy(bytes(20_000_000, 1), bytes(10, 2));
    const { body } = await cheques.dispute(anna, cheque, book, ciphertext);
    expect(body['result']).toMatchObject({ verdict: 'differs', refunded: '1000' });
  });

  test('also when they cannot be opened at all', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const [one, two] = [cheques.sealGoods(bytes(10, 1)), cheques.sealGoods(bytes(10, 2))];
    const cheque = cheques.write(site, book, 1_000n, { goods: { ...one.goods, ct: two.goods.ct } });
    await cheques.present(site, cheque, book, { key: one.key });
    const { body } = await cheques.dispute(anna, cheque, book, two.ciphertext);
    expect(body['result']).toMatchObject({ verdict: 'unreadable', refunded: '1000' });
  });

  test('but what is as promised stays paid, for ever', async () => {
    const { book, cheque, ciphertext } = await buy(bytes(70_000, 1));
    const { body } = await cheques.dispute(anna, cheque, book, ciphertext);
    expect(body['result']).toMatchObject({ verdict: 'as-promised', refunded: '0', balance: '99000' });
    expect((await cheques.dispute(anna, cheque, book, ciphertext)).body).toMatchObject({ code: 'dispute-over' });
    expect(await balance(site, site.vnd)).toBe('1000');
  });

  test('other bytes than were bought decide nothing, and neither does anybody else', async () => {
    const { book, cheque, ciphertext } = await buy(bytes(70_000, 1), bytes(70_000, 2));
    const swapped = Buffer.from(ciphertext);
    swapped[5] = (swapped[5] ?? 0) ^ 1;
    const code = async (sent: Promise<{ body: JsonObject }>) => (await sent).body['code'];
    expect(await code(cheques.dispute(anna, cheque, book, swapped))).toBe('ciphertext-wrong');
    expect(await code(cheques.dispute(anna, cheque, book, Buffer.alloc(0)))).toBe('ciphertext-wrong');
    expect(await code(cheques.dispute(site, cheque, book, ciphertext))).toBe('cheque-unknown');
    expect(await code(cheques.dispute(new Person(bench), cheque, book, ciphertext))).toBe('cheque-unknown');
    const plain = cheques.write(site, book, 10n);
    await cheques.present(site, plain, book);
    expect(await code(cheques.dispute(anna, plain, book, ciphertext))).toBe('dispute-over');
    const never = cheques.write(site, book, 10n);
    expect(await code(cheques.dispute(anna, never, book, ciphertext))).toBe('cheque-unknown');
    expect(await code(cheques.dispute(anna, cheque, book, Buffer.alloc(limits.disputeBytes + 1)))).toBe(
      'body-too-large',
    );
    const malformed = await bench.post('/v1/cheque/dispute', ciphertext, { 'farthing-order': 'x' });
    expect(malformed.body).toMatchObject({ code: 'request-malformed' });
    expect(await balance(anna)).toBe('98990');
    expect((await cheques.dispute(anna, cheque, book, ciphertext)).body['result']).toMatchObject({ refunded: '1000' });
  });
});
