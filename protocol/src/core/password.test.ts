// What opens a secret that is sealed under a password, and what does not.
import { expect, test } from 'vitest';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.ts';
import { type Env, portableCrypto } from './crypto.ts';
import { openUnder, readPassword, sealUnder } from './password.ts';

let drawn = 0;
const env: Env = { nowMs: 0, random: (length) => new Uint8Array(length).fill(++drawn), crypto: portableCrypto };
const key = new Uint8Array(32).fill(5);

test('what was sealed opens with the same key in the same context, and two seals of it differ', () => {
  const [one, two] = [
    sealUnder(key, utf8('twelve words'), 'mine', env),
    sealUnder(key, utf8('twelve words'), 'mine', env),
  ];
  expect([one, two].map((sealed) => fromUtf8(openUnder(key, sealed, 'mine') ?? new Uint8Array()))).toEqual([
    'twelve words',
    'twelve words',
  ]);
  expect(one).not.toBe(two);
});

test('another key, another context, and a change of any byte open nothing', () => {
  const sealed = sealUnder(key, utf8('twelve words'), 'mine', env);
  expect(openUnder(new Uint8Array(32).fill(6), sealed, 'mine')).toBeUndefined();
  expect(openUnder(key, sealed, 'yours')).toBeUndefined();
  const bytes = fromBase64url(sealed) ?? new Uint8Array();
  for (let at = 0; at < bytes.length; at++) {
    const altered = bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    expect([at, openUnder(key, toBase64url(altered), 'mine')]).toEqual([at, undefined]);
  }
  for (const cut of ['', sealed.slice(0, 20), sealed.slice(0, -4), `${sealed}=`]) {
    expect(openUnder(key, cut, 'mine')).toBeUndefined();
  }
});

test('a password is the same in every way of typing it, and is neither short nor endless', () => {
  expect(readPassword('Zürich-Straße')).toEqual(readPassword('Zu\u0308rich-Straße'));
  for (const weak of ['', 'sieben7', '🦊'.repeat(7), 'a'.repeat(1025)]) {
    expect(() => readPassword(weak)).toThrowError(expect.objectContaining({ code: 'password-weak' }));
  }
  expect(readPassword('🦊'.repeat(8))).toHaveLength(32);
});
