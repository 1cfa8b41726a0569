import { expect, test } from 'vitest';
import { nameOf, sizeText } from './name.ts';

test.each([
  ['/print/skerry-point.png', 'skerry-point.png'],
  ['../../.bashrc', 'bashrc'],
  ['..\\..\\run.exe', 'run.exe'],
  ['a\u202egnp.exe', 'a_gnp.exe'],
  ['/', 'goods'],
  ['books/Die Möwe.pdf', 'Die Möwe.pdf'],
])('a site that calls its goods %j has them saved as %j', (item, name) => {
  expect(nameOf(item)).toBe(name);
});

test.each([
  [0, '0 byte'],
  [999, '999 byte'],
  [1000, '1 kB'],
  [1_234_567, '1.2 MB'],
  [3_000_000_000_000_000, '3,000 TB'],
])('%d bytes are %s', (bytes, text) => {
  expect(sizeText(bytes, 'en')).toBe(text);
});
