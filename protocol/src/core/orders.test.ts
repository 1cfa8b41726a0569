import { describe, expect, it } from 'vitest';
import { boxPublicKey, openBox, sealBox } from './box.ts';
import { fromBase64url, toBase64url, utf8 } from './bytes.ts';
import { type Env, portableCrypto } from './crypto.ts';
import { canonicalJson } from './json.ts';
import {
  brokerId,
  checkOrder,
  makeAnswer,
  makeOrder,
  printAnswer,
  printOrder,
  readAnswer,
  readBrokerKeys,
} from './orders.ts';
import { signingText, signObject, textsOf } from './sign.ts';

let counter = 0;
const env: Env = { nowMs: 1_790_000_000_000, random: (n) => new Uint8Array(n).fill(++counter), crypto: portableCrypto };
const seed = new Uint8Array(32).fill(7);
const brokerSeed = new Uint8Array(32).fill(8);
const root = portableCrypto.publicKey(brokerSeed);
const broker = { brk: brokerId(root, portableCrypto), seed: brokerSeed, root: toBase64url(root) };
const order = makeOrder('faucet/1', { amount: '5', cur: 'usd-micro' }, seed, env);

describe('orders', () => {
  it('its canonical JSON and the text that is signed come out of one pass', () => {
    expect(textsOf(order)).toEqual({ body: canonicalJson(order), signed: signingText(order) });
  });
  it('what was written out before is not written again, and the order is the same', () => {
    const claims = [{ root: 'r', cum: '5' }];
    const now = { ...env, random: (n: number) => new Uint8Array(n) };
    const known = new Map([[claims, canonicalJson(claims)]]);
    const printed = printOrder('redeem/1', { prev: '', claims }, seed, { ...now, known });
    expect(printed).toEqual(printOrder('redeem/1', { prev: '', claims }, seed, now));
    expect(printed.body).toBe(canonicalJson(printed.order));
    expect(() => checkOrder(printed.order, portableCrypto)).not.toThrow();
  });
  it('a signed order verifies', () => expect(() => checkOrder(order, portableCrypto)).not.toThrow());
  it.each(['typ', 'from', 'rid', 'amount', 'cur'] as const)('an altered %s does not', (name) =>
    expect(() => checkOrder({ ...order, [name]: `${String(order[name])}x` }, portableCrypto)).toThrow(
      /signature-invalid/,
    ),
  );
  it('E4: the signature of one kind of order is worthless for another', () =>
    expect(() => checkOrder({ ...order, typ: 'voucher/1' }, portableCrypto)).toThrow(/signature-invalid/));
});

describe('answers', () => {
  const answer = makeAnswer(order, { balance: '5' }, broker, env);
  it('is printed as canonical JSON', () => {
    expect(printAnswer(order, { balance: '5' }, broker, env)).toBe(canonicalJson(answer));
  });
  it('the answer of this broker to this order is read', () =>
    expect(readAnswer(answer, order, broker, portableCrypto)).toEqual({ balance: '5' }));
  it.each([
    ['an altered result', { ...answer, result: { balance: '6' } }],
    ['the answer to another request', { ...answer, rid: makeOrder('faucet/1', {}, seed, env).rid }],
    ['an answer of another kind', { ...answer, typ: 'voucher/1-answer' }],
    ['no signature', { ...answer, sig: 'A'.repeat(86) }],
    ['nothing', null],
  ])('B2: %s is not trusted', (_, json) =>
    expect(() => readAnswer(json, order, broker, portableCrypto)).toThrow(/broker-untrusted/),
  );
});

describe('the key list of a broker', () => {
  const unsigned = {
    typ: 'keys/1' as const,
    brk: broker.brk,
    root: broker.root,
    box: toBase64url(boxPublicKey(new Uint8Array(32).fill(9))),
    name: 'Demo',
    test: true,
    currencies: ['usd-micro' as const],
    at: 1_790_000_000,
  };
  const keys = { ...unsigned, sig: signObject(unsigned, brokerSeed, portableCrypto) };
  it('is accepted when its own root signed it', () =>
    expect(readBrokerKeys(keys, fromBase64url, portableCrypto, broker.brk).name).toBe('Demo'));
  it('is refused under another name, altered, or from a broker that was not expected', () => {
    expect(() => readBrokerKeys({ ...keys, brk: 'aaaaaaaaaaaaaaaaaaaaaaaaaa' }, fromBase64url, portableCrypto)).toThrow(
      /broker-untrusted/,
    );
    expect(() => readBrokerKeys({ ...keys, test: false }, fromBase64url, portableCrypto)).toThrow(/broker-untrusted/);
    expect(() => readBrokerKeys(keys, fromBase64url, portableCrypto, 'b1')).toThrow(/broker-untrusted/);
  });
});

describe('sealed boxes', () => {
  const secret = new Uint8Array(32).fill(3);
  const box = sealBox(boxPublicKey(secret), utf8('scrip secrets'), 'licence x', env);
  it('open with the key and context they were sealed for', () =>
    expect(openBox(secret, box, 'licence x')).toEqual(utf8('scrip secrets')));
  it('do not open otherwise', () => {
    expect(openBox(secret, box, 'licence y')).toBeUndefined();
    expect(openBox(new Uint8Array(32).fill(4), box, 'licence x')).toBeUndefined();
    expect(
      openBox(
        secret,
        box.map((b, i) => (i === 40 ? b ^ 1 : b)),
        'licence x',
      ),
    ).toBeUndefined();
    expect(openBox(secret, new Uint8Array(10), 'licence x')).toBeUndefined();
  });
});
