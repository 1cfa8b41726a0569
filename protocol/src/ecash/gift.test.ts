// Gifts and requests as they go from hand to hand, and what is made of them on the way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxPublicKey } from '../core/box.ts';
import { toBase64url } from '../core/bytes.ts';
import { portableCrypto as crypto } from '../core/crypto.ts';
import { seeded } from '../testing/random.ts';
import { isGenuine, isSwap } from './coin.ts';
import { mintOf, NOW_MS } from './fixture.ts';
import {
  type Gift,
  makeGift,
  openGift,
  printGift,
  printSealedGift,
  readGift,
  type SealedGift,
  signedGift,
} from './gift.ts';
import { draft, emptyPurse, finish, type Mint } from './purse.ts';
import { type MoneyRequest, printRequest, readRequest, requestHash } from './request.ts';

const env = { nowMs: NOW_MS, random: seeded(6).bytes, crypto };
const broker = mintOf([{ value: 1n }, { value: 2n }, { value: 5n }]);
const keysets = new Map(broker.keysets.map((keyset) => [keyset.ks, keyset]));
const mint: Mint = { keysets, seed: new Uint8Array(32).fill(1) };
const made = draft(emptyPurse('b1', 'usd-micro'), { values: [2n, 5n] }, mint, env);
const coins = finish(made.planned, made.outputs.map(broker.sign), mint, env);
const gift = makeGift(coins, { brk: 'b1', url: 'https://b.example', cur: 'usd-micro', memo: 'for Bob' }, mint);

const secret = new Uint8Array(32).fill(9);
const request: MoneyRequest = {
  ...{ typ: 'request/1', id: 'AAAAAAAAAAAAAAAAAAAAAA', brk: 'b1', url: 'https://b.example', cur: 'usd-micro' },
  ...{ amount: '7', to: toBase64url(boxPublicKey(secret)), exp: NOW_MS / 1000 + 60, memo: 'tea' },
};

const sealed = (text: string): SealedGift => {
  const found = readGift(text, env);
  if (!('box' in found)) throw new Error('a sealed gift was expected');
  return found;
};
const refused = expect.objectContaining({ code: 'payload-invalid' });

describe('A gift', () => {
  it('is read from text, from a link, and carries all that the receiver needs to make it his', () => {
    const text = printGift(gift);
    expect(readGift(text, env)).toEqual(gift);
    expect(readGift(`https://wallet.example/take#${text}\n`, env)).toEqual(gift);
    const bob: Mint = { ...mint, seed: new Uint8Array(32).fill(23) };
    const mine = draft(emptyPurse('b1', 'usd-micro'), { values: [5n, 2n] }, bob, env);
    const signed = signedGift(gift, mine.outputs, env);
    expect(isSwap(signed, mine.outputs, crypto)).toBe(true);
    expect(signed.every((coin) => isGenuine(coin, keysets.get(coin.ks)?.key ?? broker.of(1n).key))).toBe(true);
  });

  it('of one coin fits a picture of 700 letters, one of three coins a picture of 1,500', () => {
    const [one] = gift.coins;
    expect(one && printGift({ ...gift, coins: [one] }).length).toBeLessThan(700);
    expect(one && printGift({ ...gift, coins: [one, one, one] }).length).toBeLessThan(1500);
  });

  it('with a secret of another coin has no genuine coin', () => {
    const mixed = gift.coins.map((coin, i) => ({ ...coin, key: gift.coins[1 - i]?.key ?? '' }));
    const read = readGift(printGift({ ...gift, coins: mixed }), env) as Gift;
    expect(read.coins.some((coin) => isGenuine(coin, keysets.get(coin.ks)?.key ?? broker.of(1n).key))).toBe(false);
  });

  it.each<[string, string]>([
    ['other text', 'hello'],
    ['half a gift', printGift(gift).slice(0, 300)],
    ['a gift with something behind it', `${printGift(gift)}AAAA`],
    ['a gift with one coin twice', printGift({ ...gift, coins: [...gift.coins, ...gift.coins] })],
    ['something far too long', `farthing-gift:${'A'.repeat(70_000)}`],
    ['a request', printRequest(request)],
  ])('is not read out of %s', (_, text) => {
    expect(() => readGift(text, env)).toThrow(refused);
  });
});

it('bytes of any kind are no gift and no request, and nothing but refused', () => {
  const members = fc.constantFrom('', '{}', '[', '{"typ":"gift/1"}', '{"typ":"sealed-gift/1"}', '{"typ":"request/1"}');
  fc.assert(
    fc.property(members, fc.uint8Array({ maxLength: 700 }), (json, bytes) => {
      const text = Buffer.concat([Buffer.from(json), Buffer.alloc(1), bytes]).toString('base64url');
      expect(() => readGift(`farthing-gift:${text}`, env)).toThrow(refused);
      expect(() => readRequest(`farthing-request:${text}`)).toThrow(refused);
    }),
  );
});

describe('A request', () => {
  it('is read from text and from a link, and its answer is opened by its key alone', () => {
    expect(readRequest(` https://b.example/open#${printRequest(request)}`)).toEqual(request);
    const text = printSealedGift(gift, request, env);
    expect(text).not.toContain(printGift(gift).slice(40, 80));
    const found = sealed(text);
    expect([found.id, found.to]).toEqual([request.id, request.to]);
    expect(openGift(found, secret, env)).toEqual(gift);
    expect(() => openGift(found, new Uint8Array(32).fill(8), env)).toThrow(refused);
  });

  it('has another hash when anything of it is altered, and an answer to it cannot be shown for another one', () => {
    const hash = toBase64url(requestHash(request, crypto));
    for (const change of [
      { amount: '8' },
      { to: toBase64url(boxPublicKey(new Uint8Array(32).fill(8))) },
      { memo: 'Tea' },
    ]) {
      expect(toBase64url(requestHash({ ...request, ...change }, crypto))).not.toBe(hash);
    }
    const found = sealed(printSealedGift(gift, request, env));
    expect(() => openGift({ ...found, id: 'BBBBBBBBBBBBBBBBBBBBBA' }, secret, env)).toThrow(refused);
    expect(() => openGift({ ...found, box: found.box.slice(1) }, secret, env)).toThrow(refused);
  });

  it.each<[string, string]>([
    ['a gift', printGift(gift)],
    ['half a request', printRequest(request).slice(0, 90)],
    ['a request with something behind it', `${printRequest(request)}AAAA`],
    ['a request for nothing', printRequest({ ...request, amount: '0' })],
    ['a request with a memo that is too long', printRequest({ ...request, memo: 'm'.repeat(81) })],
  ])('is not read out of %s', (_, text) => {
    expect(() => readRequest(text)).toThrow(refused);
  });
});
