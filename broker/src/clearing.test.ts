import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import type { JsonObject, Order } from '@farthing/protocol';
import { describe, expect, it } from 'vitest';
import { statement } from './operate.ts';
import { clearWithPeers } from './operate-clearing.ts';
import { listPeers } from './operate-peers.ts';
import { ledgerPath } from './start.ts';
import { type Bench, Site } from './testing/client.ts';
import { Holder } from './testing/coins.ts';
import { foreign, Pair, pin } from './testing/pair.ts';
import { isOnPostgres } from './testing/postgres.ts';
import { Wire } from './testing/wire.ts';

const challenge = () => randomBytes(32).toString('base64url');
const audited = async (bench: Bench) => (await bench.audit()).findings;
/** All that was paid up to now. */
const now = () => ({ before: Math.floor(Date.now() / 1000) + 10 });

async function balanceAt(bench: Bench): Promise<bigint> {
  const { peers } = (await listPeers(bench.place)).json as { peers: { balance: string }[] };
  return BigInt(peers[0]?.balance ?? '0');
}
/** What came in or went out by transfers between brokers, as the books say. */
async function transferred(bench: Bench): Promise<bigint> {
  const { totals } = (await statement(bench.place)).json as { totals: { kind: string; amount: string }[] };
  return BigInt(totals.find(({ kind }) => kind === 'external:clearing')?.amount ?? '0');
}
type Cleared = { settled: boolean | null; net?: string; period?: number; code?: string; differences?: JsonObject[] };
async function clear(bench: Bench, before = now()): Promise<Cleared | undefined> {
  const { json } = await clearWithPeers(bench.place, before);
  return (json as { clearings: Cleared[] }).clearings[0];
}

/** Sites of both brokers that take each other's coins. */
async function town() {
  const pair = await new Pair().start();
  const { issuer, other } = pair;
  await other.until('/v1/ecash/keysets');
  const news = await pair.site();
  const shop = await new Site(issuer, 'shop.example').open();
  const alice = await pair.holder();
  const bob = await new Holder(other).funded();
  await alice.withdraw([10n, 5n, 5n, 2n, 2n, 1n, 1n]);
  await bob.withdraw([1n, 1n, 1n, 1n]);
  const pay = (holder: Holder, site: Site, of: Bench, price: bigint) =>
    foreign(site, of).present(holder.sign(holder.take(price, { change: false }), site, challenge(), price), false);
  return {
    pair,
    news,
    paysNews: (price: bigint) => pay(alice, news, issuer, price),
    paysShop: (price: bigint) => pay(bob, shop, other, price),
  };
}

describe('Two brokers', () => {
  it('settle what each owes the other by one transfer, once, and both books are even afterwards', async () => {
    const { pair, paysNews, paysShop } = await town();
    await using _ = pair;
    const { issuer, other } = pair;
    for (const price of [5n, 2n, 2n]) await paysNews(price);
    for (const price of [1n, 1n]) await paysShop(price);
    expect([await balanceAt(issuer), await balanceAt(other)]).toEqual([7n, -7n]);
    expect(await clear(other)).toMatchObject({
      settled: true,
      period: 1,
      net: '7',
      owed: { count: 3 },
      owing: { count: 2 },
    });
    expect([await balanceAt(issuer), await balanceAt(other)]).toEqual([0n, 0n]);
    expect([await transferred(issuer), await transferred(other)]).toEqual([7n, -7n]);
    expect(await clear(other), 'a second time there is nothing').toMatchObject({ settled: null });
    expect(await clear(issuer)).toMatchObject({ settled: null });
    await paysNews(1n);
    await paysShop(1n);
    await paysShop(1n);
    expect(await clear(issuer), 'either may ask').toMatchObject({ settled: true, period: 2, net: '1' });
    expect([await transferred(issuer), await transferred(other)]).toEqual([6n, -6n]);
    expect([...(await audited(issuer)), ...(await audited(other))]).toEqual([]);
  });

  it('settle once when the answer is lost, or the books are written twice', async () => {
    const { pair, paysNews } = await town();
    await using _ = pair;
    const { issuer, other } = pair;
    await using wire = await new Wire(() => issuer.url).start();
    await pin(other, { url: wire.url, public: issuer.public }, 1_000n);
    await paysNews(5n);
    wire.fate = 'lose-answer';
    expect(await clear(other)).toMatchObject({ settled: false, code: 'unavailable' });
    expect([await balanceAt(issuer), await balanceAt(other)]).toEqual([0n, -5n]);
    wire.fate = 'pass';
    await paysNews(2n);
    const [first] = wire.seen.filter(({ typ }) => typ === 'exchange-clear/1');
    expect(await clear(other), 'the same figures').toMatchObject({ settled: true, period: 1, net: '5' });
    expect(await issuer.post('/v1/exchange/clear', first ?? {})).toMatchObject({ status: 200 });
    expect([await balanceAt(issuer), await balanceAt(other)]).toEqual([2n, -2n]);
    expect([await transferred(issuer), await transferred(other)]).toEqual([5n, -5n]);
    expect([...(await audited(issuer)), ...(await audited(other))]).toEqual([]);
  });

  it.skipIf(isOnPostgres)('settle nothing while their books differ, and are told in which claims', async () => {
    const { pair, paysNews } = await town();
    await using _ = pair;
    const { issuer, other } = pair;
    await paysNews(5n);
    await paysNews(2n);
    // The issuer forgets a payment that it has signed.
    const db = new DatabaseSync(ledgerPath(issuer.data));
    db.exec("UPDATE coin_payment SET via = 'nobody' WHERE via <> '' AND amount = 2");
    db.close();
    const refused = await clear(other);
    expect(refused).toMatchObject({ settled: false, code: 'clearing-differs' });
    expect(refused?.differences).toEqual([
      expect.objectContaining({ side: 'owed', what: 'only here', proof: expect.any(Number) }),
    ]);
    expect([await balanceAt(other), await transferred(other), await transferred(issuer)]).toEqual([-7n, 0n, 0n]);
    expect(await audited(other)).toEqual([]);
    expect((await audited(issuer)).length, 'its own audit names what it forgot').toBeGreaterThan(0);
  });

  it.skipIf(isOnPostgres)('settle nothing for a claim that one of them made up', async () => {
    const { pair, paysNews } = await town();
    await using _ = pair;
    const { issuer, other } = pair;
    await paysNews(5n);
    const db = new DatabaseSync(ledgerPath(other.data));
    db.exec("UPDATE peer_payment SET amount = 500 WHERE state = 'paid'");
    db.close();
    expect(await clear(other)).toMatchObject({ settled: false, code: 'clearing-differs' });
    expect([await balanceAt(issuer), await transferred(issuer)]).toEqual([5n, 0n]);
    expect(await audited(issuer)).toEqual([]);
    expect((await audited(other)).map(({ table }) => table)).toContain('peer_payment');
  });

  it.skipIf(isOnPostgres)('do not settle figures that a stranger signed, or that are of another period', async () => {
    const { pair, news, paysNews } = await town();
    await using _ = pair;
    const { issuer, other } = pair;
    await paysNews(5n);
    await using wire = await new Wire(() => issuer.url).start();
    await pin(other, { url: wire.url, public: issuer.public }, 1_000n);
    wire.fate = 'lose-request';
    await clear(other);
    const db = new DatabaseSync(ledgerPath(other.data), { readOnly: true });
    const doc = JSON.parse(String(db.prepare('SELECT doc FROM clearing').get()?.['doc'])) as Order;
    db.close();
    const { sig: _sig, ...figures } = doc;
    expect(await issuer.refused('/v1/exchange/clear', news.order('exchange-clear/1', { ...figures }))).toBe(
      'peer-unknown',
    );
    expect(await issuer.refused('/v1/exchange/clear', { ...doc, period: 2 })).toBe('signature-invalid');
    expect(await transferred(issuer)).toBe(0n);
  });
});
