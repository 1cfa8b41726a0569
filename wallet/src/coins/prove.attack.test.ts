// Proofs for third parties, with a real broker and a real site: what they say, and what cannot be made of them.
import { nativeCrypto, nativeRsa } from '@farthing/node-kit';
import { type Json, makeOrder, toBase64url } from '@farthing/protocol';
import { type CoinProof, checkCoinProof, nonceFor, type ProvenCoins } from '@farthing/protocol/wallet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { payingFetch } from '../paying-fetch.ts';
import { type Market, openMarket } from '../testing/market.ts';
import { codeOf } from '../testing/mint.ts';

let market: Market;
beforeAll(async () => {
  market = await openMarket(
    (app, pay) => app.get('/page/:id', pay.wall({ price: '0.0025 USD' }), (_req, res) => void res.send('a page')),
    {},
    {
      mint: [100n, 200n, 500n, 1000n, 2000n, 5000n, 10_000n],
      site: { methods: ['ecash'], ecash: { denominations: ['0.0005 USD', '0.002 USD'] } },
    },
  );
}, 60_000);
afterAll(() => market.close());

const check = (proof: Json | CoinProof): ProvenCoins => checkCoinProof(proof, { crypto: nativeCrypto, rsa: nativeRsa });

function refusal(proof: unknown): string {
  try {
    checkCoinProof(JSON.parse(JSON.stringify(proof)), { crypto: nativeCrypto, rsa: nativeRsa });
    return 'it holds';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** A customer who paid a page, for which the site was paid by the broker since. */
async function payer() {
  const { wallet } = await market.customer({ topUpMicro: 100_000n });
  await wallet.setRule(market.origin, { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n });
  await payingFetch(market.fetch, wallet)(`${market.origin}/page/1`);
  await market.pay.redeemNow();
  const record = (await wallet.history()).find(({ kind, site }) => kind === 'payment' && site === market.origin);
  if (!record) throw new Error('a page was paid');
  return { wallet, id: record.id };
}

/** With one member changed, wherever it stands; everything else as it was. */
const changed = (proof: CoinProof, path: readonly (string | number)[], value: unknown): unknown => {
  const copy = structuredClone(proof) as unknown as Record<string | number, unknown>;
  let at = copy;
  for (const name of path.slice(0, -1)) at = at[name] as Record<string | number, unknown>;
  at[path.at(-1) ?? ''] = value;
  return copy;
};

test('a payer proves a payment: to whom, how much and when, of which broker, and for whom the proof is', async () => {
  const { wallet, id } = await payer();
  const proof = await wallet.coins.prove({ id, for: 'case 7' });
  expect(check(JSON.parse(JSON.stringify(proof)))).toMatchObject({
    ...{ state: 'paid', brk: market.broker.brk, test: true, for: 'case 7', coins: 2, valueMicro: 2_500n },
    payment: { vnd: expect.stringMatching(/^site-/), amountMicro: 2_500n, atMs: expect.any(Number) },
  });
  // No other coin of the wallet is named.
  expect(JSON.stringify(proof).match(/"pk":/g)).toHaveLength(2);
});

test('a holder proves that a coin was never spent, and that a gift was taken', async () => {
  const { wallet } = await payer();
  await wallet.coins.withdraw({ amountMicro: 10_000n });
  const [coin] = await wallet.coins.each();
  const proof = await wallet.coins.prove({ id: coin?.pk ?? '' });
  expect(check(proof)).toMatchObject({ state: 'unspent', coins: 1, valueMicro: coin?.valueMicro });
  const gift = await wallet.coins.give({ amountMicro: 300n });
  expect(check(await wallet.coins.prove({ id: gift.id }))).toMatchObject({ state: 'unspent', valueMicro: 300n });
  const { wallet: bob } = await market.customer({ topUpMicro: 0n });
  await bob.coins.take(gift.text ?? '');
  expect(check(await wallet.coins.prove({ id: gift.id }))).toMatchObject({ state: 'swapped', valueMicro: 300n });
  expect(await codeOf(bob.coins.prove({ id: gift.id }))).toBe('not-found');
});

test('nothing of a proof can be changed, left out or added', async () => {
  const { wallet, id } = await payer();
  const proof = await wallet.coins.prove({ id, for: 'case 7' });
  const other = await payer();
  const foreign = await other.wallet.coins.prove({ id: other.id, for: 'case 7' });
  const [first] = proof.coins;
  const deposit = ['coins', 0, 'answer', 'result', 'deposit'];
  const attacks: [string, unknown, string][] = [
    ['shown to somebody else', changed(proof, ['for'], 'case 8'), 'made for somebody else'],
    ['with another nonce', { ...proof, for: 'case 8', nonce: nonceFor('case 8', nativeCrypto) }, 'another proof'],
    ['of no case', { ...proof, for: undefined, nonce: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'another proof'],
    ['of a higher amount', changed(proof, [...deposit, 'amount'], '9000000'), 'not signed by this broker'],
    ['for another site', changed(proof, [...deposit, 'vnd'], 'shop.example'), 'not signed by this broker'],
    ['of another time', changed(proof, ['coins', 0, 'answer', 'at'], 1), 'not signed by this broker'],
    ['of another fate', changed(proof, ['coins', 0, 'answer', 'result', 'state'], 'unspent'), 'not signed by this'],
    ['with a coin left out', { ...proof, coins: [first] }, 'a coin of the payment is missing'],
    ['with a coin twice', { ...proof, coins: [first, first] }, 'twice'],
    [
      'with somebody else’s coin beside',
      { ...proof, coins: [...proof.coins, ...foreign.coins] },
      'a coin of the payment',
    ],
    [
      'with somebody else’s coin',
      changed(proof, ['coins', 0, 'coin'], foreign.coins[0]?.coin),
      'not by the key of its coin',
    ],
    [
      'with an answer of another coin',
      changed(proof, ['coins', 0, 'answer'], proof.coins[1]?.answer),
      'not signed by this',
    ],
    [
      'with another coin’s signature',
      changed(proof, ['coins', 0, 'coin', 'sig'], proof.coins[1]?.coin.sig),
      'not of this broker',
    ],
    ['with a keyset of more value', changed(proof, ['keysets', 0, 'denom'], '500000000'), 'keyset is not signed'],
    ['without its keyset', { ...proof, keysets: proof.keysets.slice(1) }, 'not of this broker'],
    ['of a broker with another name', changed(proof, ['broker', 'name'], 'Central Bank'), 'the key of the broker'],
    ['with more in it', { ...proof, note: 'genuine' }, 'this is no proof'],
  ];
  expect(refusal(proof)).toBe('it holds');
  for (const [what, made, why] of attacks) expect([what, refusal(made)]).toEqual([what, expect.stringContaining(why)]);
});

test('who saw a coin cannot prove anything of it, and a coin that nobody signed is none', async () => {
  const { wallet, id } = await payer();
  const proof = await wallet.coins.prove({ id, for: 'case 7' });
  const env = { nowMs: Date.now(), random: (length: number) => new Uint8Array(length).fill(4), crypto: nativeCrypto };
  const seed = new Uint8Array(32).fill(4);
  const nonce = nonceFor('thief', nativeCrypto);
  const order = makeOrder('ecash-prove/1', { nonce }, seed, env);
  const reply = await fetch(`${market.broker.url}/v1/ecash/prove`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });
  const answer = (await reply.json()) as Json;
  const [first] = proof.coins;
  const base = { ...proof, for: 'thief', nonce };
  const own = { ks: first?.coin.ks, pk: toBase64url(nativeCrypto.publicKey(seed)), sig: first?.coin.sig };
  expect(refusal({ ...base, coins: [{ coin: own, order, answer }] })).toContain('not of this broker');
  expect(refusal({ ...base, coins: [{ coin: first?.coin, order, answer }] })).toContain('not by the key of its coin');
  const forged = { ...order, from: first?.coin.pk };
  expect(refusal({ ...base, coins: [{ coin: first?.coin, order: forged, answer }] })).toContain(
    'not signed by the key',
  );
});
