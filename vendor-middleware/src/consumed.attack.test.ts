// `Payment-Consumed: ?0` gives a wallet its money back, so a wall says it only of a payment that it knows to be good again.
import { nodeEnv } from '@farthing/node-kit';
import { printCredential } from '@farthing/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { memory } from './index.ts';
import { Payer } from './testing/payer.ts';
import { buy, challengesOf, credentialFor, type SiteOptions, type TestSite, testSite } from './testing/site.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: SiteOptions = {}): Promise<TestSite> {
  const site = await testSite({ store: memory(), ...options });
  cleanups.push(() => site.close());
  return site;
}

const price = '0.0015 USD';
const told = (answer: Response) => [answer.status, answer.headers.get('payment-consumed')];
const again = (url: string, header: string) => fetch(url, { headers: { authorization: header } });

describe('a payment that was not taken', () => {
  test('is told to be good again when its handler fails, to pages of other origins too', async () => {
    const { app, pay, broker, url } = await open();
    app.get('/x', pay.wall({ price, cors: true }), (_req, res) => void res.status(503).send('down'));
    const { answer } = await buy(`${url}/x`, broker.sell(10_000n)[0]);
    expect(told(answer)).toEqual([503, '?0']);
    expect(answer.headers.get('access-control-expose-headers')).toContain('Payment-Consumed');
  });

  test('is told to be good again when the wall refuses it', async () => {
    const { app, pay, broker, url } = await open();
    app.get('/x', pay.wall({ price }), (_req, res) => void res.send('x'));
    const [challenge] = challengesOf(await fetch(`${url}/x`));
    if (!challenge) throw new Error('no challenge');
    const { credential } = credentialFor(challenge, broker.sell(10_000n)[0], { target: 'GET /x' });
    const forged = printCredential({ ...credential, payload: { ...credential.payload, proof: 'A'.repeat(43) } });
    expect(told(await again(`${url}/x`, forged))).toEqual([402, '?0']);
    expect(told(await again(`${url}/x`, printCredential(credential)))).toEqual([200, null]);
  });

  test('in a session shows the same word again', async () => {
    const { app, pay, broker, url } = await open({ methods: ['scrip', 'payword'] });
    let broken = true;
    app.get(
      '/x',
      pay.wall({ price: '0.00001 USD', unit: 'call' }),
      (_req, res) => void res.sendStatus(broken ? 500 : 200),
    );
    const payer = new Payer(broker.payword.credit({ vnd: pay.vnd, n: 10, unit: 10n }));
    const { answer, header } = await payer.pay(`${url}/x`);
    expect(told(answer)).toEqual([500, '?0']);
    broken = false;
    expect(told(await again(`${url}/x`, header))).toEqual([200, null]);
  });
});

describe('nothing is said', () => {
  test('where nothing was paid', async () => {
    const { app, pay, url } = await open();
    app.get('/x', pay.wall({ price }), (_req, res) => void res.send('x'));
    expect(told(await fetch(`${url}/x`))).toEqual([402, null]);
  });

  test('of a paid request whose repeat fails, also when its handler passes on what another wall said', async () => {
    const { app, pay, broker, url } = await open();
    let status = 200;
    app.get('/x', pay.wall({ price }), (_req, res) => {
      if (status >= 400) res.set('Payment-Consumed', '?0');
      res.sendStatus(status);
    });
    const { answer, paid } = await buy(`${url}/x`, broker.sell(10_000n)[0]);
    expect(told(answer)).toEqual([200, null]);
    status = 502;
    expect(told(await again(`${url}/x`, paid.header))).toEqual([502, null]);
  });

  test('of a payment that stands before its handler runs', async () => {
    const { app, pay, broker, url } = await open();
    app.get('/x', pay.wall({ price, settle: 'upfront' }), (_req, res) => void res.sendStatus(500));
    expect(told((await buy(`${url}/x`, broker.sell(10_000n)[0])).answer)).toEqual([500, null]);
  });

  test('of a paid request when the wall fails before it looks', async () => {
    const { app, pay, broker, url } = await open();
    let now: string | undefined = price;
    const priceOf = () => now ?? '';
    app.get('/x', pay.wall({ price: priceOf }), (_req, res) => void res.send('x'));
    const { paid } = await buy(`${url}/x`, broker.sell(10_000n)[0]);
    now = undefined;
    expect(told(await again(`${url}/x`, paid.header))).toEqual([503, null]);
  });

  test('when a failing store leaves the outcome unknown', async () => {
    const store = memory();
    const { app, pay, broker, url } = await open({
      store: { ...store, reserve: () => Promise.reject(new Error('disk')) },
    });
    app.get('/x', pay.wall({ price }), (_req, res) => void res.send('x'));
    expect(told((await buy(`${url}/x`, broker.sell(10_000n)[0])).answer)).toEqual([503, null]);
  });

  test('of scrip that another payment spent', async () => {
    const { app, pay, broker, url } = await open();
    app.get('/x', pay.wall({ price }), (_req, res) => void res.send('x'));
    const [piece] = broker.sell(10_000n);
    await buy(`${url}/x`, piece);
    expect(told((await buy(`${url}/x`, piece)).answer)).toEqual([402, null]);
  });

  test('by a run so slow that another process may have taken it over', async () => {
    let shiftMs = 0;
    const env = () => ({ ...nodeEnv(), nowMs: Date.now() + shiftMs });
    const { app, pay, broker, url } = await open({ env });
    app.get('/x', pay.wall({ price }), (_req, res) => {
      shiftMs = 60_000;
      res.sendStatus(500);
    });
    expect(told((await buy(`${url}/x`, broker.sell(10_000n)[0])).answer)).toEqual([500, null]);
  });
});
