import { limits } from '@farthing/protocol';
import { describe, expect, test } from 'vitest';
import { readWish } from './prefer.ts';

describe('the wish of a companion to wait', () => {
  test.each([
    ['wait=10', { waitMs: 10_000, low: 0 }],
    ['Wait="10"; foo=bar, PAYMENT-LOW=3', { waitMs: 10_000, low: 3 }],
    ['respond-async, payment-low=2, wait=0', { waitMs: 0, low: 2 }],
    ['wait=10, wait=20', { waitMs: 10_000, low: 0 }],
    ['wait=999999', { waitMs: limits.companionWaitMs, low: 0 }],
    ['wait=5, payment-low=999999999', { waitMs: 5000, low: limits.sessionUnits }],
    ['wait=5, payment-low=-1', { waitMs: 5000, low: 0 }],
    ['wait=5, payment-low=many', { waitMs: 5000, low: 0 }],
  ])('%s is read', (header, wish) => {
    expect(readWish(header)).toEqual(wish);
  });

  test.each([
    undefined,
    '',
    'wait',
    'wait=',
    'wait=-1',
    'wait=1.5',
    'wait=1e3',
    'wait=99999999999999999999',
    'wait="1',
    'payment-low=3',
    'await=3',
    `wait=3, x=${'y'.repeat(500)}`,
    ','.repeat(400),
  ])('%s is none', (header) => {
    expect(readWish(header)).toBeUndefined();
  });
});
