// A mint that lies under its own signature, over HTTP: to one wallet about its keys, about coins that it took money for, and
// about what is spent. Nothing is lost, nothing is believed, and its word is kept.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '@farthing/broker/testing';
import { fromBase64url, type Json, type JsonObject, signObject } from '@farthing/protocol';
import { type KeyList, type KeysetRecord, signKeyList } from '@farthing/protocol/broker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../memory-store.ts';
import { cashOf, codeOf, openHand, portsOf, startMint } from '../testing/mint.ts';
import { Wallet } from '../wallet.ts';

let bench: Bench;
let root: Uint8Array;
beforeAll(async () => {
  bench = await startMint([1n, 2n, 5n, 10n]);
  const { root: text } = JSON.parse(readFileSync(join(bench.data, 'keys.json'), 'utf8')) as { root: string };
  root = fromBase64url(text) ?? new Uint8Array();
});
afterAll(() => bench[Symbol.asyncDispose]());

type Lie = (path: string, json: JsonObject) => Json | undefined;

/** The mint's answers, with what `lie` makes of them. Requests are kept by path. */
function liar(lie: Lie) {
  const state = { lie, asked: [] as string[] };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const path = new URL(String(input)).pathname;
    state.asked.push(path);
    const response = await globalThis.fetch(input, init);
    const json = (await response.clone().json()) as JsonObject;
    const said = response.status === 200 ? state.lie(path, json) : undefined;
    return said === undefined ? response : Response.json(said);
  };
  return { state, fetch };
}

const resigned = (answer: JsonObject, result: JsonObject): JsonObject => {
  const { sig: _, ...rest } = answer;
  const unsigned = { ...rest, typ: String(rest['typ']), result };
  return { ...unsigned, sig: signObject(unsigned, root, bench.env().crypto) };
};

/** Changes the blind signatures of an answer, under the broker's own signature. */
const withSignatures =
  (at: string, change: (signatures: Json[]) => Json[]): Lie =>
  (path, answer) => {
    if (path !== at) return undefined;
    const result = answer['result'] as JsonObject & { signatures: Json[] };
    return resigned(answer, { ...result, signatures: change(result.signatures) });
  };

async function victim(lie: Lie) {
  const { state, fetch } = liar(lie);
  const { store } = await openHand(bench, { topUpMicro: 1_000n });
  const wallet = await Wallet.open(portsOf(bench, store, fetch));
  return { state, wallet };
}

test.each([
  ['too few signatures', (signatures: Json[]) => signatures.slice(1)],
  ['none of them', () => []],
  ['signatures at each other’s places', (signatures: Json[]) => [...signatures].reverse()],
  ['a signature of nothing', (signatures: Json[]) => signatures.map(() => `${'A'.repeat(342)}`)],
])(
  '%s for a withdrawal: refused, kept as evidence, and the coins are had when it tells the truth',
  async (_, change) => {
    const { state, wallet } = await victim(withSignatures('/v1/ecash/withdraw', change));
    expect(await codeOf(wallet.coins.withdraw({ amountMicro: 123n }))).toBe('broker-untrusted');
    expect(await cashOf(wallet)).toBe(0n);
    expect((await wallet.evidence()).length).toBe(1);
    expect((await wallet.balance()).brokers[0]).toMatchObject({ accountMicro: 877n, heldMicro: 123n });
    // It lies on when it is asked what it signed.
    state.lie = withSignatures('/v1/ecash/restore', (signatures) => [null, ...signatures.slice(1)]);
    expect(await wallet.recover()).toMatchObject({ open: 1 });
    expect((await wallet.balance()).brokers[0]?.heldMicro).toBe(123n);
    state.lie = () => undefined;
    expect(await wallet.recover()).toEqual({ finished: 1, open: 0 });
    expect(await cashOf(wallet)).toBe(123n);
    const { brokers, totalMicro } = await wallet.balance({ refresh: true });
    expect([totalMicro, brokers[0]?.heldMicro]).toEqual([1_000n, 0n]);
  },
);

test('an answer that the broker did not sign leaves the order open, and the same bytes are sent again', async () => {
  const { state, wallet } = await victim((path, answer) =>
    path === '/v1/ecash/withdraw'
      ? { ...answer, result: { signatures: [], balance: '0', cur: 'usd-micro' } }
      : undefined,
  );
  expect(await codeOf(wallet.coins.withdraw({ amountMicro: 50n }))).toBe('broker-untrusted');
  state.lie = () => undefined;
  expect(await wallet.recover()).toEqual({ finished: 1, open: 0 });
  expect(await cashOf(wallet)).toBe(50n);
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(1_000n);
});

type Listed = { list: KeyList; keysets: KeysetRecord[] };

/** Another list for this wallet, signed by the broker. */
const withList =
  (change: (list: KeyList) => Partial<KeyList>): Lie =>
  (path, json) => {
    if (path !== '/v1/ecash/keysets') return undefined;
    const { list, keysets } = json as unknown as Listed;
    const signed = signKeyList({ ...list, ...change(list) }, root, bench.env().crypto);
    const named = new Set([...signed.keysets, ...signed.revoked]);
    const names = [...list.keysets, ...list.revoked];
    const kept = keysets.filter((_, i) => named.has(names[i] ?? ''));
    return { list: { ...signed }, keysets: kept.map((record) => ({ ...record })) } as unknown as Json;
  };

test.each([
  [
    'another list of the same number',
    (list: KeyList) => ({ revoked: list.keysets.slice(0, 1), keysets: list.keysets.slice(1) }),
  ],
  [
    'a list without a keyset that has not ended',
    (list: KeyList) => ({ no: list.no + 1, keysets: list.keysets.slice(1) }),
  ],
  ['an older list', (list: KeyList) => ({ no: list.no - 1 })],
])('%s for this wallet alone is refused before anything is ordered', async (_, change) => {
  const { state, wallet } = await victim(() => undefined);
  await wallet.coins.withdraw({ amountMicro: 100n });
  state.lie = withList(change);
  state.asked.length = 0;
  expect(await codeOf(wallet.coins.withdraw({ amountMicro: 10n }))).toBe('broker-untrusted');
  expect(await codeOf(wallet.coins.give({ amountMicro: 10n }))).toBe('broker-untrusted');
  expect(new Set(state.asked)).toEqual(new Set(['/v1/ecash/keysets']));
  expect((await wallet.evidence()).map(({ data }) => data)).toMatchObject([{ before: {}, now: {} }]);
  expect(await cashOf(wallet)).toBe(100n);
  state.lie = () => undefined;
  expect(await wallet.coins.give({ amountMicro: 10n })).toMatchObject({ state: 'given' });
});

test('keys that one wallet was shown from the first on are found out by the next hand', async () => {
  const alice = await openHand(bench, { topUpMicro: 100n });
  await alice.wallet.coins.withdraw({ amountMicro: 100n });
  const gift = await alice.wallet.coins.give({ amountMicro: 88n });
  // To Bob the same broker shows a list without the keys that it made for Alice.
  const { state, fetch } = liar(withList((list) => ({ keysets: list.keysets.slice(2) })));
  const bob = await Wallet.open(portsOf(bench, new MemoryStore(), fetch));
  expect(await codeOf(bob.coins.take(gift.text ?? ''))).toBe('keyset-unknown');
  expect(state.asked).not.toContain('/v1/ecash/swap');
  expect(await alice.wallet.coins.takeBack(gift.id)).toMatchObject({ state: 'refunded' });
});

test('a swap that is refused for coins that are not spent leaves them where they were', async () => {
  const { wallet, store } = await openHand(bench, { topUpMicro: 100n });
  await wallet.coins.withdraw({ amountMicro: 20n });
  const gift = await wallet.coins.give({ amountMicro: 5n });
  const refuse: typeof globalThis.fetch = (input, init) =>
    String(input).endsWith('/v1/ecash/swap')
      ? Promise.resolve(Response.json({ code: 'coin-spent' }, { status: 409 }))
      : globalThis.fetch(input, init);
  const lied = await Wallet.open(portsOf(bench, store, refuse));
  expect(await codeOf(lied.coins.takeBack(gift.id))).toBe('coin-spent');
  expect(await lied.coins.gifts()).toMatchObject([{ state: 'given', amountMicro: 5n }]);
  expect(await cashOf(lied)).toBe(15n);
  expect(await wallet.coins.takeBack(gift.id)).toMatchObject({ state: 'refunded', amountMicro: 5n });
  expect(await cashOf(wallet)).toBe(20n);
});
