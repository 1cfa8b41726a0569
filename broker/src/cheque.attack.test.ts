import { type JsonObject, keyCommitment, limits, type Order, signObject, toBase64url } from '@farthing/protocol';
import { approverChange, type Cheque } from '@farthing/protocol/broker';
import { cheque as wallet } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { ledgerPath } from './start.ts';
import * as cheques from './testing/cheques.ts';
import { Bench, DAY_SECONDS, Person, Site, USD } from './testing/client.ts';

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
  expect(auditLedger(ledgerPath(bench.data), bench.public.root).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const balance = async (person: Person, vnd?: string) =>
  (await person.statement(vnd === undefined ? {} : { vnd }))['balance'];
const capture = (order: Order) => bench.refused('/v1/cheque/capture', order);
const DAY_MS = DAY_SECONDS * 1000;
const CAPTURE = '/v1/cheque/capture';

describe('B20 a cheque that is not what its customer signed moves nothing', () => {
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

describe('B21 one challenge, one payment', () => {
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

describe('B22 sealed goods', () => {
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

describe('B23 what is served unasked', () => {
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

describe('B24 more than was certified', () => {
  test('a site gets no more than the certificate’s day, the account’s money, or a customer of its own', async () => {
    const ask = (book: cheques.Book, spent: bigint, amount: bigint, by = site) =>
      bench.refused('/v1/cheque/authorize', cheques.authorizeOrder(by, book, spent, amount));
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n, perDay: 20_000n });
    expect(await ask(book, 10_000n, 10_001n)).toBe('limit-reached');
    expect(await ask(book, 10_000n, 10_000n)).toBe('accepted');
    const rich = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n, perDay: 1_000_000n });
    expect(await ask(rich, 10_000n, 70_001n)).toBe('limit-reached');
    expect(await ask(rich, 10_000n, 70_000n)).toBe('accepted');
    expect(await ask(book, 0n, 1n, shop)).toBe('cert-foreign');
    expect(await balance(anna)).toBe('0');
    bench.offsetMs += DAY_MS + limits.clockSkewMs + 2_000;
    expect(await ask(book, 0n, 1n)).toBe('cert-expired');
  });

  test('a payment above the certificate’s day is refused, and counts with what is aside', async () => {
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 10_000n, perDay: 15_000n });
    expect(await cheques.present(site, cheques.write(site, book, 5_001n), book)).toMatchObject({
      code: 'limit-reached',
    });
    expect(await cheques.present(site, cheques.write(site, book, 5_000n), book)).toMatchObject({ result: 'paid' });
    expect(await cheques.present(site, cheques.write(site, book, 1n), book)).toMatchObject({ code: 'limit-reached' });
  });

  test('weak keys pay less, in one payment and in a day, and a stronger one of the account pays still', async () => {
    await bench.stop();
    await bench.start({ levelMicro: { 0: 1_000n, 1: 5_000n } });
    const open = (level: number) => cheques.openBook(anna, { vnd: site.vnd, perDay: 4_000n }, level);
    const [weak, wallet] = [await open(0), await open(2)];
    const pay = async (book: cheques.Book, amount: bigint) =>
      (await cheques.present(site, cheques.write(site, book, amount), book)).code ?? 'paid';
    expect(await pay(weak, 1_001n)).toBe('level-too-low');
    for (let n = 0; n < 4; n++) expect(await pay(weak, 1_000n)).toBe('paid');
    const again = await open(0);
    expect(await pay(again, 1n)).toBe('level-too-low');
    expect(await pay(wallet, 1_001n)).toBe('paid');
    bench.offsetMs += DAY_MS;
    expect(await pay(await open(0), 1_000n)).toBe('paid');
    const large = cheques.certsOrder(anna, [{ vnd: site.vnd, limit: 1_001n, perDay: 2_000n, pk: anna.pk }], 0);
    expect(await bench.refused('/v1/cheque/certs', large)).toBe('level-too-low');
    const long = cheques.certsOrder(anna, [{ vnd: site.vnd, perDay: 4_001n, pk: anna.pk }], 0);
    expect(await bench.refused('/v1/cheque/certs', long)).toBe('level-too-low');
  });

  test('an account has so many certificates, and each key of an order its own', async () => {
    const [one, two] = await cheques.openBooks(anna, [{ vnd: site.vnd }, { vnd: site.vnd }]);
    expect(one?.cert.sub).toBe(two?.cert.sub);
    expect(one?.cert.exp).not.toBe(two?.cert.exp);
    const order = cheques.certsOrder(anna, [{ vnd: 'unknown.example', pk: anna.pk }]);
    expect(await bench.refused('/v1/cheque/certs', order)).toBe('vendor-unknown');
    const dear = cheques.certsOrder(anna, [{ vnd: site.vnd, limit: 100_001n, pk: anna.pk }]);
    expect(await bench.refused('/v1/cheque/certs', dear)).toBe('balance-short');
  });
});

describe('B25 an account that somebody else watches', () => {
  const watch = (approver: string, above: bigint, consent?: string) =>
    anna.order('cheque-approver/1', {
      ...{ cur: USD, approver, above: above.toString() },
      ...(consent === undefined ? {} : { consent }),
    });
  const pay = (cheque: Cheque, book: cheques.Book, approvals: JsonObject[]) =>
    bench.post(CAPTURE, cheques.captureOrder(site, cheque, book, { approvals }));

  test('pays more than the bound only with a yes to this cheque, and the honest repeat is taken', async () => {
    const parent = new Person(bench);
    await bench.send('/v1/cheque/approver', watch(parent.pk, 1_000n));
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    expect(await cheques.present(site, cheques.write(site, book, 1_000n), book)).toMatchObject({ result: 'paid' });
    const [cheque, other] = [cheques.write(site, book, 1_001n), cheques.write(site, book, 2_000n)];
    const yes = (to: Cheque, by: Person, lifeSeconds = 300) => {
      const exp = Math.floor(bench.env().nowMs / 1000) + lifeSeconds;
      return { ...wallet.approve(to, by.seed, exp, bench.env()) };
    };
    const forged = { ...yes(cheque, new Person(bench)), approver: parent.pk };
    for (const wrong of [[], [yes(other, parent)], [yes(cheque, anna)], [forged], [yes(cheque, parent, -300)]]) {
      const { status, body, text } = await pay(cheque, book, wrong);
      expect([status, body['code']]).toEqual([402, 'approver-needed']);
      expect(text, 'the site could compare it with other sites').not.toContain(parent.pk);
    }
    expect(await balance(anna)).toBe('99000');
    const { body } = await pay(cheque, book, [yes(other, parent), yes(cheque, parent)]);
    expect(body['result']).toMatchObject({ receipt: { result: 'paid' } });
  });

  test('pays when the approver has told the broker, of this cheque and in time, and the site never sees by whom', async () => {
    const parent = new Person(bench);
    await bench.send('/v1/cheque/approver', watch(parent.pk, 1_000n));
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const [cheque, other] = [cheques.write(site, book, 2_000n), cheques.write(site, book, 2_000n)];
    const tell = (by: Person, to: Cheque) => bench.send('/v1/cheque/approve', cheques.approveOrder(by, to));
    const told = async () => (await pay(cheque, book, [])).body['code'] ?? 'paid';
    await tell(parent, other);
    await tell(anna, cheque);
    await tell(site, cheque);
    expect(await told()).toBe('approver-needed');
    const small = { ...cheques.approveOrder(parent, cheque), amount: '1999' };
    await bench.send('/v1/cheque/approve', parent.resign(small));
    expect(await told()).toBe('approver-needed');
    await tell(parent, cheque);
    expect(await told()).toBe('paid');
    bench.offsetMs += 380_000;
    const late = cheques.write(site, book, 2_000n, { epoid: other.epoid, exp: other.exp + 600 });
    expect((await pay(late, book, [])).body['code']).toBe('approver-needed');
    expect(await balance(anna)).toBe('98000');
  });

  test('cannot let itself go, nor serve itself off line', async () => {
    const parent = new Person(bench);
    await bench.send('/v1/cheque/approver', watch(parent.pk, 1_000n));
    for (const change of [watch(site.pk, 1_000n), watch(parent.pk, 10n ** 17n)]) {
      expect(await bench.refused('/v1/cheque/approver', change)).toBe('approver-needed');
    }
    expect(await bench.refused('/v1/cheque/approver', watch(anna.pk, 1_000n))).toBe('request-malformed');
    const large = cheques.certsOrder(anna, [{ vnd: site.vnd, limit: 1_001n, pk: anna.pk }]);
    expect(await bench.refused('/v1/cheque/certs', large)).toBe('approver-needed');
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 1_000n });
    const more = cheques.authorizeOrder(site, book, 1_000n, 1n);
    expect(await bench.refused('/v1/cheque/authorize', more)).toBe('limit-reached');

    const blank = watch(parent.pk, 5_000n);
    const { from: account, rid } = blank;
    const change = approverChange({ account, rid, cur: USD, approver: parent.pk, above: 5_000n });
    const sign = (by: Person) => signObject(change, by.seed, bench.env().crypto);
    const stolen = anna.resign({ ...watch(parent.pk, 10n ** 17n), consent: sign(parent) });
    expect(await bench.refused('/v1/cheque/approver', stolen)).toBe('approver-needed');
    expect(await bench.refused('/v1/cheque/approver', anna.resign({ ...blank, consent: sign(anna) }))).toBe(
      'approver-needed',
    );
    const agreed = watch(parent.pk, 5_000n);
    const named = approverChange({ ...change, rid: agreed.rid, above: 5_000n });
    const consent = signObject(named, parent.seed, bench.env().crypto);
    expect(await bench.refused('/v1/cheque/approver', anna.resign({ ...agreed, consent }))).toBe('accepted');
  });
});

describe('B26 what others learn', () => {
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

describe('B27 goods that are not what was promised', () => {
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
