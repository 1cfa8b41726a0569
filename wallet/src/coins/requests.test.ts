// Requests for money between people at a real mint, and attacks on them: texts that were altered, answered twice, or caught.

import type { Bench } from '@farthing/broker/testing';
import { boxPublicKey, limits, toBase64url } from '@farthing/protocol';
import { type MoneyRequest, printRequest, readRequest } from '@farthing/protocol/wallet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemoryStore } from '../memory-store.ts';
import { cashOf, codeOf, openHand, startMint } from '../testing/mint.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startMint();
});
afterAll(() => bench[Symbol.asyncDispose]());

const textOf = ({ text = '' }: { text?: string }): string => text;

/** Alice has coins; Bob knows the broker and has nothing. */
async function pair() {
  const alice = await openHand(bench, { topUpMicro: 20_000n });
  await alice.wallet.coins.withdraw({ amountMicro: 10_000n });
  const bob = await openHand(bench);
  await bob.wallet.init({ brokerUrl: bench.url });
  return { alice: alice.wallet, bob: bob.wallet, bobs: bob.store };
}

test('Bob asks, Alice sees what for, and what she gives only Bob can take', async () => {
  const { alice, bob } = await pair();
  const asked = await bob.coins.request({ amountMicro: 1_500n, memo: 'lunch' });
  expect(asked).toMatchObject({ state: 'open', receivedMicro: 0n, link: `${bench.url}/open#${asked.text}` });
  const shown = await alice.coins.readRequest(`look: ${asked.link}`);
  expect(shown).toMatchObject({ amountMicro: 1_500n, memo: 'lunch', brk: asked.brk, words: asked.words });
  expect(shown.words.split(' ')).toHaveLength(4);
  const given = await alice.coins.give({ amountMicro: 1_500n, memo: 'enjoy', request: textOf(asked) });
  expect(given).toMatchObject({ request: asked.id, state: 'given' });

  const thief = await openHand(bench, { topUpMicro: 10n });
  expect(await codeOf(thief.wallet.coins.take(textOf(given)))).toBe('payload-invalid');
  expect(await codeOf((await openHand(bench)).wallet.coins.take(textOf(given)))).toBe('payload-invalid');
  const taken = await bob.coins.take(given.link ?? '');
  expect(taken).toMatchObject({
    memo: 'enjoy',
    record: { amountMicro: 1_500n },
    request: { id: asked.id, state: 'paid' },
  });
  expect((await bob.coins.take(textOf(given))).record).toEqual(taken.record);
  expect([await cashOf(alice), await cashOf(bob)]).toEqual([8_500n, 1_500n]);
  expect(await bob.coins.requests()).toMatchObject([{ id: asked.id, state: 'paid', receivedMicro: 1_500n }]);
});

test('a request is answered once, however often and at once; when the answer was pulled back, again', async () => {
  const { alice, bob } = await pair();
  const request = textOf(await bob.coins.request({ amountMicro: 300n }));
  const given = await Promise.all([1, 2, 3].map(() => alice.coins.give({ amountMicro: 300n, request })));
  const [first] = given;
  expect(new Set(given.map(({ id }) => id)).size).toBe(1);
  expect(await cashOf(alice)).toBe(9_700n);
  await alice.coins.takeBack(first?.id ?? '');
  expect(await codeOf(bob.coins.take(textOf(first ?? {})))).toBe('coin-spent');
  expect(await bob.coins.requests()).toMatchObject([{ state: 'open', receivedMicro: 0n }]);
  const second = await alice.coins.give({ amountMicro: 300n, request });
  expect(second.id).not.toBe(first?.id);
  await bob.coins.take(textOf(second));
  expect((await alice.coins.give({ amountMicro: 300n, request })).id).toBe(second.id);
  expect([await cashOf(alice), await cashOf(bob)]).toEqual([9_700n, 300n]);
});

test('the amount is the one that the person saw, and a request ends', async () => {
  const { alice, bob } = await pair();
  const asked = await bob.coins.request({ amountMicro: 300n });
  const request = textOf(asked);
  expect(await codeOf(alice.coins.give({ amountMicro: 299n, request }))).toBe('sum-wrong');
  const { wallet: other } = await openHand(bench);
  expect(await codeOf(other.coins.give({ amountMicro: 300n, request }))).toBe('no-account');
  await using foreign = await startMint([1n, 10n]);
  const dave = await openHand(foreign, { topUpMicro: 1_000n });
  expect(await codeOf(dave.wallet.coins.give({ amountMicro: 300n, request }))).toBe('no-account');
  expect((await dave.wallet.coins.readRequest(request)).brokerName).toBeUndefined();
  const given = await alice.coins.give({ amountMicro: 300n, request });
  bench.offsetMs += limits.moneyRequestMs + 1000;
  expect(await bob.coins.requests()).toMatchObject([{ state: 'expired' }]);
  expect(await codeOf(alice.coins.give({ amountMicro: 300n, request }))).toBe('payload-invalid');
  // What was given in time is taken whenever it comes.
  await bob.coins.take(textOf(given)).catch(() => undefined);
  bench.offsetMs = 0;
  await bob.coins.take(textOf(given));
  expect(await bob.coins.requests()).toMatchObject([{ state: 'paid' }]);
});

test('a key that was exchanged on the way gets the money, and is seen by the words', async () => {
  const { alice, bob } = await pair();
  const asked = await bob.coins.request({ amountMicro: 300n });
  const thief = new Uint8Array(32).fill(3);
  const forged: MoneyRequest = { ...readRequest(textOf(asked)), to: toBase64url(boxPublicKey(thief)) };
  const shown = await alice.coins.readRequest(printRequest(forged));
  expect(shown.words).not.toBe(asked.words);
  const given = await alice.coins.give({ amountMicro: 300n, request: printRequest(forged) });
  expect(await codeOf(bob.coins.take(textOf(given)))).toBe('payload-invalid');
  await alice.coins.takeBack(given.id);
  expect(await cashOf(alice)).toBe(10_000n);
});

test('too little for a request is taken and told, and more is added up', async () => {
  const { alice, bob } = await pair();
  const asked = await bob.coins.request({ amountMicro: 300n });
  const less = printRequest({ ...readRequest(textOf(asked)), amount: '100' });
  const given = await alice.coins.give({ amountMicro: 100n, request: less });
  expect(await bob.coins.take(textOf(given))).toMatchObject({ request: { state: 'open', receivedMicro: 100n } });
  const carol = await openHand(bench, { topUpMicro: 1_000n });
  await carol.wallet.coins.withdraw({ amountMicro: 500n });
  const rest = await carol.wallet.coins.give({ amountMicro: 300n, request: textOf(asked) });
  expect(await bob.coins.take(textOf(rest))).toMatchObject({ request: { state: 'paid', receivedMicro: 400n } });
});

test('an answer to a request is taken by a wallet that was restored from its words meanwhile', async () => {
  const { alice, bob } = await pair();
  const asked = await bob.coins.request({ amountMicro: 700n });
  const given = await alice.coins.give({ amountMicro: 700n, request: textOf(asked) });
  const { phrase } = await bob.phrase();
  const again = await openHand(bench, { store: new MemoryStore() });
  await again.wallet.restore({ phrase, brokerUrl: bench.url });
  await again.wallet.coins.take(textOf(given));
  expect(await cashOf(again.wallet)).toBe(700n);
});
