import { expect, test } from 'vitest';
import { matchesPattern } from './pattern.ts';

test.each([
  ['/article/*', '/article/7'],
  ['/article/*', '/article/a%2Fb'],
  ['/a/*/b/*', '/a/1/b/2'],
  ['/exact', '/exact'],
])('%s holds for %s', (pattern, path) => {
  expect(matchesPattern(pattern, path)).toBe(true);
});

test.each([
  ['/article/*', '/article/'],
  ['/article/*', '/article/7/more'],
  ['/article/*', '/Article/7'],
  ['/article/*', '/article'],
  ['/exact', '/exact/'],
  ['/a.c', '/abc'],
])('%s does not hold for %s', (pattern, path) => {
  expect(matchesPattern(pattern, path)).toBe(false);
});
