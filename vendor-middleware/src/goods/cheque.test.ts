// Sealed goods by cheque (NetBill): the broker sees the key before money moves, so whoever dies, paid is openable.
import { createHash, randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Challenge, isKeyOf, type JsonObject, readRequest } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memory } from '../store/memory.ts';
import { buyWith, type Customer, challengeAt, payloadFor, send } from '../testing/cheque-payer.ts';
import { problemOf, type SiteOptions, type TestSite, testSite } from '../testing/site.ts';
import { type TinyBroker, tinyBroker } from '../testing/tiny-broker.ts';
import { tinyCheques } from '../testing/tiny-cheques.ts';

const picture = randomBytes(100_000);
let broker: TinyBroker;
let cheques: ReturnType<typeof tinyCheques>;
let site: TestSite;
let customer: Customer;
const sites: TestSite[] = [];

async function open(options: SiteOptions = {}): Promise<TestSite> {
  const made = await testSite({ on: broker, methods: ['scrip', 'cheque'], vnd: 'gallery', ...options });
  made.app.use('/farthing', made.pay.routes());
  made.app.get(
    '/picture',
    made.pay.sealed({ price: '0.005 USD' }, () => picture),
  );
  sites.push(made);
  return made;
}

beforeEach(async () => {
  broker = await tinyBroker();
  cheques = tinyCheques(broker);
  site = await open();
  customer = cheques.customer(site.pay.vnd);
});
afterEach(async () => {
  for (const one of sites.splice(0).reverse()) await one.close();
  await broker.close();
});

const at = (one: TestSite = site) => `${one.url}/picture`;
const now = { capture: 'now' } as const;
const offerOf = (challenge: Challenge) => {
  const sealed = readRequest(challenge)?.methodDetails['sealed'];
  return sealed as JsonObject & { kc: string; ct: string; url: string };
};
/** The key as the broker would tell it to the customer, who asks for the outcome. */
const keyAtBroker = (challenge: Challenge) => cheques.rows.get(`gallery ${challenge.id}`)?.receipt.key;

describe('A cheque for sealed goods', () => {
  test('is paid before the key leaves the site, and its receipt carries the broker’s word', async () => {
    const challenge = await challengeAt(at());
    expect(readRequest(challenge)?.methodDetails['captures']).toEqual(['now']);
    const { answer, receipt } = await send(at(), challenge, payloadFor(challenge, customer, now));
    expect(answer.status).toBe(200);
    const { key } = JSON.parse(await answer.text());
    expect(isKeyOf(key, offerOf(challenge).kc)).toBe(true);
    expect(receipt?.details).toMatchObject({ key, receipt: { result: 'paid', key, amount: '5000' } });
    expect(cheques.total()).toBe(5000n);
  });

  test('is shown to the broker once, though it comes a hundred times at once and again later', async () => {
    const challenge = await challengeAt(at());
    const payload = payloadFor(challenge, customer, now);
    const all = await Promise.all(Array.from({ length: 100 }, () => send(at(), challenge, payload)));
    const receipts = all.map(({ answer }) => answer.headers.get('payment-receipt'));
    await Promise.all(all.map(({ answer }) => answer.arrayBuffer()));
    expect(new Set(receipts).size).toBe(1);
    await (await send(at(), challenge, payload)).answer.arrayBuffer();
    expect([cheques.total(), cheques.count('cheque-capture/1')]).toEqual([5000n, 1]);
  });

  test('is refused by the broker for want of money: no key, and the broker’s signed word', async () => {
    cheques.mood.refuse = 'balance-short';
    const { answer } = await buyWith(at(), customer, now);
    const body = await problemOf(answer);
    expect(body).toMatchObject({ code: 'balance-short', receipt: { result: 'refused' }, consumed: false });
    expect(JSON.stringify(body)).not.toContain('"key"');
    expect(cheques.total()).toBe(0n);
  });

  test('whose key the broker finds wrong moves no money and is told to the owner', async () => {
    cheques.mood.keyIsWrong = true;
    const { answer } = await buyWith(at(), customer, now);
    expect(await problemOf(answer)).toMatchObject({ code: 'key-wrong', consumed: false });
    expect(answer.headers.has('payment-receipt')).toBe(false);
    expect(cheques.total()).toBe(0n);
    expect(site.log.join()).toContain('key-wrong');
  });

  test('for later is not taken, and not while the broker is away', async () => {
    expect((await problemOf((await buyWith(at(), customer)).answer))['code']).toBe('payload-invalid');
    const challenge = await challengeAt(at());
    broker.mood.now = 'away';
    const { answer } = await send(at(), challenge, payloadFor(challenge, customer, now));
    expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
    expect(cheques.total()).toBe(0n);
  });

  test('for another ciphertext than the one that was promised is refused before the broker hears of it', async () => {
    const challenge = await challengeAt(at());
    const { ct: _, ...offer } = offerOf(challenge);
    const goods = {
      ct: createHash('sha256').update('other').digest('base64url'),
      kc: offer.kc,
      pt: String(offer['pt']),
    };
    const { answer } = await send(at(), challenge, payloadFor(challenge, customer, { ...now, goods }));
    expect((await problemOf(answer))['code']).toBe('cheque-foreign');
    expect(cheques.count('cheque-capture/1')).toBe(0);
  });
});

describe('Whoever dies on the way', () => {
  test('the broker before it heard: nothing is paid, and the same cheque buys when it is back', async () => {
    const challenge = await challengeAt(at());
    const payload = payloadFor(challenge, customer, now);
    broker.mood.now = 'away';
    expect((await send(at(), challenge, payload)).answer.status).toBe(503);
    expect([cheques.total(), keyAtBroker(challenge)]).toEqual([0n, undefined]);
    broker.mood.now = 'well';
    expect((await send(at(), challenge, payload)).answer.status).toBe(200);
    expect(cheques.total()).toBe(5000n);
  });

  test('the answer of the broker: paid, the key is there, and the repeat gets it from the site', async () => {
    const challenge = await challengeAt(at());
    const payload = payloadFor(challenge, customer, now);
    broker.mood.now = 'deaf';
    const { answer } = await send(at(), challenge, payload);
    expect(await problemOf(answer)).toMatchObject({ code: 'outcome-unknown', consumed: 'unknown' });
    expect(cheques.total()).toBe(5000n);
    expect(isKeyOf(keyAtBroker(challenge) ?? '', offerOf(challenge).kc)).toBe(true);
    broker.mood.now = 'well';
    const { receipt } = await send(at(), challenge, payload);
    expect(receipt?.details['key']).toBe(keyAtBroker(challenge));
    expect(cheques.total()).toBe(5000n);
  });

  test('the site before it wrote the payment down: the repeat finds it paid, and pays nothing more', async () => {
    const secret = randomBytes(32).toString('base64url');
    const broken = memory();
    const dying = await open({
      data: site.data,
      secret,
      store: { ...broken, reserve: () => Promise.reject(new Error('the disk is gone')) },
    });
    const challenge = await challengeAt(at(dying));
    const payload = payloadFor(challenge, customer, now);
    const { answer } = await send(at(dying), challenge, payload);
    expect(await problemOf(answer)).toMatchObject({ code: 'outcome-unknown', consumed: 'unknown' });
    expect(cheques.total()).toBe(5000n);
    const back = await open({ data: site.data, secret });
    const { receipt } = await send(at(back), challenge, payload);
    expect(receipt?.details['key']).toBe(keyAtBroker(challenge));
    expect(cheques.total()).toBe(5000n);
  });

  test('the site for good: the customer has the ciphertext, and the broker has the key to it', async () => {
    const challenge = await challengeAt(at());
    const sealed = Buffer.from(await (await fetch(site.url + offerOf(challenge).url)).arrayBuffer());
    await (await send(at(), challenge, payloadFor(challenge, customer, now))).answer.body?.cancel();
    await rm(join(site.data, 'goods'), { recursive: true });
    expect(createHash('sha256').update(sealed).digest('base64url')).toBe(offerOf(challenge).ct);
    expect(isKeyOf(keyAtBroker(challenge) ?? '', offerOf(challenge).kc)).toBe(true);
  });

  test('the site’s secret: what it sells from then on has keys that it knows', async () => {
    const challenge = await challengeAt(at());
    await rm(join(site.data, 'keys', 'goods.secret'));
    const secret = randomBytes(32).toString('base64url');
    const back = await open({ data: site.data, secret });
    const next = await challengeAt(at(back));
    expect(offerOf(next).kc).not.toBe(offerOf(challenge).kc);
    expect((await send(at(back), next, payloadFor(next, customer, now))).answer.status).toBe(200);
  });
});
