// Pictures of a page and bursts of its script's requests: paid by rule, asked for once, refused at once.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { openStreet, type Street } from '../harness/street.ts';

const PICTURE = 1000n;
const DATA = 200n;
let street: Street;
let reader: Page;
let before: bigint;
beforeAll(async () => {
  street = await openStreet();
  ({ reader } = street);
});
afterAll(() => street.close());
afterEach(() => windowsClosed(street.browser));
beforeEach(async () => {
  await typeAddress(reader, `${street.site}/`);
  await reader.getByRole('heading', { name: 'Front page' }).waitFor();
  before = await street.desk.balance();
});

const spent = async () => before - (await street.desk.balance());
const fetchAll = (prefix: string, count: number) =>
  reader.evaluate(
    ([name, size]) =>
      Promise.all(Array.from({ length: Number(size) }, async (_, n) => (await fetch(`/data/${name}-${n}`)).status)),
    [prefix, count] as const,
  );

describe('a picture of the page’s own site', () => {
  const show = (src: string) =>
    reader.evaluate(
      (address) =>
        new Promise((done) => {
          const image = new Image();
          image.onload = () => done(image.naturalWidth);
          image.onerror = () => image.src.includes('#') && done('broken');
          image.src = address;
          document.body.append(image);
        }),
      src,
    );

  it('that has a price appears by itself, where the site is set to Auto', async () => {
    await street.desk.setMode(street.site, 'auto');
    expect(await show('/picture/1')).toBe(40);
    await expect.poll(spent).toBe(PICTURE);
  });

  it('stays away where the site is set to Ask: a picture is no reason for a question', async () => {
    await street.desk.setMode(street.site, 'ask');
    await reader.evaluate(
      () =>
        new Promise((failed) => {
          const image = new Image();
          image.onerror = failed;
          image.src = '/picture/2';
          document.body.append(image);
        }),
    );
    expect(await street.desk.tell('refresh')).toMatchObject({ waiting: 0 });
    expect(await spent()).toBe(0n);
  });
});

describe('six requests of a script at once, on a site that is set to Ask', () => {
  beforeEach(() => street.desk.setMode(street.site, 'ask'));

  it('are one question: its yes to Auto pays all of them', async () => {
    const windows: Page[] = [];
    street.browser.context.on('page', (page) => windows.push(page));
    const question = nextQuestion(street.browser);
    const statuses = fetchAll('yes', 6);
    const approve = await question;
    await approve.getByText('Auto', { exact: true }).click();
    await approve.getByRole('button', { name: /^Pay / }).click();
    expect(await statuses).toEqual([200, 200, 200, 200, 200, 200]);
    await expect.poll(spent).toBe(6n * DATA);
    expect(windows).toHaveLength(1);
  });

  it('are one question: closing its window is Not now to all of them', async () => {
    const question = nextQuestion(street.browser);
    const statuses = fetchAll('no', 6);
    const approve = await question;
    await approve.getByRole('button', { name: /^Pay / }).waitFor();
    await approve.close();
    expect(await statuses).toEqual([402, 402, 402, 402, 402, 402]);
    expect(await spent()).toBe(0n);
  });
});
