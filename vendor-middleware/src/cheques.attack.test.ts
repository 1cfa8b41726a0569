// Orders that were replayed, altered, late, of yesterday, for somebody else, or written twice: none of them pays.
import { nodeEnv } from '@farthing/node-kit';
import { type JsonObject, signObject } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { buyWith, type Customer, challengeAt, payloadFor, send } from './testing/cheque-payer.ts';
import { problemOf, type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';
import { tinyCheques } from './testing/tiny-cheques.ts';

let site: TestSite;
let cheques: ReturnType<typeof tinyCheques>;
let customer: Customer;
let served = 0;
beforeEach(async () => {
  const broker = await tinyBroker();
  cheques = tinyCheques(broker);
  site = await testSite({ on: broker, methods: ['scrip', 'cheque'], cheque: { offlineMax: '0.01', minLevel: 1 } });
  site.app.use('/farthing', site.pay.routes());
  served = 0;
  for (const path of ['/page', '/other']) {
    site.app.get(path, site.pay.wall({ price: '0.0005 USD', scope: 'pages' }), (_req, res) => {
      served++;
      res.end('a page');
    });
  }
  customer = cheques.customer(site.pay.vnd);
});
afterEach(async () => {
  await site.close();
  await site.broker.close();
});

const page = () => `${site.url}/page`;
const refused = async ({ answer }: { answer: Response }) => {
  expect([answer.status, answer.headers.has('payment-receipt')]).toEqual([402, false]);
  return (await problemOf(answer))['code'];
};

test('The honest repeat gets the same receipt; the same cheque for another page does not get the page', async () => {
  const challenge = await challengeAt(page());
  const payload = payloadFor(challenge, customer);
  const first = await send(page(), challenge, payload);
  const second = await send(page(), challenge, payload);
  expect(second.answer.headers.get('payment-receipt')).toBe(first.answer.headers.get('payment-receipt'));
  expect(second.receipt).toBeDefined();
  expect(await refused(await send(`${site.url}/other`, challenge, payload))).toBe('challenge-reused');
  await site.pay.redeemNow();
  expect(cheques.total()).toBe(500n);
});

test('A hundred copies at once are one payment', async () => {
  const challenge = await challengeAt(page());
  const payload = payloadFor(challenge, customer);
  const all = await Promise.all(Array.from({ length: 100 }, () => send(page(), challenge, payload)));
  expect(new Set(all.flatMap(({ answer }) => answer.headers.get('payment-receipt') ?? [])).size).toBe(1);
  await Promise.all(all.map(({ answer }) => answer.arrayBuffer()));
  await site.pay.redeemNow();
  expect(cheques.total()).toBe(500n);
});

test('Another cheque under the same challenge, of the same customer or another, is refused', async () => {
  const challenge = await challengeAt(page());
  await send(page(), challenge, payloadFor(challenge, customer));
  const later = payloadFor(challenge, customer, { exp: Math.floor(Date.now() / 1000) + 200 });
  expect(await refused(await send(page(), challenge, later))).toBe('challenge-reused');
  const other = payloadFor(challenge, cheques.customer(site.pay.vnd));
  expect(await refused(await send(page(), challenge, other))).toBe('challenge-reused');
  expect(served).toBe(1);
});

describe('A cheque', () => {
  const nowS = () => Math.floor(nodeEnv().nowMs / 1000);
  test.each<[string, string, () => Promise<JsonObject>]>([
    ['for another challenge', 'cheque-foreign', async () => ({ ...payloadFor(await challengeAt(page()), customer) })],
    ['that is late', 'cheque-late', async () => ({ ...payloadFor(await mine(), customer, { exp: nowS() - 120 }) })],
    [
      'on yesterday’s certificate',
      'cheque-late',
      async () => {
        const old = cheques.customer(site.pay.vnd, { nbf: nowS() - 90_000, exp: nowS() - 3600 });
        return { ...payloadFor(await mine(), old) };
      },
    ],
    [
      'that outlives its certificate',
      'cert-expired',
      async () => {
        const { cheque, cert } = payloadFor(await mine(), customer);
        const { sig: _, ...unsigned } = { ...cheque, exp: cert.exp + 1 };
        return { cheque: { ...unsigned, sig: signObject(unsigned, customer.seed, nodeEnv().crypto) }, cert };
      },
    ],
    [
      'of a customer of another site',
      'cert-foreign',
      async () => {
        const foreign = cheques.customer('shop.example');
        const { cheque } = payloadFor(await mine(), cheques.customer(site.pay.vnd));
        return { cheque, cert: foreign.cert };
      },
    ],
    [
      'for less than the price',
      'amount-short',
      async () => ({ ...payloadFor(await mine(), customer, { amount: 499n }) }),
    ],
    [
      'whose amount was edited',
      'cheque-forged',
      async () => {
        const { cheque, cert } = payloadFor(await mine(), customer, { amount: 499n });
        return { cheque: { ...cheque, amount: '500' }, cert };
      },
    ],
    [
      'on a limit that was edited',
      'cert-forged',
      async () => {
        const { cheque, cert } = payloadFor(await mine(), customer);
        return { cheque, cert: { ...cert, limit: '999999999' } };
      },
    ],
    [
      'on a certificate that the customer made',
      'cert-forged',
      async () => {
        const { cheque, cert } = payloadFor(await mine(), customer);
        return { cheque, cert: { ...cert, sig: signObject(cert, customer.seed, nodeEnv().crypto) } };
      },
    ],
    [
      'of somebody whom the broker does not know well enough',
      'level-too-low',
      async () => ({ ...payloadFor(await mine(), cheques.customer(site.pay.vnd, { level: 0 })) }),
    ],
    [
      'of another broker',
      'broker-unknown',
      async () => {
        const { cheque, cert } = payloadFor(await mine(), customer);
        return { cheque: { ...cheque, brk: 'elsewhere' }, cert };
      },
    ],
  ])('%s is refused', async (_, expected, made) => {
    challenge = undefined;
    const payload = await made();
    expect(await refused(await send(page(), await mine(), payload))).toBe(expected);
    expect(served).toBe(0);
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(0n);
  });

  let challenge: Awaited<ReturnType<typeof challengeAt>> | undefined;
  const mine = async () => {
    challenge ??= await challengeAt(page());
    return challenge;
  };
});

test('A cheque that the broker will not pay is told to the owner, and claimed no more', async () => {
  await buyWith(page(), customer);
  // The broker never issued this certificate: its key was stolen, or it lies.
  const unknown = cheques.customer(site.pay.vnd, { sub: 'AAAAAAAAAAAAAAAAAAAAAA' });
  await buyWith(page(), unknown);
  cheques.forget(unknown);
  await site.pay.redeemNow();
  expect(cheques.total()).toBe(500n);
  expect(site.log.join()).toContain('cert-forged');
});
