import { type JsonObject, limits, signObject } from '@farthing/protocol';
import { approverChange, type Cheque } from '@farthing/protocol/broker';
import { cheque as wallet } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

const balance = async (person: Person, vnd?: string) =>
  (await person.statement(vnd === undefined ? {} : { vnd }))['balance'];
const DAY_MS = DAY_SECONDS * 1000;
const CAPTURE = '/v1/cheque/capture';

describe('more than was certified', () => {
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

describe('an account that somebody else watches', () => {
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
