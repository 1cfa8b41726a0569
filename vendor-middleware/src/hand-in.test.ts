// People without a wallet pay on the broker's page, and come back with the payment: a cookie for exactly one page.
import { request } from 'node:http';
import { textFromBase64url } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialOf, PAY_PAGE, Person } from './testing/person.ts';
import { type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';
import { tinyCheques } from './testing/tiny-cheques.ts';

let site: TestSite;
let cheques: ReturnType<typeof tinyCheques>;
let served: number;
let status = 200;
beforeEach(async () => {
  const broker = await tinyBroker({ pay: PAY_PAGE });
  cheques = tinyCheques(broker);
  [served, status] = [0, 200];
  site = await testSite({ on: broker, methods: ['scrip', 'cheque'], name: 'The Gazette' });
  site.app.use('/farthing', site.pay.routes());
  const wall = site.pay.wall({ price: '0.0005 USD', description: 'A page of tides' });
  for (const path of ['/page', '/page/:n']) {
    site.app.get(path, wall, (_req, res) => void res.status(status).end(`page ${++served}`));
  }
  site.app.get(
    '/map',
    site.pay.sealed({ price: '0.001 USD' }, () => Buffer.from('a map')),
  );
  site.app.post('/order', site.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end('done'));
});
afterEach(async () => {
  await site.close();
  await site.broker.close();
});

const page = (path = '/page') => site.url + path;
const balance = async () => {
  await site.pay.redeemNow();
  return cheques.total();
};

describe('the link of a 402 page', () => {
  it('names the site to the broker’s server, and everything else behind #', async () => {
    const { text, offer } = await new Person().visit(page('/page/2?lang=en'));
    expect(text).toContain('Pay on Tiny broker’s page');
    expect(text).toContain(`href="${PAY_PAGE}?site=${encodeURIComponent(site.pay.vnd)}#`);
    expect(offer?.at).toBe(page('/page/2?lang=en'));
    expect(offer?.challenge).toMatchObject({ method: 'cheque', intent: 'charge', realm: site.pay.vnd });
  });

  it('is not there for sealed goods, which such a page cannot open', async () => {
    expect((await new Person().visit(page('/map'))).offer).toBeUndefined();
  });

  it('is not there where only the key of a wallet is good enough', async () => {
    const strict = await testSite({ on: site.broker, methods: ['cheque'], cheque: { minLevel: 2 } });
    strict.app.get('/page', strict.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end());
    expect((await new Person().visit(`${strict.url}/page`)).offer).toBeUndefined();
    await strict.close();
  });

  it('is not there where a form was sent, nor without such a page or without cheques', async () => {
    const posted = await fetch(page('/order'), { method: 'POST', headers: { accept: 'text/html' } });
    expect([posted.status, (await posted.text()).includes(PAY_PAGE)]).toEqual([402, false]);
    const plain = await testSite({ methods: ['scrip', 'cheque'] });
    plain.app.get('/page', plain.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end());
    expect((await new Person().visit(`${plain.url}/page`)).text).not.toContain('class="button"');
    await plain.close();
  });
});

describe('a payment that is brought back', () => {
  it('shows the page, and again on each reload without another charge', async () => {
    const [person, customer] = [new Person(), cheques.customer(site.pay.vnd)];
    const first = await person.buy(page(), customer);
    expect([first.status, first.text]).toEqual([200, 'page 1']);
    expect(first.headers.get('payment-receipt')).not.toBeNull();
    expect(first.headers.get('cache-control')).toContain('private');
    expect((await person.visit(page())).text).toBe('page 2');
    expect(await balance()).toBe(500n);
  });

  it('is good after a restart of the site: the cookie is the credential', async () => {
    const [person, customer] = [new Person(), cheques.customer(site.pay.vnd)];
    await person.buy(page(), customer);
    const { data, port, broker } = site;
    await site.pay.close();
    const again = await testSite({ on: broker, data, methods: ['scrip', 'cheque'] });
    again.app.get('/page', again.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end('still there'));
    expect((await person.visit(`${again.url}/page`)).text).toBe('still there');
    expect(port).not.toBe(again.port);
    await again.close();
  });

  it('pays once, however often the form is sent', async () => {
    const [person, customer] = [new Person(), cheques.customer(site.pay.vnd)];
    const { offer } = await person.visit(page());
    if (!offer) throw new Error('no offer');
    const form = { credential: credentialOf(offer.challenge, customer), to: '/page' };
    const answers = await Promise.all([1, 2, 3].map(() => person.handIn(site.url, form)));
    expect(answers.map((answer) => answer.status)).toEqual([303, 303, 303]);
    const seen = await Promise.all([1, 2, 3].map(() => person.visit(page())));
    expect(seen.map((one) => one.status)).toEqual([200, 200, 200]);
    expect(await balance()).toBe(500n);
  });

  it.each(['/page?n=', '/page/0?n='])(
    'is one of many at %s: the newest stay, and the header never overflows',
    async (path) => {
      const [person, customer] = [new Person(), cheques.customer(site.pay.vnd)];
      // Above it, and older: what is forgotten may have been set for a shorter path.
      if (path.startsWith('/page/')) for (let n = 0; n < 3; n++) await person.buy(page(`/page?${n}`), customer);
      for (let n = 0; n < 14; n++) expect((await person.buy(page(path + n), customer)).status).toBe(200);
      const before = served;
      expect((await person.visit(page(`${path}13`))).text).toBe(`page ${before + 1}`);
      expect((await person.visit(page(`${path}12`))).status).toBe(200);
      const chars = [...person.cookies.values()].reduce((sum, { value }) => sum + value.length, 0);
      expect(chars).toBeLessThan(12_000);
      const again = await person.visit(page(`${path}0`));
      expect([again.status, again.text.includes('role="alert"')]).toEqual([402, false]);
    },
  );

  it('costs nothing when it never arrives', async () => {
    const [person, customer] = [new Person(), cheques.customer(site.pay.vnd)];
    const { offer } = await person.visit(page());
    if (!offer) throw new Error('no offer');
    credentialOf(offer.challenge, customer);
    expect([(await person.visit(page())).status, await balance()]).toEqual([402, 0n]);
  });

  it('for a page that fails costs nothing, and the page that works is paid once', async () => {
    const [person, customer] = [new Person(), cheques.customer(site.pay.vnd)];
    status = 500;
    expect((await person.buy(page(), customer)).status).toBe(500);
    expect(await balance()).toBe(0n);
    status = 200;
    expect((await person.visit(page())).status).toBe(200);
    expect(await balance()).toBe(500n);
  });

  it('that is too late asks for the price of now, says that nothing was charged, and forgets itself', async () => {
    const broker = await tinyBroker({ pay: PAY_PAGE });
    const books = tinyCheques(broker);
    let lateMs = 0;
    const { nodeEnv } = await import('@farthing/node-kit');
    const env = () => ({ ...nodeEnv(), nowMs: Date.now() + lateMs });
    const late = await testSite({ on: broker, methods: ['cheque'], env });
    late.app.use('/farthing', late.pay.routes());
    late.app.get('/page', late.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end('a page'));
    const person = new Person();
    const { offer } = await person.visit(`${late.url}/page`);
    if (!offer) throw new Error('no offer');
    await person.handIn(late.url, {
      credential: credentialOf(offer.challenge, books.customer(late.pay.vnd)),
      to: '/page',
    });
    lateMs = 301_000;
    const seen = await person.visit(`${late.url}/page`);
    expect([seen.status, seen.text.includes('You were not charged.')]).toEqual([402, true]);
    expect(seen.offer?.challenge.id).not.toBe(offer.challenge.id);
    expect(person.cookies.size).toBe(0);
    await late.close();
    await broker.close();
  });

  it.each([4, 5] as const)(
    'travels in a form that the owner’s parser has read, too, in Express %i',
    async (version) => {
      const owner = await testSite({ on: site.broker, methods: ['cheque'], express: version });
      owner.app.use(owner.express.urlencoded({ extended: false }));
      owner.app.use('/farthing', owner.pay.routes());
      owner.app.get('/page', owner.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end('a page'));
      const seen = await new Person().buy(`${owner.url}/page`, cheques.customer(owner.pay.vnd));
      expect([seen.status, seen.text]).toEqual([200, 'a page']);
      await owner.close();
    },
  );
});

describe('the way back', () => {
  const askAs = (host: string, port: number) =>
    new Promise<string>((resolve, reject) => {
      const headers = { host, accept: 'text/html' };
      request({ port, path: '/page', headers }, async (answer) => {
        const text = (await answer.toArray()).join('');
        const fragment = /\/pay\?site=[^"#]*#([\w-]+)"/.exec(text)?.[1] ?? '';
        resolve(String(JSON.parse(textFromBase64url(fragment) ?? '{}').at));
      })
        .on('error', reject)
        .end();
    });

  it('leads to a registered origin, whatever host a request names', async () => {
    const origins = ['https://news.example', 'https://www.news.example:8443'];
    const web = await testSite({ on: site.broker, methods: ['cheque'], origins });
    web.app.get('/page', web.pay.wall({ price: '0.0005 USD' }), (_req, res) => void res.end());
    expect(await askAs('news.example', web.port)).toBe('https://news.example/page');
    expect(await askAs('WWW.news.example:8443', web.port)).toBe('https://www.news.example:8443/page');
    expect(await askAs('evil.example', web.port)).toBe('https://news.example/page');
    await web.close();
  });
});

it('the cookie is for the page alone, hidden from scripts, and for a day at most', async () => {
  const person = new Person();
  const { offer } = await person.visit(page('/page/7?x=1'));
  if (!offer) throw new Error('no offer');
  const credential = credentialOf(offer.challenge, cheques.customer(site.pay.vnd));
  const answer = await person.handIn(site.url, { credential, to: '/page/7?x=1' });
  expect(answer.headers.get('location')).toBe('/page/7?x=1');
  expect(answer.headers.get('set-cookie')).toMatch(
    /^__Secure-Farthing-[\w-]{22}=[\w-]+; Path=\/page\/7; Max-Age=86400; HttpOnly; Secure; SameSite=Lax$/,
  );
});
