// Coins of another broker under attack: by holders, by sites, by either of the two brokers, and by whoever is between them.
import { randomBytes } from 'node:crypto';
import { type JsonObject, limits, type Order, signObject } from '@farthing/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openKeys } from './keys.ts';
import { listPeers, removePeer } from './operate-peers.ts';
import { type Bench, Person, Site } from './testing/client.ts';
import { type CoinPayment, Holder, present } from './testing/coins.ts';
import { foreign, handedOn, Pair, pin } from './testing/pair.ts';
import { Wire } from './testing/wire.ts';

const challenge = () => randomBytes(32).toString('base64url');
const pair = new Pair();
const { issuer, other } = pair;
const wire = new Wire(() => issuer.url);
let site: Site;
let alice: Holder;
let at: ReturnType<typeof foreign>;

beforeAll(async () => {
  await pair.start();
  await wire.start();
  // What the site's broker asks the issuer goes over the wire.
  await pinnedBy(1_000_000n);
  site = await pair.site();
  alice = await pair.holder(100_000n);
  at = foreign(site, issuer);
});
beforeEach(() => {
  wire.fate = 'pass';
});
afterAll(async () => {
  const findings = [...(await audited(issuer)), ...(await audited(other))];
  const [owed, owing] = [await balanceAt(other), await balanceAt(issuer)];
  await wire[Symbol.asyncDispose]();
  await pair[Symbol.asyncDispose]();
  expect(findings, 'the books of both after all attacks').toEqual([]);
  expect(owing + owed, 'what one claims is what the other owes, beside the two payments that it lied about').toBe(4n);
});

const pinnedBy = (limit: bigint) => pin(other, { url: wire.url, public: issuer.public }, limit);
const audited = async (bench: Bench) => (await bench.audit()).findings;
async function balanceAt(bench: Bench): Promise<bigint> {
  const { peers } = (await listPeers(bench.place)).json as { peers: { balance: string }[] };
  return BigInt(peers[0]?.balance ?? '0');
}
const paidTo = async (to: Site) => BigInt(String((await to.statement({ vnd: to.vnd }))['balance']));

/** A coin of this value and a payment of it. */
async function payment(value: bigint, to: Site = site) {
  await alice.withdraw([value]);
  const taken = alice.take(value, { change: false });
  const id = challenge();
  return { taken, id, signed: alice.sign(taken, to, id, value) };
}
const stateOf = async (taken: { coins: readonly Parameters<Holder['prove']>[0][] }) => {
  const [coin] = taken.coins;
  return coin && (await alice.prove(coin))['state'];
};
const refused = (order: Order) => other.refused('/v1/ecash/deposit', order);

describe('One coin', () => {
  it('at many sites of both brokers at once is paid once, in total', async () => {
    const shop = await new Site(issuer, 'shop.example').open();
    await alice.withdraw([1n]);
    const taken = alice.take(1n, { change: false });
    const before = [await paidTo(site), await paidTo(shop)];
    const codes = await Promise.all(
      Array.from({ length: 60 }, (_, i) => {
        const paid = alice.sign(taken, i % 2 === 0 ? site : shop, challenge(), 1n);
        if (i % 2 === 0) return refused(at.deposit(paid, false));
        return issuer.refused('/v1/ecash/deposit', shop.order('ecash-deposit/1', { ...paid, hold: false }));
      }),
    );
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(1);
    expect(codes.filter((code) => code === 'coin-spent')).toHaveLength(59);
    const after = [await paidTo(site), await paidTo(shop)];
    expect(after.reduce((sum, one) => sum + one) - before.reduce((sum, one) => sum + one)).toBe(1n);
  });

  it('is paid once however often and under however many order ids the site asks, with the same answer', async () => {
    const { signed } = await payment(2n);
    const before = await paidTo(site);
    const answers = await Promise.all([1, 2, 3, 4].map(() => at.present(signed, false)));
    expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
    expect((await paidTo(site)) - before).toBe(2n);
  });
});

describe('Coins of which one was spent elsewhere', () => {
  it('are refused by the name of that one, so that its holder keeps the others', async () => {
    await alice.withdraw([5n, 2n]);
    const both = alice.take(7n, { change: false });
    const [first, second] = both.coins;
    if (!first || !second) throw new Error('two were taken');
    await alice.swap([first], [alice.keysets.get(first.coin.ks)?.value ?? 1n]);
    const reply = await other.post('/v1/ecash/deposit', at.deposit(alice.sign(both, site, challenge(), 7n), true));
    expect(reply.body).toMatchObject({ code: 'coin-spent', spent: [first.coin.pk] });
    expect(await stateOf({ coins: [second] })).toBe('unspent');
  });
});

describe('A message that is lost', () => {
  it.each(['lose-request', 'lose-answer'] as const)(
    '%s: the same order, and any other for this payment, is answered in the end, and paid once',
    async (fate) => {
      const { signed } = await payment(5n);
      const before = [await paidTo(site), await balanceAt(issuer)];
      const order = at.deposit(signed, false);
      wire.fate = fate;
      const reply = await other.post('/v1/ecash/deposit', order);
      expect([reply.status, reply.body['code'], reply.body['consumed']]).toEqual([503, 'unavailable', 'unknown']);
      expect(await paidTo(site), 'nobody is paid for what is not known').toBe(before[0]);
      wire.fate = 'pass';
      const again = await at.present(signed, false);
      expect(await other.send('/v1/ecash/deposit', order)).toEqual(again);
      expect([await paidTo(site), await balanceAt(issuer)]).toEqual(before.map((one) => (one ?? 0n) + 5n));
      expect(await audited(other)).toEqual([]);
    },
  );

  it('is asked again by the broker itself when the site never comes back', async () => {
    const { signed } = await payment(5n);
    const before = await paidTo(site);
    wire.fate = 'lose-answer';
    await other.post('/v1/ecash/deposit', at.deposit(signed, false));
    wire.fate = 'pass';
    await other.stop();
    await other.start();
    await expect.poll(() => paidTo(site)).toBe(before + 5n);
  });

  it('about a capture or a void is mended by the same order', async () => {
    const [kept, freed] = [await payment(5n), await payment(2n)];
    await at.present(kept.signed, true);
    await at.present(freed.signed, true);
    wire.fate = 'lose-answer';
    const [capture, giveUp] = [at.capture(kept.id), at.giveUp(freed.id)];
    expect(await other.refused('/v1/ecash/capture', capture)).toBe('unavailable');
    expect(await other.refused('/v1/ecash/void', giveUp)).toBe('unavailable');
    wire.fate = 'pass';
    expect(await other.send('/v1/ecash/capture', capture)).toMatchObject({ paid: [kept.id] });
    expect(await other.send('/v1/ecash/void', giveUp)).toMatchObject({ freed: [freed.id] });
    expect(await stateOf(freed.taken)).toBe('unspent');
  });

  it('does not keep a site from giving up what it does not know: the payment is found out first, and then freed', async () => {
    const { taken, signed, id } = await payment(2n);
    wire.fate = 'lose-answer';
    expect(await refused(at.deposit(signed, true))).toBe('unavailable');
    const giveUp = at.giveUp(id);
    expect(await other.refused('/v1/ecash/void', giveUp)).toBe('unavailable');
    expect(await stateOf(taken)).toBe('held');
    wire.fate = 'pass';
    expect(await other.send('/v1/ecash/void', giveUp)).toEqual({ freed: [id], gone: [] });
    expect(await stateOf(taken)).toBe('unspent');
    expect(await at.voidHeld(challenge()), 'what nobody knows').toMatchObject({ freed: [] });
  });

  it('grows old, and a fresh question is asked in its place', async () => {
    const { signed } = await payment(1n);
    wire.fate = 'lose-request';
    const order = at.deposit(signed, false);
    expect(await refused(order)).toBe('unavailable');
    for (const bench of [issuer, other]) bench.offsetMs += limits.requestAgeMs + 1_000;
    wire.fate = 'pass';
    const code = await refused(at.deposit(signed, false));
    expect(code, 'the issuer says that it never saw it').toBe('unavailable');
    expect(await refused(at.deposit(signed, false))).toBe('accepted');
  });

  it('leaves the payment reserved against the limit until it is known', async () => {
    const { signed } = await payment(5n);
    wire.fate = 'lose-answer';
    await refused(at.deposit(signed, true));
    const { peers } = (await listPeers(other.place)).json as { peers: { reserved: string; open: number }[] };
    expect(peers[0]?.open).toBe(1);
    expect(BigInt(peers[0]?.reserved ?? '0')).toBeGreaterThanOrEqual(5n);
    wire.fate = 'pass';
    await at.present(signed, true);
  });
});

describe('The limit of trust', () => {
  it('when it is passed nothing is taken of anybody, and the coins stay good', async () => {
    const { peers } = (await listPeers(other.place)).json as { peers: { balance: string; reserved: string }[] };
    const used = -BigInt(peers[0]?.balance ?? '0') + BigInt(peers[0]?.reserved ?? '0');
    await pinnedBy(used + 6n);
    const [first, second] = [await payment(5n), await payment(2n)];
    await at.present(first.signed, true);
    const before = [await paidTo(site), await balanceAt(issuer)];
    expect(await refused(at.deposit(second.signed, false))).toBe('peer-limit');
    expect(await stateOf(second.taken)).toBe('unspent');
    expect([await paidTo(site), await balanceAt(issuer)]).toEqual(before);
    await at.voidHeld(first.id);
    expect(await refused(at.deposit(second.signed, false)), 'a hold that was given up is no debt').toBe('accepted');
    await pinnedBy(1_000_000n);
  });

  it('holds for payments that come at once', async () => {
    const { peers } = (await listPeers(other.place)).json as { peers: { balance: string; reserved: string }[] };
    const used = -BigInt(peers[0]?.balance ?? '0') + BigInt(peers[0]?.reserved ?? '0');
    await pinnedBy(used + 10n);
    const many = await Promise.all(Array.from({ length: 6 }, () => payment(5n)));
    const codes = await Promise.all(many.map(({ signed }) => refused(at.deposit(signed, false))));
    expect(codes.filter((code) => code === 'accepted')).toHaveLength(2);
    expect(codes.filter((code) => code === 'peer-limit')).toHaveLength(4);
    await pinnedBy(1_000_000n);
  });
});

describe('Coins of nobody that is known here', () => {
  it('of a broker that is no peer are refused, and so are ours under its name', async () => {
    const { signed } = await payment(1n);
    const strange = site.order('ecash-deposit/1', { ...signed, issuer: 'a'.repeat(26), hold: false });
    expect(await refused(strange)).toBe('peer-unknown');
    const own = await new Holder(other).funded();
    await own.withdraw([1n]);
    const ours = own.sign(own.take(1n), site, challenge(), 1n);
    expect(await refused(at.deposit(ours, false))).toBe('keyset-unknown');
    expect(await refused(site.order('ecash-deposit/1', { ...signed, hold: false }))).toBe('keyset-unknown');
    expect(wire.seen.at(-1)?.['order'], 'the issuer was not even asked').not.toMatchObject({
      challengeId: ours['challengeId'],
    });
  });

  it.each<[string, string, (paid: CoinPayment) => CoinPayment]>([
    ['signed for another amount', 'sum-wrong', (paid) => ({ ...paid, amount: '3' })],
    ['signed for another challenge', 'spend-wrong', (paid) => ({ ...paid, challengeId: challenge() })],
    ['with a coin twice', 'coin-repeated', (paid) => ({ ...paid, amount: '4', coins: [...paid.coins, ...paid.coins] })],
  ])('%s are refused before the issuer is asked', async (_, expected, alter) => {
    const { taken, signed } = await payment(2n);
    const asked = wire.seen.length;
    expect(await refused(at.deposit(alter(signed), false))).toBe(expected);
    expect(wire.seen).toHaveLength(asked);
    expect(await stateOf(taken)).toBe('unspent');
  });

  it('of a peer that was removed are refused, while what it holds is still captured', async () => {
    const [held, late] = [await payment(2n), await payment(2n)];
    await at.present(held.signed, true);
    await removePeer(other.place, issuer.public.brk);
    expect(await refused(at.deposit(late.signed, true))).toBe('peer-unknown');
    expect(await at.captureHeld(held.id)).toMatchObject({ paid: [held.id] });
    await pinnedBy(1_000_000n);
  });
});

describe('A broker that hands on something else than its site signed', () => {
  const send = async (order: Order) => issuer.refused('/v1/peers/forward', order);

  it.each<[string, string, (order: Order) => JsonObject]>([
    ['a lower amount', 'signature-invalid', (order) => ({ ...order, amount: '1' })],
    ['another challenge', 'signature-invalid', (order) => ({ ...order, challengeId: challenge() })],
    ['another payee', 'request-malformed', (order) => ({ ...order, vnd: 'mine.example' })],
    ['coins of another issuer', 'request-malformed', (order) => ({ ...order, issuer: other.public.brk })],
    ['another kind of order', 'request-malformed', (order) => ({ ...order, typ: 'ecash-redeem/1' })],
  ])('%s is refused, and the coins stay good', async (_, expected, alter) => {
    const { taken, signed } = await payment(2n);
    const { root, order } = await handedOn(issuer, other, at.deposit(signed, false));
    const inner = order['order'] as Order;
    expect(await send(root.resign({ ...order, order: alter(inner) } as Order))).toBe(expected);
    expect(await stateOf(taken)).toBe('unspent');
    expect(await send((await handedOn(issuer, other, inner)).order)).toBe('accepted');
    await at.present(signed, false);
  });

  it('to itself, in the name of its site: the coins are signed over to the site', async () => {
    const { taken, signed } = await payment(2n);
    const mine = await new Site(other, 'mine.example').open();
    const stolen = foreign(mine, issuer).deposit(signed, false);
    expect(await refused(stolen)).toBe('spend-wrong');
    const { order } = await handedOn(issuer, other, stolen);
    expect(await send(order)).toBe('spend-wrong');
    expect(await stateOf(taken)).toBe('unspent');
  });

  it('or is not known, or vouches for a site of somebody else', async () => {
    const { signed } = await payment(2n);
    const { order } = await handedOn(issuer, other, at.deposit(signed, false));
    expect(await send(new Person(issuer).resign({ ...order, from: new Person(issuer).pk } as Order))).toBe(
      'signature-invalid',
    );
    const stranger = new Person(issuer);
    expect(
      await send(stranger.order('peer-forward/1', { vendor: order['vendor'] ?? {}, order: order['order'] ?? {} })),
    ).toBe('peer-unknown');
    // The same name, registered here by somebody else: the coins may have been meant for that one.
    const namesake = await new Site(issuer, 'twin.example').open();
    const twin = await new Site(other, 'twin.example').open();
    const meant = await payment(2n, namesake);
    expect(await refused(foreign(twin, issuer).deposit(meant.signed, false))).toBe('vendor-taken');
    expect(await present(namesake, meant.signed, false)).toMatchObject({ receipt: { state: 'paid' } });
  });

  it('cannot be paid a second time for what a site of the same key was paid here', async () => {
    const both = await new Site(other, 'both.example').open();
    const here = new Site(issuer, 'both.example');
    Object.assign(here, { seed: both.seed, pk: both.pk });
    await here.open();
    const { signed } = await payment(2n, both);
    await present(here, signed, false);
    expect(await refused(foreign(both, issuer).deposit(signed, false))).toBe('challenge-reused');
    expect(await paidTo(both)).toBe(0n);
  });
});

describe('An issuer that lies', () => {
  it('by denying: the site is refused and nothing is booked', async () => {
    const { signed } = await payment(2n);
    const before = await paidTo(site);
    wire.fate = () => ({ status: 402, body: { code: 'coin-spent', detail: 'no' } });
    const order = at.deposit(signed, false);
    expect(await refused(order)).toBe('coin-spent');
    wire.fate = 'pass';
    expect(await refused(order), 'what was refused stays refused').toBe('coin-spent');
    expect(await paidTo(site)).toBe(before);
  });

  it('or somebody in between, who changes an answer: it says nothing', async () => {
    const { signed } = await payment(2n);
    const order = at.deposit(signed, false);
    wire.fate = ({ status, body }) => ({ status, body: { ...body, at: Number(body['at']) + 1 } });
    expect(await refused(order)).toBe('unavailable');
    wire.fate = 'pass';
    expect(await refused(order)).toBe('accepted');
  });

  it('by signing something else: the site is refused, and its signature is kept', async () => {
    const { signed } = await payment(2n);
    const before = await paidTo(site);
    const { seed } = openKeys(issuer.data, issuer.env());
    const { crypto } = issuer.env();
    wire.fate = ({ status, body }) => {
      const result = body['result'] as JsonObject;
      const { sig: _, ...receipt } = result['receipt'] as JsonObject & { typ: string };
      const less = { ...receipt, typ: receipt.typ, amount: '1' };
      const { sig: __, ...answer } = body as JsonObject & { typ: string };
      const lie = {
        ...answer,
        typ: answer.typ,
        result: { ...result, receipt: { ...less, sig: signObject(less, seed, crypto) } },
      };
      return { status, body: { ...lie, sig: signObject(lie, seed, crypto) } };
    };
    const order = at.deposit(signed, false);
    expect(await refused(order)).toBe('broker-untrusted');
    wire.fate = 'pass';
    expect(await refused(order)).toBe('broker-untrusted');
    expect(await refused(at.deposit(signed, false))).toBe('broker-untrusted');
    expect(await paidTo(site)).toBe(before);
    expect(other.log.at(-1)).toContain('ALARM');
    expect(await audited(other)).toEqual([]);
  });
});

describe('An issuer that lies about a capture', () => {
  it('by signing something that is no answer: the site is refused, and its signature is kept', async () => {
    const { signed, id } = await payment(1n);
    await at.present(signed, true);
    const { seed } = openKeys(issuer.data, issuer.env());
    wire.fate = ({ status, body }) => {
      const { sig: _, ...answer } = body as JsonObject & { typ: string };
      const { paidAt: __, ...less } = body['result'] as JsonObject;
      const lie = { ...answer, typ: answer.typ, result: less };
      return { status, body: { ...lie, sig: signObject(lie, seed, issuer.env().crypto) } };
    };
    const order = at.capture(id);
    expect(await other.refused('/v1/ecash/capture', order)).toBe('broker-untrusted');
    wire.fate = 'pass';
    expect(await other.refused('/v1/ecash/capture', order)).toBe('broker-untrusted');
    expect(await audited(other)).toEqual([]);
    expect(await at.captureHeld(id), 'asked again, it says what is so').toMatchObject({ paid: [id] });
  });
});

describe('Who comes too late', () => {
  it('a site whose hold has ended gets nothing when the coins were spent meanwhile: the window is used by one side', async () => {
    const { taken, signed, id } = await payment(5n);
    await at.present(signed, true);
    await expect(alice.swap(taken.coins, [5n])).rejects.toThrow('coin-spent');
    for (const bench of [issuer, other]) bench.offsetMs += limits.coinHoldMs + 2 * limits.clockSkewMs;
    await issuer.stop();
    await issuer.start();
    await alice.swap(taken.coins, [5n]);
    expect(await at.captureHeld(id)).toMatchObject({ paid: [], gone: [id] });
    expect(await refused(at.deposit(signed, true))).toBe('challenge-expired');
  });

  it('and who never comes leaves nothing reserved when the time of the hold is over', async () => {
    const { signed } = await payment(5n);
    await at.present(signed, true);
    const reserved = async () =>
      ((await listPeers(other.place)).json as { peers: { reserved: string }[] }).peers[0]?.reserved;
    expect(await reserved()).not.toBe('0');
    for (const bench of [issuer, other]) bench.offsetMs += limits.coinHoldMs + 4 * limits.clockSkewMs;
    await other.stop();
    await other.start();
    expect(await reserved()).toBe('0');
  });
});
