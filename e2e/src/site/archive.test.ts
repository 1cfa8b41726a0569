import { expect, test } from 'vitest';
import { FIRST_YEAR, LAST_YEAR, yearOf } from './archive.ts';

test('every year of the archive has its notices, always the same, and no two years have the same ones', () => {
  const pages = new Set<string>();
  for (let year = FIRST_YEAR; year <= LAST_YEAR; year++) {
    const page = yearOf(String(year));
    expect(page?.paragraphs).toHaveLength(6);
    expect(yearOf(String(year))).toEqual(page);
    pages.add(page?.paragraphs.join() ?? '');
  }
  expect(pages.size).toBe(LAST_YEAR - FIRST_YEAR + 1);
});

test('there is no page for what is no year of the paper', () => {
  for (const text of ['1870', '1971', '01900', '1900.5', 'nineteen', '']) expect(yearOf(text)).toBeUndefined();
});
