// Every way in which a browser asks for something, and every way in which a person says no: each paid once, or not at all.
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { nextQuestion, typeAddress, windowsClosed } from '../harness/desk.ts';
import { openStreet, type Street } from '../harness/street.ts';

const PAGE = 1500n;
const DATA = 200n;
const FORM = 3000n;
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
  await street.desk.setMode(street.site, 'auto');
  await typeAddress(reader, `${street.site}/`);
  await heading('Front page').waitFor();
  before = await street.desk.balance();
  street.proxy.hits.length = 0;
});

const heading = (name: string) => reader.getByRole('heading', { level: 1, name, exact: true });
const spent = async () => before - (await street.desk.balance());
const paid = (path: string) => street.proxy.hits.filter((hit) => hit.paid && hit.url === path);
const hitsOf = (path: string) => street.proxy.hits.filter((hit) => hit.url === path);

describe('a question', () => {
  beforeEach(() => street.desk.setMode(street.site, 'ask'));

  it('that is answered Not now is not put again when the page is loaded again', async () => {
    const url = `${street.site}/article/not-now`;
    const question = nextQuestion(street.browser);
    await typeAddress(reader, url);
    const approve = await question;
    const closed = approve.waitForEvent('close');
    await approve.getByRole('button', { name: 'Not now' }).click();
    await closed;
    await street.desk.state(url, 'declined');
    await reader.reload();
    await street.desk.state(url, 'declined');
    expect([await spent(), paid('/article/not-now')]).toEqual([0n, []]);
  });

  it('is not answered by a click that no person made', async () => {
    const url = `${street.site}/article/forged`;
    const question = nextQuestion(street.browser);
    await typeAddress(reader, url);
    const approve = await question;
    const pay = approve.getByRole('button', { name: /^Pay / });
    await expect.poll(() => pay.getAttribute('aria-disabled')).toBe('false');
    await pay.evaluate((button: HTMLElement) => button.click());
    expect(await street.desk.tell('refresh')).toMatchObject({ waiting: 1 });
    await pay.click();
    await heading('Article forged').waitFor();
    expect(await spent()).toBe(PAGE);
  });

  it('dies with its page: when the person goes elsewhere, its window closes and nothing is paid', async () => {
    const question = nextQuestion(street.browser);
    await typeAddress(reader, `${street.site}/article/left`);
    const approve = await question;
    const closed = approve.waitForEvent('close');
    await typeAddress(reader, `${street.site}/`);
    await closed;
    expect([await spent(), paid('/article/left')]).toEqual([0n, []]);
  });

  it('dies with its tab', async () => {
    const other = await street.browser.context.newPage();
    const question = nextQuestion(street.browser);
    await typeAddress(other, `${street.site}/article/closed`);
    const approve = await question;
    const closed = approve.waitForEvent('close');
    await other.close();
    await closed;
    expect([await spent(), paid('/article/closed')]).toEqual([0n, []]);
  });

  it('of a page’s script waits for its answer, and the script gets what was paid', async () => {
    const question = nextQuestion(street.browser);
    const answer = reader.evaluate(async () => (await fetch('/data/asked')).json());
    await (await question).getByRole('button', { name: /^Pay / }).click();
    expect(await answer).toEqual({ id: 'asked' });
    expect(await spent()).toBe(DATA);
  });
});

describe('a form', () => {
  it('is paid with the same body, sent twice and booked once', async () => {
    await reader.getByRole('button', { name: 'Send' }).click();
    await heading('Thank you').waitFor();
    const sent = hitsOf('/form').map(({ method, body, paid: carried, status }) => ({ method, body, carried, status }));
    const body = 'note=two+eggs+%26+tea';
    expect(sent).toEqual([
      { method: 'POST', body, carried: false, status: 402 },
      { method: 'POST', body, carried: true, status: 200 },
    ]);
    expect(await spent()).toBe(FORM);
  });

  it('of a site that asks is not sent again without a yes', async () => {
    await street.desk.setMode(street.site, 'ask');
    const question = nextQuestion(street.browser);
    await reader.getByRole('button', { name: 'Send' }).click();
    const approve = await question;
    const closed = approve.waitForEvent('close');
    await approve.getByRole('button', { name: 'Not now' }).click();
    await closed;
    expect([hitsOf('/form').length, await spent()]).toEqual([1, 0n]);
  });
});

describe('a script of the page', () => {
  it.each(['URL-encoded', 'multipart'])('that posts a %s body is paid with that body', async (kind) => {
    const status = await reader.evaluate(async (encoded) => {
      const body = encoded ? new URLSearchParams({ note: 'a b' }) : new FormData();
      if (body instanceof FormData) body.set('note', 'a b');
      return (await fetch('/form', { method: 'POST', body })).status;
    }, kind === 'URL-encoded');
    expect(status).toBe(200);
    const [first, second] = hitsOf('/form');
    expect(second?.body).toBe(first?.body);
    expect(await spent()).toBe(FORM);
  });

  it('that uses XMLHttpRequest sees one answer, the paid one, of the type that it asked for', async () => {
    const seen = await reader.evaluate(
      () =>
        new Promise((done) => {
          const request = new XMLHttpRequest();
          const states: number[] = [];
          request.onreadystatechange = () => states.push(request.readyState);
          request.open('GET', '/data/xhr');
          request.responseType = 'json';
          request.onload = () => done({ status: request.status, body: request.response, states });
          request.send();
        }),
    );
    expect(seen).toMatchObject({ status: 200, body: { id: 'xhr' } });
    expect(await spent()).toBe(DATA);
  });

  it('that uses XMLHttpRequest on a site that is set to Never sees the 402', async () => {
    await street.desk.setMode(street.site, 'never');
    const status = await reader.evaluate(
      () =>
        new Promise((done) => {
          const request = new XMLHttpRequest();
          request.open('GET', '/data/never');
          request.onload = () => done(request.status);
          request.send();
        }),
    );
    expect([status, await spent()]).toEqual([402, 0n]);
  });

  it('that fetches 50 addresses at once pays each of them once', async () => {
    const statuses = await reader.evaluate(() =>
      Promise.all(Array.from({ length: 50 }, async (_, n) => (await fetch(`/data/many-${n}`)).status)),
    );
    expect(statuses).toEqual(Array.from({ length: 50 }, () => 200));
    for (let n = 0; n < 50; n++) expect(paid(`/data/many-${n}`).filter(({ status }) => status === 200)).toHaveLength(1);
    await expect.poll(spent).toBe(50n * DATA);
  });
});

describe('an address', () => {
  it('with characters that patterns know is paid as it is, and its fragment costs nothing', async () => {
    const path = '/article/odd?x=*|^&y=(1)';
    await typeAddress(reader, `${street.site}${path}#end`);
    await heading('Article odd').waitFor();
    expect(await spent()).toBe(PAGE);
    await reader.goto(`${street.site}${path}#start`);
    expect(await spent()).toBe(PAGE);
  });

  it('that answers with a redirect to another paid page costs both, once', async () => {
    await typeAddress(reader, `${street.site}/redirect`);
    await heading('Article 50').waitFor();
    await expect.poll(spent).toBe(2n * PAGE);
  });

  it('that is a download is paid and saved', async () => {
    const download = reader.waitForEvent('download');
    await typeAddress(reader, `${street.site}/download`);
    const path = await (await download).path();
    expect(await readFile(path, 'utf8')).toBe('high water');
    await expect.poll(spent).toBe(PAGE);
  });

  it('above the limit of a page asks, and a yes pays this page and leaves the limit as it is', async () => {
    const question = nextQuestion(street.browser);
    await typeAddress(reader, `${street.site}/dear`);
    await (await question).getByRole('button', { name: 'Pay $0.25' }).click();
    await heading('Dear').waitFor();
    expect(await spent()).toBe(250_000n);
    expect(await street.desk.tell('sites')).toMatchObject([{ perPageMicro: { $n: '10000' } }]);
  });

  it('that the browser loads ahead of any wish is never paid', async () => {
    await reader.evaluate(() => {
      const link = Object.assign(document.createElement('link'), { rel: 'prefetch', href: '/article/ahead-1' });
      const rules = Object.assign(document.createElement('script'), {
        type: 'speculationrules',
        textContent: JSON.stringify({
          prefetch: [{ source: 'list', urls: ['/article/ahead-2'], eagerness: 'immediate' }],
          prerender: [{ source: 'list', urls: ['/article/ahead-3'], eagerness: 'immediate' }],
        }),
      });
      document.head.append(link, rules);
    });
    await expect.poll(() => street.proxy.hits.filter(({ url }) => url.includes('/ahead-')).length).toBe(3);
    // A paid page after it: whatever the worker was going to do about the others, it has done.
    await street.desk.state(`${street.site}/`, 'idle');
    await typeAddress(reader, `${street.site}/article/after-ahead`);
    await heading('Article after-ahead').waitFor();
    expect(street.proxy.hits.filter(({ url, paid: carried }) => carried && url.includes('/ahead-'))).toEqual([]);
    expect(await spent()).toBe(PAGE);
  });
});
