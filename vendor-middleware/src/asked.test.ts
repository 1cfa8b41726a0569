import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Asked } from './asked.ts';

const keys = fc.oneof(
  fc.tuple(fc.constantFrom('k1.', 'k2.', '', 'payword:'), fc.integer({ min: 0, max: 100 })).map(([a, n]) => `${a}${n}`),
  fc.constantFrom(
    'k1.01',
    'k1.1',
    'k1.001',
    'k1.',
    'k1.-1',
    `k1.${10 ** 14}`,
    `k1.1${'0'.repeat(15)}`,
    `k1.1${'0'.repeat(16)}`,
  ),
  fc.string({ unit: fc.constantFrom('0', '1', '3', 'k', '.') }),
);

test('what was asked is known, and nothing else, whatever the keys look like', () => {
  fc.assert(
    fc.property(fc.array(keys), fc.array(keys), (asked, others) => {
      const known = new Set(asked);
      const ours = new Asked();
      for (const key of asked) ours.add(key);
      expect(ours.size).toBe(known.size);
      for (const key of [...asked, ...others]) expect([key, ours.has(key)]).toEqual([key, known.has(key)]);
    }),
  );
});
