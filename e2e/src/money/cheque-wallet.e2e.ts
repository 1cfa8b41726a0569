// The wallet that people have pays with cheques: served at once while the broker is away, decided by the broker, and given back
// when a page fails. Every sum agrees, and so do the books.
import { limits, printReceipt, type Receipt, readReceipt } from '@farthing/protocol';
import { payingFetch } from '@farthing/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, Town } from '../profiles/town.ts';

const PRICE = 1000n;
const FUNDS = 200_000n;
let town: Town;
let served: Shop;
let decided: Shop;
let wallet: Awaited<ReturnType<Town['wallet']>>;
let status = 200;

beforeAll(async () => {
  town = await Town.open();
  const sell = ((app, pay) => {
    app.get('/page/:n', pay.wall({ price: '0.001 USD' }), (req, res) => {
      res.status(status).send(`page ${req.params['n']}`);
    });
  }) satisfies Parameters<Town['shop']>[0]['sell'];
  served = await town.shop({
    vnd: 'served.example',
    options: { methods: ['cheque'], cheque: { offlineMax: '0.01', captures: ['deferred'] } },
    sell,
  });
  decided = await town.shop({
    vnd: 'decided.example',
    options: { methods: ['cheque'], cheque: { captures: ['now'] } },
    sell,
  });
  wallet = await town.wallet({ micro: FUNDS, trusts: [served, decided] });
});
afterAll(async () => {
  await town.mustBalance();
  await town[Symbol.asyncDispose]();
});

const read = (shop: Shop, n: number) => payingFetch(fetch, wallet)(`${shop.url}/page/${n}`);
async function spent(): Promise<bigint> {
  const { totalMicro } = await wallet.balance();
  return FUNDS - totalMicro;
}
async function mustAddUp(): Promise<void> {
  for (const { driftMicro } of await wallet.conservation()) expect(driftMicro).toBe(0n);
}

type Details = Receipt['details'];
const edited = (details: Details): Details => ({
  ...details,
  receipt: { ...Object(details['receipt']), at: 1 },
});
const missing = ({ receipt: _, ...details }: Details): Details => details;

describe('a site that serves at once', () => {
  it('is paid without asking anybody once the day key is certified, also with the broker stopped', async () => {
    expect(await (await read(served, 1)).text()).toBe('page 1');
    await town.stopBroker();
    for (let n = 2; n <= 5; n++) expect(await (await read(served, n)).text()).toBe(`page ${n}`);
    await town.startBroker();
    await served.pay.redeemNow();
    expect([await served.owed(), await spent()]).toEqual([5n * PRICE, 5n * PRICE]);
    await mustAddUp();
  });

  it('that fails to deliver costs nothing, and the cheque book is as full as before', async () => {
    const before = await wallet.balance();
    status = 500;
    expect((await read(served, 90)).status).toBe(500);
    status = 200;
    expect(await wallet.balance()).toEqual(before);
    await mustAddUp();
  });

  it('serves many at once, each for its own cheque', async () => {
    const before = await spent();
    const answers = await Promise.all(Array.from({ length: 4 }, (_, n) => read(served, 10 + n)));
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    expect(await spent()).toBe(before + 4n * PRICE);
    await mustAddUp();
  });
});

describe('a site whose broker decides', () => {
  it('is paid from the account, and the receipt carries the broker’s word', async () => {
    const before = await spent();
    const answer = await read(decided, 1);
    expect([answer.status, await answer.text()]).toEqual([200, 'page 1']);
    await decided.pay.redeemNow();
    expect([await decided.owed(), await spent()]).toEqual([PRICE, before + PRICE]);
    await mustAddUp();
  });

  it('that fails to deliver costs nothing', async () => {
    const before = await spent();
    status = 500;
    expect((await read(decided, 2)).status).toBe(500);
    status = 200;
    expect(await spent()).toBe(before);
    // The broker hears of it in the background.
    const refreshed = () => wallet.balance({ refresh: true }).then(spent);
    await expect.poll(refreshed, { timeout: 10_000 }).toBe(before);
    await mustAddUp();
  });

  it('is not believed when the broker’s word in its receipt was edited or is missing; the broker itself tells, and it is paid once', async () => {
    for (const [n, forge] of [
      [20, edited],
      [21, missing],
    ] as const) {
      const before = await spent();
      const lying: typeof fetch = async (input, init) => {
        const answer = await fetch(input, init);
        const told = readReceipt(answer.headers.get('payment-receipt') ?? '');
        const headers = new Headers(answer.headers);
        if (told) headers.set('payment-receipt', printReceipt({ ...told, details: forge(told.details) }));
        return new Response(answer.body, { status: answer.status, headers });
      };
      await payingFetch(lying, wallet)(`${decided.url}/page/${n}`);
      const [payment] = await wallet.pending();
      expect(payment?.url).toBe(`${decided.url}/page/${n}`);
      expect(await spent()).toBe(before);
      await decided.pay.redeemNow();
      expect(await wallet.resolve(payment?.id ?? '')).toMatchObject({ outcome: 'paid' });
      expect(await spent()).toBe(before + PRICE);
      await mustAddUp();
    }
  });

  it('waits while the broker is away, and the same cheque pays once when it is back', async () => {
    const before = await spent();
    await town.stopBroker();
    expect((await read(decided, 3)).status).toBe(503);
    await town.startBroker();
    expect((await read(decided, 3)).status).toBe(200);
    await decided.pay.redeemNow();
    expect([await decided.owed(), await spent()]).toEqual([4n * PRICE, before + PRICE]);
    await mustAddUp();
  });
});

describe('a payment whose answer never comes', () => {
  const deaf: typeof fetch = (input, init) =>
    new Request(input, init).headers.has('authorization')
      ? Promise.reject(new TypeError('no route'))
      : fetch(input, init);
  const dumb: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const answer = await fetch(request);
    if (!request.headers.has('authorization')) return answer;
    await answer.body?.cancel();
    throw new TypeError('the connection broke');
  };
  /** @returns its id */
  async function lost(shop: Shop, n: number, by: typeof fetch): Promise<string> {
    const options = { tries: 1, sleep: async () => {} };
    await expect(payingFetch(by, wallet, options)(`${shop.url}/page/${n}`)).rejects.toThrow();
    const payment = (await wallet.pending()).find(({ url }) => url.endsWith(`/page/${n}`));
    expect(payment).toBeDefined();
    return payment?.id ?? '';
  }
  const stateOf = async (id: string) => (await wallet.record(id))?.state;
  const held = async () => (await wallet.balance()).brokers[0]?.heldMicro;

  it('because it never left: it is free a minute after the cheque has ended, and no sooner', async () => {
    const before = await spent();
    const id = await lost(decided, 40, deaf);
    await wallet.recover();
    expect([await stateOf(id), await held()]).toEqual(['pending', PRICE]);
    town.bench.offsetMs += limits.challengeLifeMs;
    await wallet.recover();
    expect(await stateOf(id)).toBe('pending');
    town.bench.offsetMs += limits.clockSkewMs + 1000;
    await wallet.recover();
    expect([await stateOf(id), await held(), await spent()]).toEqual(['failed_not_charged', 0n, before]);
    const { brokers } = await wallet.balance({ refresh: true });
    expect([brokers[0]?.heldMicro, await spent()]).toEqual([0n, before]);
    await mustAddUp();
  });

  it('though it was served at once: the broker tells when the site has claimed it', async () => {
    const before = await spent();
    const id = await lost(served, 41, dumb);
    await served.pay.redeemNow();
    await wallet.recover();
    expect([await stateOf(id), await held(), await spent()]).toEqual(['paid', 0n, before + PRICE]);
    await mustAddUp();
  });

  it('from a site that would have served at once: it stays set aside until nobody can claim it, and comes back then', async () => {
    const before = await spent();
    const id = await lost(served, 42, deaf);
    town.bench.offsetMs += limits.certLifeMs + limits.clockSkewMs + 1000;
    await wallet.recover();
    expect([await stateOf(id), await held(), await spent()]).toEqual(['pending', PRICE, before]);
    town.bench.offsetMs += limits.chequeWindowMs + limits.clockSkewMs;
    await town.stopBroker();
    await wallet.recover();
    expect(await stateOf(id)).toBe('pending');
    await town.startBroker();
    await wallet.balance({ refresh: true });
    expect([await stateOf(id), await held(), await spent()]).toEqual(['failed_not_charged', 0n, before]);
    await mustAddUp();
  });
});
