import { beforeEach, expect, test, vi } from 'vitest';

const front = { id: 7, url: 'https://news.example/a' };
let own: object | undefined;
let found: object[];
vi.mock('../browser.ts', () => ({
  browser: { tabs: { getCurrent: async () => own, query: async () => found } },
}));
const { tabBelow } = await import('./below.ts');

beforeEach(() => {
  own = undefined;
  found = [front];
});

test('a popup stands over the tab in front', async () => {
  expect(await tabBelow()).toBe(front);
});

test('screens in a tab of their own stand over nothing, though the browser keeps the address of that tab to itself', async () => {
  own = { id: 8 };
  found = [{ id: 8 }];
  expect(await tabBelow()).toBeUndefined();
});

test('a window without tabs has nothing below', async () => {
  found = [];
  expect(await tabBelow()).toBeUndefined();
});
