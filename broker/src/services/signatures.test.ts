import { nativeCrypto } from '@farthing/node-kit';
import { toBase64url, utf8 } from '@farthing/protocol';
import { afterAll, expect, test } from 'vitest';
import { isGenuine, pool } from './signatures.ts';

afterAll(() => pool.close());

const seed = new Uint8Array(32).fill(2);
const text = 'farthing/voucher/1\0{}';
const key = toBase64url(nativeCrypto.publicKey(seed));
const sig = toBase64url(nativeCrypto.sign(seed, utf8(text)));
const stranger = toBase64url(nativeCrypto.publicKey(new Uint8Array(32).fill(3)));

test('a signature is good for its text and its key alone', async () => {
  expect(await isGenuine(text, { key, sig })).toBe(true);
  expect(await isGenuine(`${text} `, { key, sig })).toBe(false);
  expect(await isGenuine(text, { key: stranger, sig })).toBe(false);
  expect(await isGenuine(text, { key, sig: toBase64url(new Uint8Array(64)) })).toBe(false);
});

test('B2: keys and signatures of another length, and what is no base64url, are never good', async () => {
  expect(await isGenuine(text, { key: toBase64url(new Uint8Array(31)), sig })).toBe(false);
  expect(await isGenuine(text, { key, sig: sig.slice(0, 84) })).toBe(false);
  expect(await isGenuine(text, { key: `${key}=`, sig })).toBe(false);
  expect(await isGenuine(text, { key, sig: '' })).toBe(false);
});

test('H2: an order that nobody could check is neither taken nor refused for good: it may come again', async () => {
  const asked = isGenuine(text, { key, sig });
  pool.close();
  await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
  expect(await isGenuine(text, { key, sig })).toBe(true);
});
