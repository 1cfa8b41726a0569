import { expect, test } from 'vitest';
import { fits, matchesPattern } from './pattern.ts';

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

const charge = { pattern: '/api/*', method: 'GET', session: false };
test.each([
  ['a session takes a request with a body', { ...charge, session: true }, { method: 'GET', hasBody: true }, true],
  ['a single charge is bound to the body that it was asked for', charge, { method: 'GET', hasBody: true }, false],
  ['a single charge takes a request without one', charge, { method: 'GET', hasBody: false }, true],
  ['an offer holds for its own method', { ...charge, session: true }, { method: 'POST', hasBody: false }, false],
])('%s', (_what, entry, request, expected) => {
  expect(fits(entry, { path: '/api/7', ...request })).toBe(expected);
});
