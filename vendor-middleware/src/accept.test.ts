import { expect, test } from 'vitest';
import { wantsPage } from './accept.ts';

test.each([
  ['text/html', true],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
  ['TEXT/HTML', true],
  ['text/html;level=1', true],
  ['text/html, application/json', true],
  ['text/html;q=0.5, application/json;q=0.5', true],
  ['text/html;q=0.9, */*;q=0.8', true],
  ['text/html;q=0.5, application/json', false],
  ['text/html;q=0.5, application/problem+json;q=0.6', false],
  ['text/html;q=0.5, */*', false],
  ['text/html;q=0.5, application/*;q=0.9', false],
  ['text/html;q=0', false],
  ['text/html;q=2', false],
  ['text/html;q=nonsense', false],
  ['text/*', false],
  ['*/*', false],
  ['application/json', false],
  ['application/problem+json', false],
  ['image/avif,image/webp,*/*;q=0.8', false],
  ['', false],
  [undefined, false],
  ['text', false],
  [`${'a/b,'.repeat(600)}text/html`, false],
])('Accept %s asks for a page: %s', (accept, page) => {
  expect(wantsPage(accept)).toBe(page);
});
