// What comes back from the page of a broker was in the hands of a browser: a foreign payment, another page, another site.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { credentialOf, PAY_PAGE, Person, type Seen } from './testing/person.ts';
import { type TestSite, testSite } from './testing/site.ts';
import { tinyBroker } from './testing/tiny-broker.ts';
import { tinyCheques } from './testing/tiny-cheques.ts';

let site: TestSite;
let cheques: ReturnType<typeof tinyCheques>;
beforeEach(async () => {
  const broker = await tinyBroker({ pay: PAY_PAGE });
  cheques = tinyCheques(broker);
  site = await testSite({ on: broker, methods: ['cheque'] });
  site.app.use('/farthing', site.pay.routes());
  const cheap = site.pay.wall({ price: '0.0005 USD' });
  site.app.get('/page/:n', cheap, (req, res) => void res.end(`page ${req.params['n']}`));
  site.app.get('/dear', site.pay.wall({ price: '0.009 USD' }), (_req, res) => void res.end('dear'));
});
afterEach(async () => {
  await site.close();
  await site.broker.close();
});

const page = (path: string) => site.url + path;
async function offered(person: Person, path: string): Promise<NonNullable<Seen['offer']>> {
  const { offer } = await person.visit(page(path));
  if (!offer) throw new Error('no offer');
  return offer;
}
const paid = async (person: Person, path = '/page/1') =>
  credentialOf((await offered(person, path)).challenge, cheques.customer(site.pay.vnd));

describe('the form', () => {
  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['a page without origin', { origin: 'null' }],
    ['the broker’s host on another port', { origin: 'https://broker.example:8443' }],
  ])('from %s is refused, and no cookie is set', async (_, headers) => {
    const person = new Person();
    const answer = await person.handIn(site.url, { credential: await paid(person), to: '/page/1' }, headers);
    expect([answer.status, answer.headers.get('set-cookie'), answer.headers.get('location')]).toEqual([
      403,
      null,
      null,
    ]);
  });

  it.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '/\t/evil.example/',
    'javascript:alert(1)',
    'page/1',
    '/page/1\r\nSet-Cookie: a=b',
    '/../page/1',
    '',
    `/${'x'.repeat(5000)}`,
  ])('leads nowhere but to a path of this site: %j', async (to) => {
    const person = new Person();
    const answer = await person.handIn(site.url, { credential: await paid(person), to });
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null]);
    expect(person.cookies.size).toBe(0);
  });

  it('with a challenge that is edited, or of another site, sets no cookie', async () => {
    const person = new Person();
    const { challenge } = await offered(person, '/page/1');
    const customer = cheques.customer(site.pay.vnd);
    for (const more of [{ realm: 'other.example' }, { expires: '2099-01-01T00:00:00Z' }, { opaque: 'e30' }]) {
      const credential = Buffer.from(JSON.stringify({ challenge: { ...challenge, ...more }, payload: {} })).toString(
        'base64url',
      );
      expect((await person.handIn(site.url, { credential, to: '/page/1' })).status).toBe(402);
    }
    // And one with the price edited down does not pay, whatever the cheque says.
    const request = Buffer.from(JSON.stringify({ amount: '1' })).toString('base64url');
    const cheap = credentialOf({ ...challenge, request: challenge.request }, customer, { amount: 1n });
    await person.handIn(site.url, { credential: cheap, to: '/page/1' });
    expect((await person.visit(page('/page/1'))).status).toBe(402);
    const edited = Buffer.from(JSON.stringify({ challenge: { ...challenge, request }, payload: {} })).toString(
      'base64url',
    );
    expect((await person.handIn(site.url, { credential: edited, to: '/page/1' })).status).toBe(402);
  });

  it.each([
    ['without a payment', {}],
    ['with garbage', { credential: 'AAAA' }],
    ['that is endless', { credential: 'A'.repeat(20_000) }],
  ])('%s is refused', async (_, form) => {
    const answer = await new Person().handIn(site.url, { to: '/page/1', ...form });
    expect([400, 402, 413]).toContain(answer.status);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  it('of another type is refused, and so is any other method', async () => {
    const json = await fetch(page('/farthing/hand-in'), {
      method: 'POST',
      headers: { origin: new URL(PAY_PAGE).origin, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(json.status).toBe(415);
    expect((await fetch(page('/farthing/hand-in'))).status).toBe(405);
  });

  it('is not taken at all where the broker has no such page', async () => {
    const plain = await testSite({ methods: ['cheque'] });
    plain.app.use('/farthing', plain.pay.routes());
    expect((await new Person().handIn(plain.url, { credential: 'AAAA', to: '/' })).status).toBe(403);
    await plain.close();
  });
});

describe('the cookie', () => {
  it('of one page is nothing to another, below it or with another query', async () => {
    const person = new Person();
    await person.buy(page('/page/1'), cheques.customer(site.pay.vnd));
    for (const { value } of person.cookies.values()) {
      for (const path of ['/page/2', '/page/1?x=1', '/dear']) {
        const [[name = ''] = []] = [...person.cookies];
        const seen = await new Person().visit(page(path), { cookie: `${name}=${value}` });
        expect([path, seen.status, seen.text.includes('role="alert"')]).toEqual([path, 402, false]);
      }
    }
  });

  it('renamed for another page of the same price is refused: the payment has served its page', async () => {
    const person = new Person();
    await person.buy(page('/page/1'), cheques.customer(site.pay.vnd));
    const [{ value = '' } = {}] = [...person.cookies.values()];
    const { createHash } = await import('node:crypto');
    const name = `__Secure-Farthing-${createHash('sha256').update('GET /page/2').digest('base64url').slice(0, 22)}`;
    const seen = await new Person().visit(page('/page/2'), { cookie: `${name}=${value}` });
    expect([seen.status, seen.text.includes('challenge-reused')]).toEqual([402, true]);
    await site.pay.redeemNow();
    expect(cheques.total()).toBe(500n);
  });

  it('of a dear page is not paid by a cheque for a cheap one', async () => {
    const person = new Person();
    const credential = await paid(person, '/page/1');
    await person.handIn(site.url, { credential, to: '/dear' });
    const seen = await person.visit(page('/dear'));
    expect([seen.status, seen.text.includes('challenge-mismatch')]).toEqual([402, true]);
    expect(person.cookies.size).toBe(0);
  });

  it('pays for no other method than GET, and steps back behind a wallet’s own payment', async () => {
    const person = new Person();
    const credential = await paid(person, '/page/1');
    await person.handIn(site.url, { credential, to: '/page/1' });
    const [[name = '', { value = '' } = {}] = []] = [...person.cookies];
    const head = await fetch(page('/page/1'), { method: 'HEAD', headers: { cookie: `${name}=${value}` } });
    expect(head.status).toBe(402);
    const broken = await person.visit(page('/page/1'), { authorization: 'Payment AAAA' });
    expect(broken.status).toBe(402);
    expect(person.cookies.size).toBe(1);
    expect((await person.visit(page('/page/1'))).status).toBe(200);
  });

  it('that is garbage asks for money like none, and is forgotten', async () => {
    const person = new Person();
    await person.handIn(site.url, { credential: await paid(person), to: '/page/1' });
    const [[name = ''] = []] = [...person.cookies];
    for (const value of ['', 'AAAA', '"x"', 'A'.repeat(4000)]) {
      const seen = await new Person().visit(page('/page/1'), { cookie: `${name}=${value}` });
      expect([seen.status, /Max-Age=0/.test(seen.headers.get('set-cookie') ?? '')]).toEqual([402, true]);
    }
  });
});
