// A1–A10: for no spelling of a request target, method or header that Express routes to a paid handler does the handler
// run without a payment. Oracle: runs of the handler, counted by the handler.
import type { IRouter } from 'express';
import { afterEach, describe, expect, test } from 'vitest';
import { rawRequest } from './testing/raw.ts';
import { buy, type TestSite, testSite } from './testing/site.ts';

let site: TestSite;
afterEach(() => site.close());

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Spellings of one path: letter case, slashes, escapes of 0 to 3 layers, dots, parameters, broken escapes, absolute form. */
function spellings(path: string): string[] {
  const [, first = '', second = ''] = path.split('/');
  const escaped = [...first].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join('');
  const twice = escaped.replaceAll('%', '%25');
  const base = [
    path,
    path.toUpperCase(),
    `/${first.toUpperCase()}/${second}`,
    `${path}/`,
    `${path}//`,
    `/${path}`,
    `//${first}//${second}`,
    `/${first}\\${second}`,
    `\\${first}\\${second}`,
    `/${escaped}/${second}`,
    `/${twice}/${second}`,
    `/${twice.replaceAll('%', '%25')}/${second}`,
    `/${first}%2F${second}`,
    `/${first}%2f${second}`,
    `/${first}%252F${second}`,
    `/${first}/${second}%2F`,
    `/${first}/%2e%2e/${first}/${second}`,
    `/./${first}/${second}`,
    `/x/../${first}/${second}`,
    `/${first}/./${second}`,
    `/${first}/${second}/..`,
    `/${first};a=b/${second}`,
    `/${first}/${second};a=b`,
    `/${first}/${second}%00`,
    `/${first}/${second}%`,
    `/${first}/%zz`,
    `/${first}/%C0%AF`,
    `/${first}/${second}?`,
    `/${first}/${second}?a=1&a=2`,
    `/${first}/${second}?/free`,
    `/${first}/${second}#frag`,
    `/${first}/${second}.json`,
    `/${first}/${second}%20`,
    `/${first}/${second}%09`,
    `/${first}/\xe9`,
  ];
  const hosts = [
    'http://site.test',
    'http://evil.test',
    'https://evil.test:99',
    'HTTP://SITE.TEST',
    'http://user:pw@evil.test',
  ];
  return [
    ...base,
    ...hosts.flatMap((host) => [`${host}${path}`, `${host}${path}/`, `${host}/${first.toUpperCase()}/${second}`]),
  ];
}

const HEADERS: readonly (readonly string[])[] = [
  [],
  ['X-Original-URL: /free/x', 'X-Rewrite-URL: /free/x', 'X-Forwarded-Host: evil.test', 'X-Forwarded-Prefix: /free'],
  ['X-HTTP-Method-Override: OPTIONS', 'Forwarded: for=1.2.3.4;host=evil.test;proto=https'],
  ['Upgrade: websocket', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', 'Sec-WebSocket-Version: 13'],
  ['Authorization: Payment', 'Range: bytes=0-1', 'If-None-Match: *'],
];

type Mount = (made: TestSite, run: () => void) => void;

const route = (router: IRouter, { pay }: TestSite, { run, path }: { run: () => void; path: string }) =>
  router.all(path, pay.wall({ price: '0.0015 USD' }), (_req, res) => {
    run();
    res.send('paid content');
  });

const mounts: [string, Mount][] = [
  ['the bare app', (made, run) => void route(made.app, made, { run, path: '/paid/:id' })],
  [
    'a mounted router',
    (made, run) => {
      const router = made.express.Router();
      route(router, made, { run, path: '/:id' });
      made.app.use('/paid', router);
    },
  ],
  [
    'a strict, case-sensitive router',
    (made, run) => {
      const router = made.express.Router({ strict: true, caseSensitive: true });
      route(router, made, { run, path: '/paid/:id' });
      made.app.use(router);
    },
  ],
  [
    'a wall in front of a whole folder',
    (made, run) => {
      made.app.use('/paid', made.pay.wall({ price: '0.0015 USD' }), (_req, res) => {
        run();
        res.send('paid content');
      });
    },
  ],
];

describe.each([5, 4] as const)('on Express %i', (express) => {
  test.each(mounts)('no spelling runs the paid handler of %s unpaid', async (_name, mount) => {
    site = await testSite({ express });
    let runs = 0;
    mount(site, () => runs++);
    const targets = spellings('/paid/one');
    let asked = 0;
    let gated = 0;
    for (const target of targets) {
      const answers = await Promise.all(
        METHODS.flatMap((method) => HEADERS.map((headers) => rawRequest(site.port, `${method} ${target}`, headers))),
      );
      asked += answers.length;
      for (const [i, { status, head, body }] of answers.entries()) {
        const what = `${METHODS[Math.floor(i / HEADERS.length)]} ${target}`;
        expect(body, what).not.toContain('paid content');
        // No crash, and no content: asked to pay, not found, bad request, or an answer to OPTIONS.
        expect([402, 404, 400, 204, 200], `${what}: ${head}`).toContain(status);
        if (status === 402) gated++;
        if (status === 200) expect(what).toMatch(/^OPTIONS/);
      }
      expect(runs, target).toBe(0);
    }
    expect(asked).toBe(targets.length * METHODS.length * HEADERS.length);
    // The table would prove nothing if no spelling reached the wall.
    expect(gated).toBeGreaterThan(targets.length);
    const { answer } = await buy(`${site.url}/paid/one`, site.broker.sell(10_000n)[0]);
    expect([await answer.text(), runs]).toEqual(['paid content', 1]);
  });
});

test('A10: realm, recipient and price come from configuration, whatever host the request names', async () => {
  site = await testSite();
  site.app.get('/paid/:id', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('x'));
  for (const line of ['GET /paid/1', 'GET http://evil.test/paid/1']) {
    const { head } = await rawRequest(site.port, line, ['X-Forwarded-Host: evil.test']);
    expect(head).toContain(`realm="${site.pay.vnd}"`);
    expect(head).not.toContain('evil');
  }
});

test('A6: HEAD is asked to pay like GET, and a credential of one does not serve the other', async () => {
  site = await testSite();
  let runs = 0;
  site.app.get('/paid', site.pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send(`run ${++runs}`));
  const [piece] = site.broker.sell(10_000n);
  const { paid } = await buy(`${site.url}/paid`, piece);
  const head = await fetch(`${site.url}/paid`, { method: 'HEAD', headers: { authorization: paid.header } });
  expect([head.status, runs]).toEqual([402, 1]);
});
