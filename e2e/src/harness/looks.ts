// A page in the four looks that people have it in, inspected: no axe violation, nothing wider than its window. Pictures are in
// e2e/out/screens.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { violations } from './accessibility.ts';

const shots = join(import.meta.dirname, '..', '..', 'out', 'screens');
mkdirSync(shots, { recursive: true });

export type Look = {
  readonly name: string;
  readonly theme: 'light' | 'dark';
  readonly language: 'en' | 'ar';
  /** CSS pixels. */
  readonly width: number;
};
export const looks: readonly Look[] = [
  { name: 'light', theme: 'light', language: 'en', width: 380 },
  { name: 'dark', theme: 'dark', language: 'en', width: 380 },
  { name: 'narrow', theme: 'light', language: 'en', width: 320 },
  { name: 'rtl', theme: 'light', language: 'ar', width: 380 },
];

type Chrome = { storage: { local: { set(items: object): Promise<void> } } };

/** A page of ours, loaded anew in this look. */
export async function dress(page: Page, { theme, language, width }: Look, height: number): Promise<void> {
  await page.evaluate((choice) => (globalThis as unknown as { chrome: Chrome }).chrome.storage.local.set(choice), {
    theme,
    language,
  });
  await page.setViewportSize({ width, height });
  await page.reload();
  await page.locator('h1').first().waitFor();
  await page.waitForFunction((dir) => document.documentElement.dir === dir, language === 'ar' ? 'rtl' : 'ltr');
}

export async function inspect(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(shots, `${name}.png`) });
  expect(await violations(page), name).toEqual([]);
  // What a popup hides sideways is cut off as well.
  const cut = await page.evaluate(() => {
    const boxes = [document.documentElement, ...document.querySelectorAll('.popup, .popup > *')];
    return Math.max(...boxes.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
  });
  expect(cut, `${name} is wider than its window`).toBeLessThanOrEqual(0);
}
