import { gzipSync } from 'node:zlib';
import { PaymentProblem, problemCodes } from '@farthing/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { type PageContent, paywallPage } from './page.ts';
import { languages, moneyText, plainPrice, sizeText, texts } from './page-texts.ts';
import { challengesOf, type TestSite, testSite } from './testing/site.ts';

let site: TestSite | undefined;
afterEach(() => site?.close());

const content: PageContent = {
  site: {
    name: 'News',
    vnd: 'news.example',
    test: false,
    broker: { id: 'b', url: 'https://b.example', name: 'Broker' },
  },
  problem: new PaymentProblem('payment-required'),
  quote: { price: { amount: 1500n, currency: 'usd-micro' }, description: undefined },
  text: {},
  body: {},
  language: 'en',
};

test('people get a page, programs a problem, with the same headers and the same challenge', async () => {
  site = await testSite();
  site.app.get(
    '/x',
    site.pay.wall({ price: '0.0015 USD', title: 'The last keeper', teaser: 'Forty years.' }),
    () => {},
  );
  const page = await fetch(`${site.url}/x`, { headers: { accept: 'text/html' } });
  const problem = await fetch(`${site.url}/x`);
  expect([page.status, problem.status]).toEqual([402, 402]);
  for (const name of ['cache-control', 'vary']) expect(page.headers.get(name)).toBe(problem.headers.get(name));
  expect(page.headers.get('cache-control')).toBe('no-store');
  expect(page.headers.get('vary')).toBe(
    'Accept, Accept-Language, Accept-Payment, Authorization, Payment-Authorization, Cookie, Origin',
  );
  expect(page.headers.get('etag')).toBeNull();
  expect(problem.headers.get('content-type')).toBe('application/problem+json');
  const html = await page.text();
  expect(html).toContain('$0.0015');
  expect(html).toContain('0.15 of a cent');
  expect(html).toContain('The last keeper');
  expect(html).toContain('<kbd>Alt</kbd>+<kbd>Shift</kbd>+<kbd>P</kbd>');
  expect(html).toContain('Test mode');
  const block = /<script type="application\/problem\+json" id="challenge">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
  expect(JSON.parse(block).challenges).toEqual(challengesOf(page));
  expect(JSON.parse(await problem.text()).challenges).toEqual(challengesOf(problem));
});

test('the page runs nothing, loads nothing and stays under 10 KB', async () => {
  site = await testSite();
  const text = 'x'.repeat(120);
  site.app.get('/x', site.pay.wall({ price: '0.0015 USD', title: text, teaser: text, description: text }), () => {});
  const page = await fetch(`${site.url}/x`, { headers: { accept: 'text/html' } });
  const html = await page.text();
  const policy = page.headers.get('content-security-policy') ?? '';
  const nonce = /style-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toContain('script-src');
  expect(html).toContain(`<style nonce="${nonce}">`);
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html).not.toMatch(/\s(src|href|on\w+|style)\s*=/i);
  expect(gzipSync(html).length).toBeLessThan(10_240);
  expect(await (await fetch(`${site.url}/x`, { headers: { accept: 'text/html' } })).text()).not.toContain(nonce);
});

test('whatever text a site or a broker gives, it stays text', () => {
  const evil = `</script><script>alert(1)</script><img src=x onerror="a" b='c'>&amp;\u2028<!--`;
  const { html } = paywallPage({
    ...content,
    site: { ...content.site, name: evil, test: true, broker: { ...content.site.broker, name: evil } },
    text: { title: evil, teaser: evil },
    body: { detail: evil },
  });
  expect(html.match(/<script/g)).toHaveLength(1);
  expect(html.match(/<\/script>/g)).toHaveLength(1);
  expect(html).not.toContain('<img');
  expect(html).not.toContain('<!--');
  const block = /id="challenge">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
  expect(JSON.parse(block)).toEqual({ detail: evil });
});

test('a refusal says why and whether it cost anything', () => {
  const said = (consumed: boolean | 'unknown') =>
    paywallPage({ ...content, problem: new PaymentProblem('scrip-spent', { consumed }) }).html;
  expect(said(false)).toContain('The scrip was spent before.</b> You were not charged.');
  expect(said(true)).toContain('was used before');
  expect(said('unknown')).toContain('We do not know yet');
  for (const code of problemCodes)
    expect(paywallPage({ ...content, problem: new PaymentProblem(code) }).html).toContain('</html>');
});

describe('prices in words', () => {
  test.each([
    [1n, '0.0001 of a cent'],
    [1500n, '0.15 of a cent'],
    [9999n, '0.9999 of a cent'],
    [10_000n, '1 cent'],
    [25_000n, '2.5 cents'],
    [100_000n, '10 cents'],
    // From one unit on the figure itself is plain.
    [1_000_000n, undefined],
  ])('%s micro-dollars are %s', (amount, words) => {
    expect(plainPrice({ amount, currency: 'usd-micro' }, 'en')).toBe(words);
  });
});

describe('the reader’s language', () => {
  test.each([
    ['de-AT,de;q=0.9', '<html lang="de" dir="ltr">', '0,15 Cent'],
    ['es', '<html lang="es" dir="ltr">', '0,15 de centavo'],
    ['ar-EG', '<html lang="ar" dir="rtl">', '0.15 من السنت'],
    ['fr, en;q=0.5', '<html lang="en" dir="ltr">', '0.15 of a cent'],
    ['*', '<html lang="en" dir="ltr">', '0.15 of a cent'],
    ['<script>', '<html lang="en" dir="ltr">', '0.15 of a cent'],
  ])('%s gets %s with the price in words', async (accepted, root, words) => {
    site = await testSite();
    site.app.get('/x', site.pay.wall({ price: '0.0015 USD' }), () => {});
    const page = await fetch(`${site.url}/x`, { headers: { accept: 'text/html', 'accept-language': accepted } });
    const html = await page.text();
    expect(html).toContain(root);
    expect(html).toContain(words);
  });
  test('prices are exact in every language, however small or large', () => {
    for (const language of languages) {
      for (const amount of [1n, 1_500n, 9_007_199_254_740_993n]) {
        const digits = moneyText({ amount, currency: 'eur-micro' }, language).replace(/[^0-9٠-٩]/g, '');
        const plain = [...digits].map((digit) => ('٠' <= digit ? String(digit.charCodeAt(0) - 0x660) : digit)).join('');
        expect(BigInt(plain) * 10n ** BigInt(6 - (amount === 1_500n ? 4 : 6))).toBe(amount);
      }
      expect(Object.keys(texts[language])).toEqual(Object.keys(texts.en));
    }
  });
});

test('a file that is sold sealed is named, with its kind and size, before anybody pays', async () => {
  site = await testSite();
  site.app.get(
    '/map.png',
    site.pay.sealed({ price: '0.005 USD', media: 'image/png' }, () => Buffer.alloc(476_614)),
  );
  const html = await (await fetch(`${site.url}/map.png`, { headers: { accept: 'text/html' } })).text();
  expect(html).toContain('<h1 dir="auto">map.png</h1>');
  expect(html).toContain('<bdi dir="ltr">image/png</bdi> · <bdi>477 kB</bdi>');
});

test.each([
  [0, '0 byte'],
  [999, '999 byte'],
  [1000, '1 kB'],
  [104_857_600, '105 MB'],
  [3e15, '3,000 TB'],
])('%d bytes are %s', (bytes, expected) => {
  expect(sizeText(bytes, 'en')).toBe(expected);
});
