import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pack, unpack } from './codec.ts';

test('amounts of any size come back exact', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n })), (amounts) => {
      const travelled = JSON.parse(JSON.stringify(pack({ amounts })));
      expect(unpack(travelled)).toEqual({ amounts });
    }),
  );
});

test('absent members stay absent', () => {
  expect(pack({ a: undefined, b: null })).toEqual({ b: null });
});

test('an object that only looks like an amount stays an object', () => {
  expect(unpack({ $n: 'not a number' })).toEqual({ $n: 'not a number' });
});
