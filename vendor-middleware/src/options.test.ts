import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { bindingSecrets } from './binding-secrets.ts';
import {
  checkFarthingOptions,
  checkSealedOptions,
  checkStreamOptions,
  checkWallOptions,
  type WallOptions,
} from './options.ts';
import { SetupError } from './setup-error.ts';

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'fine';
  } catch (error) {
    if (error instanceof SetupError) return error.code;
    throw error;
  }
};

test('an unknown option is refused with the nearest name', () => {
  const typo: object = { price: '1 USD', setle: 'upfront' };
  expect(() => checkWallOptions(typo as WallOptions)).toThrow(/no option 'setle': did you mean 'settle'/);
  expect(() => checkFarthingOptions(Object.assign({ broker: 'x', data: 'y' }, { orgin: 'z' }))).toThrow(/'origin'/);
});

test.each([
  [{ price: '0.0015 USD' }, 'fine'],
  [{ price: () => '1 USD' }, 'fine'],
  [{ price: '1 USD', free: { count: 3, per: 'day' } }, 'fine'],
  [{ price: '0 USD' }, 'price-invalid'],
  [{ price: '-1 USD' }, 'price-invalid'],
  [{ price: '1e3 USD' }, 'price-invalid'],
  [{ price: '0.0000001 USD' }, 'price-invalid'],
  [{ price: '1 DOGE' }, 'price-invalid'],
  [{ price: 5 }, 'option-invalid'],
  [{}, 'option-invalid'],
  [{ price: '1 USD', settle: 'later' }, 'option-invalid'],
  [{ price: '1 USD', header: 'X-Pay' }, 'option-invalid'],
  [{ price: '1 USD', free: { count: 0, per: 'day' } }, 'option-invalid'],
  [{ price: '1 USD', free: { count: 1, per: 'week' } }, 'option-invalid'],
  [{ price: '1 USD', free: { count: 1, per: 'day', by: 'ip' } }, 'option-unknown'],
  [{ price: '1 USD', description: 'x'.repeat(121) }, 'option-invalid'],
  [{ price: '1 USD', scope: 'a\nb' }, 'option-invalid'],
  [{ price: '1 USD', cors: ['nonsense'] }, 'option-invalid'],
  [{ price: '1 USD', unit: 'call', units: 5 }, 'fine'],
  [{ price: '1 USD', unit: 'call', units: () => 5 }, 'fine'],
  [{ price: '1 USD', units: 5 }, 'option-invalid'],
  [{ price: '1 USD', unit: '' }, 'option-invalid'],
  [{ price: '1 USD', unit: 'call', units: 0 }, 'option-invalid'],
  [{ price: '1 USD', unit: 'call', units: 1.5 }, 'option-invalid'],
])('wall(%j) is %s', (options: object, code) => {
  expect(codeOf(() => checkWallOptions(options as WallOptions))).toBe(code);
});

test.each([
  [{}, 'fine'],
  [{ denominations: ['0.001 USD', '0.002 USD'] }, 'fine'],
  [{ denominations: ['0.001 USD', '0.001 EUR'] }, 'fine'],
  [{ denominations: [], online: false }, 'option-invalid'],
  [{ denominations: [] }, 'fine'],
  [{ online: 'no' }, 'option-invalid'],
  [{ denominations: '0.001 USD' }, 'option-invalid'],
  [{ denominations: [0.001] }, 'option-invalid'],
  [{ denominations: ['0.001 USD', '0.0010 USD'] }, 'option-invalid'],
  [{ denominations: ['0 USD'] }, 'price-invalid'],
  [{ denominations: ['0.001'] }, 'price-invalid'],
  [{ denominations: ['1 USD', '2 USD', '5 USD', '10 USD', '20 USD', '50 USD', '100 USD'] }, 'option-invalid'],
  [{ denomination: ['1 USD'] }, 'option-unknown'],
])('ecash: %j is %s', (ecash: object, code) => {
  expect(codeOf(() => checkFarthingOptions({ broker: 'https://b.example', data: 'd', ecash }))).toBe(code);
});

test.each([
  [{}, 'fine'],
  [{ type: 'audio/mpeg', holdMs: 1000 }, 'fine'],
  [{ unit: undefined }, 'option-invalid'],
  [{ units: 5 }, 'option-unknown'],
  [{ settle: 'success' }, 'option-unknown'],
  [{ free: { count: 1, per: 'day' } }, 'option-unknown'],
  [{ holdMs: 60_001 }, 'option-invalid'],
  [{ type: 'a\r\nb' }, 'option-invalid'],
])('stream(%j) is %s', (options: object, code) => {
  const given = { price: '1 USD', unit: 'second', ...options };
  expect(codeOf(() => checkStreamOptions(given, async function* () {}))).toBe(code);
});

test('a stream needs a source', () => {
  expect(codeOf(() => checkStreamOptions({ price: '1 USD', unit: 'second' }, undefined))).toBe('option-invalid');
});

test.each([
  [{ methods: ['scrip', 'payword'] }, 'fine'],
  [{ methods: [] }, 'option-invalid'],
  [{ methods: ['gold'] }, 'option-invalid'],
  [{ methods: ['scrip', 'scrip'] }, 'option-invalid'],
  [{ payword: { fundings: ['prepaid'], maxStep: 10_000, idleMs: 86_400_000 } }, 'fine'],
  [{ payword: { fundings: [] } }, 'option-invalid'],
  [{ payword: { maxStep: 10_001 } }, 'option-invalid'],
  [{ payword: { idleMs: 86_400_001 } }, 'option-invalid'],
  [{ payword: { pol: '1 USD' } }, 'option-unknown'],
])('farthing(%j) is %s', (options: object, code) => {
  expect(codeOf(() => checkFarthingOptions({ broker: 'x', data: 'y', ...options }))).toBe(code);
});

const own = () => new Uint8Array(randomBytes(32));

test.each([
  ['', 'secret-missing'],
  [[], 'secret-missing'],
  [['', randomBytes(32)], 'secret-missing'],
  ['short', 'secret-weak'],
  [randomBytes(31), 'secret-weak'],
  [new Uint8Array(64), 'secret-weak'],
  ['ab'.repeat(32), 'secret-weak'],
  ['correct horse battery staple 0123456789', 'secret-weak'],
  ['changeme-changeme-changeme-please-1234567', 'secret-weak'],
  [[randomBytes(32), 'short'], 'secret-weak'],
])('a missing or weak secret is refused (%#)', (secret, code) => {
  expect(codeOf(() => bindingSecrets(secret, own))).toBe(code);
});

test('good secrets are taken in order, and without one the own is used', () => {
  const [a, b] = [new Uint8Array(randomBytes(32)), new Uint8Array(randomBytes(48))];
  expect(bindingSecrets([a, b], own)).toEqual([a, b]);
  expect(bindingSecrets(a.slice(), own)).toEqual([a]);
  expect(bindingSecrets(undefined, () => a)).toEqual([a]);
});

test.each<[object, unknown, string]>([
  [{ price: '1 USD' }, () => 'a', 'fine'],
  [{ price: '1 USD', item: 'A map', media: 'image/png' }, () => 'a', 'fine'],
  [{ price: '1 USD', item: () => 'A map' }, () => 'a', 'fine'],
  [{ price: '1 USD', item: 'x'.repeat(81) }, () => 'a', 'option-invalid'],
  [{ price: '1 USD', item: 'a\nb' }, () => 'a', 'option-invalid'],
  [{ price: '1 USD', item: 5 }, () => 'a', 'option-invalid'],
  [{ price: '1 USD', media: 'png' }, () => 'a', 'option-invalid'],
  [{ price: '1 USD', settle: 'upfront' }, () => 'a', 'option-unknown'],
  [{ price: '1 USD', free: { count: 1, per: 'day' } }, () => 'a', 'option-unknown'],
  [{ price: '1 USD', description: 'A map' }, () => 'a', 'option-unknown'],
  [{ price: '1 USD' }, './map.png', 'option-invalid'],
])('sealed(%j) is %s', (options, source, expected) => {
  expect(codeOf(() => checkSealedOptions(options as WallOptions, source))).toBe(expected);
});

test.each<[object, string]>([
  [{ cheque: { offlineMax: '0.50', minLevel: 1, captures: ['now', 'deferred'] } }, 'fine'],
  [{ cheque: { offlineMax: 'much' } }, 'option-invalid'],
  [{ cheque: { offlineMax: '0' } }, 'option-invalid'],
  [{ cheque: { minLevel: 3 } }, 'option-invalid'],
  [{ cheque: { captures: [] } }, 'option-invalid'],
  [{ cheque: { captures: ['later'] } }, 'option-invalid'],
  [{ cheque: { limit: '1' } }, 'option-unknown'],
  [{ goods: { folder: './goods', maxBytes: 1_000_000 } }, 'fine'],
  [{ goods: { folder: '' } }, 'option-invalid'],
  [{ goods: { maxBytes: 0.5 } }, 'option-invalid'],
  [{ goods: { size: 1 } }, 'option-unknown'],
])('a site with %j is %s', (options, expected) => {
  expect(codeOf(() => checkFarthingOptions({ broker: 'x', data: 'y', ...options }))).toBe(expected);
});
