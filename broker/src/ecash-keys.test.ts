// Keys of coins over the years: the next epoch follows without a gap, a stolen key is revoked, and one of which more comes
// back than went out stops by itself.
import { randomBytes } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { blindSigner } from '@farthing/node-kit';
import { fromBase64url, type JsonObject, toBase64url } from '@farthing/protocol';
import { purse } from '@farthing/protocol/wallet';
import { describe, expect, it } from 'vitest';
import { listKeysets, revokeKeyset, rotateKeysets } from './operate-ecash.ts';
import { ledgerPath } from './start.ts';
import { Bench, DAY_SECONDS, Site } from './testing/client.ts';
import { type CoinPayment, Holder, lockKeysets, present, redeemCoins, restoredHolder } from './testing/coins.ts';
import { isOnPostgres } from './testing/postgres.ts';

const ecash = { denominations: [1n, 2n], epochDays: 40 };
const DAY_MS = DAY_SECONDS * 1000;
const challenge = () => randomBytes(32).toString('base64url');
const generic = '/v1/ecash/keysets';

async function opened() {
  const bench = await new Bench().start({ ecash });
  const site = await new Site(bench).open();
  const alice = new Holder(bench);
  await alice.faucet(1_000n);
  await alice.learn();
  return { bench, site, alice };
}
const findings = async (bench: Bench) => (await bench.audit()).findings;
const refused = (site: Site, payment: CoinPayment) =>
  site.bench.refused('/v1/ecash/deposit', site.order('ecash-deposit/1', { ...payment, hold: false }));

/** The broker makes keys in the background. */
async function learnAll(holder: Holder, path: string, count: number): Promise<void> {
  const seen = () => [...holder.keysets.values()].filter(({ record }) => path === generic || record.vnd !== undefined);
  while (seen().length < count) {
    await holder.learn(path);
    await new Promise((done) => setImmediate(done));
  }
}

/** The clock goes on, and the broker does what it does every hour. */
async function later(bench: Bench, days: number): Promise<void> {
  await bench.stop();
  bench.offsetMs += days * DAY_MS;
  await bench.start({ ecash });
}

const swapStale = async (holder: Holder): Promise<bigint> => {
  const coins = purse.stale(holder.purse, holder.mint, holder.bench.env().nowMs);
  const values = coins.map(({ coin: { ks } }) => holder.keysets.get(ks)?.value ?? 0n);
  const gone = new Set(coins.map(({ coin }) => coin.pk));
  holder.purse = { ...holder.purse, coins: holder.purse.coins.filter(({ coin }) => !gone.has(coin.pk)) };
  await holder.swap(coins, values);
  return values.reduce((sum, value) => sum + value, 0n);
};

describe('The next epoch', () => {
  it('is listed before the last one ends, and old coins are paid, then swapped into it', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([2n, 2n, 1n]);
    const [first] = alice.keysets.values();

    await later(bench, 31);
    await learnAll(alice, generic, 4);
    expect([...alice.keysets.values()].map(({ value, record: { epoch } }) => `${value}.${epoch}`).sort()).toEqual([
      '1.1',
      '1.2',
      '2.1',
      '2.2',
    ]);
    await present(site, alice.sign(alice.take(2n, { change: false }), site, challenge(), 2n), false);
    await alice.withdraw([1n]);
    expect(alice.keysets.get(alice.purse.coins.at(-1)?.coin.ks ?? '')?.record.epoch).toBe(2);

    const before = alice.take(2n, { change: false });
    await later(bench, 10);
    expect(await refused(site, alice.sign(before, site, challenge(), 2n))).toBe('keyset-expired');
    alice.purse = purse.put(alice.purse, before.coins);
    expect(alice.worth, 'the coin of the new epoch').toBe(1n);
    await alice.learn();
    expect(await swapStale(alice)).toBe(3n);
    expect(alice.worth).toBe(4n);
    await present(site, alice.sign(alice.take(2n, { change: false }), site, challenge(), 2n), false);

    await later(bench, 21);
    await learnAll(alice, generic, 6);
    await later(bench, 30);
    await learnAll(alice, generic, 8);
    const { list } = (await bench.until(generic)) as { list: { keysets: string[] } };
    expect(list.keysets, 'an epoch that nobody can reclaim drops out').not.toContain(first?.ks);
    expect(await findings(bench)).toEqual([]);
  });

  it('follows for coins that are locked to a site; the last one’s come back when the site can no longer claim them', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    const path = `/v1/vendors/${site.vnd}/keysets`;
    await lockKeysets(site, [1n]);
    await alice.learn(path);
    await alice.withdraw([1n, 1n]);
    const plain = alice.purse.coins;
    alice.purse = { ...alice.purse, coins: [] };
    for (const coin of plain) await alice.swap([coin], [1n], site.vnd);

    await later(bench, 31);
    await learnAll(alice, path, 2);
    await alice.learn();
    const paid = alice.sign(alice.take(1n, { vnd: site.vnd, change: false }), site, challenge(), 1n);
    await later(bench, 10);
    const early = purse.stale(alice.purse, alice.mint, bench.env().nowMs);
    expect(early, 'its site may claim it for a week').toEqual([]);
    expect(await redeemCoins(site, '', paid)).toMatchObject({ payments: [{ credited: '1' }] });
    await later(bench, 8);
    expect(await swapStale(alice)).toBe(1n);
    expect(alice.worth).toBe(1n);
    expect(await findings(bench)).toEqual([]);
  });

  it('comes when the operator asks for it, and the last one goes on until its end', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([2n]);
    await rotateKeysets(bench.place);
    await learnAll(alice, generic, 4);
    await alice.withdraw([2n]);
    expect(new Set(alice.purse.coins.map(({ coin }) => coin.ks)).size).toBe(2);
    await present(site, alice.sign(alice.take(4n, { change: false }), site, challenge(), 4n), false);
    expect((await listKeysets(bench.place)).json).toMatchObject({
      keysets: [
        { denom: '1', epoch: 1, issued: '0', outstanding: '0', state: 'live', phase: 'spend', vnd: '' },
        { denom: '1', epoch: 2 },
        { denom: '2', epoch: 1, issued: '2', redeemed: '2', outstanding: '0' },
        { denom: '2', epoch: 2, issued: '2', redeemed: '2', outstanding: '0' },
      ],
    });
    expect(await findings(bench)).toEqual([]);
  });
});

describe('A keyset that was revoked', () => {
  it('pays nobody and makes nothing; its coins are swapped, also by who finds them again from a seed', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([2n, 2n, 1n]);
    const taken = alice.take(2n, { change: false });
    const late = alice.draft([2n]);
    const ks = taken.coins[0]?.coin.ks ?? '';
    await revokeKeyset(bench.place, ks);

    expect(await refused(site, alice.sign(taken, site, challenge(), 2n))).toBe('keyset-unknown');
    expect(await bench.refused('/v1/ecash/withdraw', alice.withdrawOrder(late))).toBe('keyset-unknown');
    alice.purse = purse.put(alice.purse, taken.coins);

    const again = await restoredHolder(bench, alice.seed);
    expect(again.keysets.get(ks)).toMatchObject({ revoked: true });
    expect([again.purse.coins.length, again.worth], 'only the coin of 1 is still good').toEqual([3, 1n]);
    expect(await swapStale(again)).toBe(4n);
    expect(again.worth).toBe(5n);
    await present(site, again.sign(again.take(2n, { change: false }), site, challenge(), 2n), false);
    expect((await listKeysets(bench.place)).lines.join('\n')).toContain('revoked');
    expect(await findings(bench)).toEqual([]);
    await expect(revokeKeyset(bench.place, 'nobody')).rejects.toThrow('no keyset nobody');
  });
});

/** Coins of this value that the broker never made: its key was stolen. */
function forged(thief: Holder, values: readonly bigint[], vnd?: string): void {
  const made = thief.draft(values, vnd);
  const db = new DatabaseSync(ledgerPath(thief.bench.data), { readOnly: true });
  const signatures = made.outputs.map(({ ks, b }) => {
    const row = db.prepare('SELECT pkcs8 FROM keyset WHERE ks = ?').get(ks);
    const signed = blindSigner(row?.['pkcs8'] as Uint8Array)(fromBase64url(b) ?? new Uint8Array());
    return toBase64url(signed ?? new Uint8Array());
  });
  db.close();
  thief.finish(made.planned, signatures);
}

describe('A keyset of which more comes back than went out', () => {
  it.skipIf(isOnPostgres)('stops, whatever is asked beside goes on, and the operator is told', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await alice.withdraw([2n, 2n, 1n]);
    const thief = new Holder(bench);
    await thief.learn();
    forged(thief, [2n, 2n, 2n]);
    const theft = () => thief.sign(thief.take(2n, { change: false }), site, challenge(), 2n);
    expect([await refused(site, theft()), await refused(site, theft())]).toEqual(['accepted', 'accepted']);

    const one = alice.draft([1n]);
    const last = theft();
    const [stopped, beside] = await Promise.all([
      refused(site, last),
      bench.send('/v1/ecash/withdraw', alice.withdrawOrder(one)),
    ]);
    expect(stopped).toBe('keyset-stopped');
    alice.finish(one.planned, beside['signatures']);
    expect(await site.statement({ vnd: site.vnd }), 'no more than was issued').toMatchObject({ balance: '4' });

    const ks = last.coins[0]?.['ks'];
    const health = async () => (await fetch(`${bench.url}/ready`)).json();
    expect(await health()).toMatchObject({ ok: false, stopped: [ks] });
    expect(bench.log.filter((line) => line.startsWith('ERROR ALARM'))).toEqual([expect.stringContaining(String(ks))]);
    expect(await refused(site, alice.sign(alice.take(1n), site, challenge(), 1n))).toBe('accepted');
    const honest = alice.take(2n, { change: false });
    expect(await refused(site, alice.sign(honest, site, challenge(), 2n))).toBe('keyset-stopped');
    await expect(alice.swap(honest.coins, [1n, 1n])).rejects.toThrow('keyset-stopped');

    await learnAll(alice, generic, 3);
    await alice.withdraw([2n]);
    await bench.stop();
    await bench.start({ ecash });
    expect(await health(), 'it stays so').toMatchObject({ ok: false, stopped: [ks] });
    await revokeKeyset(bench.place, String(ks));
    expect(await health()).toMatchObject({ ok: true });
    expect(await findings(bench)).toEqual([]);
  });

  it.skipIf(isOnPostgres)('stops in the middle of a batch: what came before is paid', async () => {
    const { bench, site, alice } = await opened();
    await using _ = bench;
    await lockKeysets(site, [1n]);
    await alice.learn(`/v1/vendors/${site.vnd}/keysets`);
    await alice.withdraw([1n]);
    await alice.swap(alice.take(1n, { change: false }).coins, [1n], site.vnd);
    forged(alice, [1n], site.vnd);
    const pay = () => alice.sign(alice.take(1n, { vnd: site.vnd, change: false }), site, challenge(), 1n);
    const answer = await redeemCoins(site, '', pay(), pay());
    expect(answer['payments']).toEqual([
      { challengeId: expect.any(String), credited: '1' },
      { challengeId: expect.any(String), credited: '0', alarm: 'keyset-stopped' },
    ] satisfies JsonObject[]);
    expect(await (await fetch(`${bench.url}/ready`)).json()).toMatchObject({ ok: false });
    expect(await findings(bench)).toEqual([]);
  });
});
