// Calls that cost by the unit, from a page's script: one opening, then each call is one request and pays once.
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { openStreet, type Street } from '../harness/street.ts';

const CALL = 200n;
const PATIENCE_MS = 900_000;
let street: Street;
let reader: Page;
let site: string;
let before: bigint;
let wireStart: number;
beforeAll(async () => {
  street = await openStreet();
  ({ reader } = street);
  site = street.shop.url;
});
afterAll(() => street.close());
afterEach(() => windowsClosed(street.browser));
beforeEach(async () => {
  await street.desk.setMode(site, 'auto');
  await typeAddress(reader, `${site}/`);
  await reader.getByRole('heading', { name: 'Front page' }).waitFor();
  before = await street.desk.balance();
  wireStart = street.shop.metered.length;
});

const spent = async () => before - (await street.desk.balance());
const wire = () => street.shop.metered.slice(wireStart);
const called = async (names: readonly string[]) =>
  reader.evaluate(async (ids) => {
    const got: unknown[] = [];
    for (const id of ids) got.push((await (await fetch(`/meter/${id}`)).json()).id);
    return got;
  }, names);

describe('calls one after the other', () => {
  it('are asked for money once, and from then on each call is one request', async () => {
    expect(await called(['a', 'b', 'c', 'd'])).toEqual(['a', 'b', 'c', 'd']);
    expect(wire()).toEqual([
      'GET /meter/a asks',
      'GET /meter/a pays',
      'GET /meter/b pays',
      'GET /meter/c pays',
      'GET /meter/d pays',
    ]);
    await expect.poll(spent).toBe(4n * CALL);
  });

  it('are not asked again on the next page of the site', async () => {
    expect(await called(['e', 'f'])).toEqual(['e', 'f']);
    expect(wire()).toEqual(['GET /meter/e pays', 'GET /meter/f pays']);
    await expect.poll(spent).toBe(2n * CALL);
  });

  it('cost each time, also for the same address', async () => {
    expect(await called(['same', 'same', 'same'])).toEqual(['same', 'same', 'same']);
    expect(wire()).toEqual(Array(3).fill('GET /meter/same pays'));
    await expect.poll(spent).toBe(3n * CALL);
  });

  it('carry their bodies with the payment', async () => {
    const echoed = await reader.evaluate(async () => {
      const got: unknown[] = [];
      for (const body of ['one', 'two', 'three'])
        got.push((await (await fetch('/meter', { method: 'POST', body })).json()).echo);
      return got;
    });
    expect(echoed).toEqual(['one', 'two', 'three']);
    expect(wire()).toEqual(['POST /meter asks', 'POST /meter pays', 'POST /meter pays', 'POST /meter pays']);
    await expect.poll(spent).toBe(3n * CALL);
  });

  it('may be XMLHttpRequests', async () => {
    const states = await reader.evaluate(
      () =>
        new Promise((done) => {
          const xhr = new XMLHttpRequest();
          const seen: string[] = [];
          xhr.onreadystatechange = () => seen.push(`${xhr.readyState}:${xhr.status}`);
          xhr.onloadend = () => done([...seen, xhr.responseText]);
          xhr.open('GET', '/meter/x');
          xhr.send();
        }),
    );
    expect(states).toEqual(['1:0', '2:200', '3:200', '4:200', '{"id":"x"}']);
    expect(wire()).toEqual(['GET /meter/x pays']);
    await expect.poll(spent).toBe(CALL);
  });
});

describe('twenty calls at once', () => {
  it('are twenty requests, and each is paid once', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `burst-${n}`);
    const statuses = await reader.evaluate(
      (ids) => Promise.all(ids.map(async (id) => (await fetch(`/meter/${id}`)).status)),
      names,
    );
    expect(statuses).toEqual(Array(20).fill(200));
    expect(wire().toSorted()).toEqual(names.map((name) => `GET /meter/${name} pays`).toSorted());
    await expect.poll(spent).toBe(20n * CALL);
  });
});

describe('a site that has ended the session meanwhile', () => {
  it('charges nothing for its 410; the call opens another and is made once', async () => {
    street.shop.later(PATIENCE_MS);
    expect(await called(['late', 'later'])).toEqual(['late', 'later']);
    expect(wire()).toEqual([
      'GET /meter/late pays',
      'GET /meter/late pays',
      'GET /meter/late asks',
      'GET /meter/late pays',
      'GET /meter/later pays',
    ]);
    await expect.poll(spent).toBe(2n * CALL);
  });
});

describe('a site that is set to Ask', () => {
  it('is asked about once for a burst; Auto lets the rest through', async () => {
    await street.desk.setMode(site, 'ask');
    const question = nextQuestion(street.browser);
    const statuses = reader.evaluate(() =>
      Promise.all([1, 2, 3].map(async (n) => (await fetch(`/meter/q${n}`)).status)),
    );
    const window = await question;
    await window.getByText('per call').waitFor();
    await window.getByText('Auto', { exact: true }).click();
    await window.getByRole('button', { name: /^Pay / }).click();
    expect(await statuses).toEqual([200, 200, 200]);
    await expect.poll(spent).toBe(3n * CALL);
  });
});
