// Who does not own a hosted wallet, or is not on its page, pays nothing with it.
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { Twist } from '../testing/authenticator.ts';
import { Bench, Site, USD } from '../testing/client.ts';
import { Guest } from '../testing/hosted.ts';

const bench = new Bench();
let site: Site;
let guest: Guest;
beforeAll(async () => {
  await bench.start({ levelMicro: { 0: 10_000n, 1: 100_000n } });
  site = await new Site(bench).open();
});
beforeEach(async () => {
  guest = new Guest(bench);
  await guest.signUp();
  await guest.faucet(1_000_000n);
});
afterAll(() => bench[Symbol.asyncDispose]());

const another = async (): Promise<Guest> => {
  const other = new Guest(bench);
  await other.signUp();
  await other.faucet(1_000n);
  return other;
};

describe('an assertion', () => {
  it('pays once: the same again is refused', async () => {
    const { pay, options } = await guest.prepare(guest.bill(site.vnd, 100n));
    const body = { pay, response: guest.phone.get(options) };
    expect(await guest.refused('approve', body)).toBe('accepted');
    expect(await guest.refused('approve', body)).toBe('offer-old');
  });

  it('that paid is refused for the same payment prepared anew: its counter goes back', async () => {
    const bill = guest.bill(site.vnd, 100n);
    const first = await guest.prepare(bill);
    const response = guest.phone.get(first.options);
    await guest.ask('approve', { pay: first.pay, response });
    const { pay } = await guest.prepare(bill);
    expect(await guest.refused('approve', { pay, response })).toBe('sign-in-wrong');
  });

  it('for one cheque does not pay another, of another sum, site or challenge', async () => {
    const bill = guest.bill(site.vnd, 100n);
    for (const more of [{ amount: '101' }, { epoid: guest.bill(site.vnd, 1n).epoid }, { exp: bill.exp + 1 }]) {
      const { options } = await guest.prepare(bill);
      const { pay } = await guest.prepare({ ...bill, ...more });
      expect(await guest.refused('approve', { pay, response: guest.phone.get(options) })).toBe('sign-in-wrong');
    }
  });

  it('is needed: a session that a passkey opened pays nothing by itself', async () => {
    const { pay } = await guest.prepare(guest.bill(site.vnd, 100n));
    expect(await guest.refused('approve', { pay })).toBe('sign-in-wrong');
  });

  const twists: [string, Twist][] = [
    ['made on another page', { origin: 'http://localhost.evil.example' }],
    ['made on another port', { origin: 'http://localhost:1' }],
    ['made for another name', { rpId: 'evil.example' }],
    ['of a person who was not checked', { isVerified: false }],
    ['whose counter stands still', { counter: 0 }],
    ['that registers instead', { type: 'webauthn.create' }],
    ['of another question', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
  ];
  it.each(twists)('%s neither signs in nor pays', async (_, twist) => {
    // The counter has gone on since the passkey was made.
    await guest.signIn();
    const asked = (await guest.ask('sign-in')) as { challenge: string };
    expect(await guest.refused('enter', { response: guest.phone.get(asked, twist) })).toBe('sign-in-wrong');
    const { pay, options } = await guest.prepare(guest.bill(site.vnd, 100n));
    expect(await guest.refused('approve', { pay, response: guest.phone.get(options, twist) })).toBe('sign-in-wrong');
  });

  it('of somebody else’s passkey pays nothing of mine', async () => {
    const thief = await another();
    const { pay, options } = await guest.prepare(guest.bill(site.vnd, 100n));
    expect(await guest.refused('approve', { pay, response: thief.phone.get(options) })).toBe('sign-in-wrong');
    const again = await guest.prepare(guest.bill(site.vnd, 100n));
    const response = guest.phone.get(again.options);
    expect(await thief.refused('approve', { pay: again.pay, response })).toBe('offer-old');
  });

  it('to sign in with opens one session', async () => {
    const response = guest.phone.get((await guest.ask('sign-in')) as { challenge: string });
    await guest.ask('enter', { response });
    expect(await new Guest(bench).refused('enter', { response })).toBe('sign-in-wrong');
  });

  it('sent twice at once signs in once, and pays once', async () => {
    const response = guest.phone.get((await guest.ask('sign-in')) as { challenge: string });
    const entered = await Promise.all([1, 2, 3].map(() => new Guest(bench).refused('enter', { response })));
    expect(entered.toSorted()).toEqual(['accepted', 'sign-in-wrong', 'sign-in-wrong']);
    const { pay, options } = await guest.prepare(guest.bill(site.vnd, 100n));
    const body = { pay, response: guest.phone.get(options) };
    const paid = await Promise.all([1, 2, 3].map(() => guest.refused('approve', body)));
    expect(paid.toSorted()).toEqual(['accepted', 'offer-old', 'offer-old']);
  });

  it('comes too late after five minutes', async () => {
    const { pay, options } = await guest.prepare(guest.bill(site.vnd, 100n));
    bench.offsetMs += 301_000;
    expect(await guest.refused('approve', { pay, response: guest.phone.get(options) })).toBe('offer-old');
  });
});

describe('a registration', () => {
  const twists: [string, Twist][] = [
    ['from another page', { origin: 'https://evil.example' }],
    ['for another name', { rpId: 'evil.example' }],
    ['without a check of the person', { isVerified: false }],
  ];
  it.each(twists)('%s opens no wallet', async (_, twist) => {
    await expect(new Guest(bench).signUp(twist)).rejects.toThrow('sign-in-wrong');
  });

  it('answers its question once', async () => {
    const asked = (await guest.ask('sign-up')) as { challenge: string };
    const response = guest.phone.create(asked);
    await guest.ask('register', { response });
    expect(await guest.refused('register', { response })).toBe('sign-in-wrong');
  });

  it('of one more passkey needs the session that asked for it', async () => {
    const asked = (await guest.ask('add-passkey')) as { challenge: string };
    const thief = await another();
    expect(await thief.refused('register', { response: thief.phone.create(asked) })).toBe('sign-in-wrong');
  });
});

describe('a request from another page', () => {
  it.each([
    ['of another origin', { origin: 'https://evil.example' }],
    ['that hides its origin', { origin: 'null' }],
    ['of a frame of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of a sister site', { 'sec-fetch-site': 'same-site' }],
  ])('%s is refused, with the cookie', async (_, headers) => {
    expect((await guest.post('state', { cur: USD }, headers)).body).toMatchObject({ code: 'page-foreign' });
  });

  it('as a form is refused', async () => {
    const { status } = await guest.post('sign-out', {}, { 'content-type': 'text/plain' });
    expect(status).toBe(415);
  });

  it('under another host name is sent on, and answered nothing', async () => {
    const { port } = new URL(guest.origin);
    const at = `http://127.0.0.1:${port}`;
    const page = await fetch(`${at}/pay?site=${site.vnd}`, { redirect: 'manual' });
    expect([page.status, page.headers.get('location')]).toEqual([303, `${guest.origin}/pay?site=${site.vnd}`]);
    const call = await fetch(`${at}/pay/api/state`, {
      method: 'POST',
      headers: { origin: at, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(call.status).toBe(403);
  });

  test('no page frames the wallet, lends it a script, or gets its cookie', async () => {
    const page = await fetch(`${guest.origin}/pay?site=${site.vnd}`);
    const policy = page.headers.get('content-security-policy') ?? '';
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
      expect(policy).toContain(part);
    }
    expect(policy).toContain('form-action https://news.example;');
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
    expect(await page.text()).not.toMatch(/<script(?![^>]*(src=|application\/json))|\son\w+=|style=/);
    const { headers } = await guest.post('enter', {
      response: guest.phone.get((await guest.ask('sign-in')) as { challenge: string }),
    });
    expect(headers.get('set-cookie')).toMatch(
      /^__Host-farthing=[\w-]{43}; Path=\/; .*HttpOnly; Secure; SameSite=Strict$/,
    );
  });

  test('a site cannot write itself into the policy of the page', async () => {
    const evil = new Site(bench, 'evil.example');
    await bench.send('/v1/vendors', evil.registerOrder({ origins: ['https://x;script-src', 'https://evil.example'] }));
    const page = await fetch(`${guest.origin}/pay?site=evil.example`);
    expect(page.headers.get('content-security-policy')).toContain('form-action https://evil.example;');
  });

  test('a site that nobody vouches for gets no form', async () => {
    for (const name of ['nobody.example', '<script>', 'x'.repeat(100)]) {
      const page = await fetch(`${guest.origin}/pay?site=${encodeURIComponent(name)}`);
      expect(page.headers.get('content-security-policy')).toContain("form-action 'none'");
      expect(await page.text()).not.toContain('<script>');
    }
  });
});

describe('a limit', () => {
  it('of the level is one of each payment, and told before anybody signs', async () => {
    expect(await guest.refused('prepare', guest.bill(site.vnd, 100_001n))).toBe('level-too-low');
    expect(await guest.refused('prepare', guest.bill(site.vnd, 100_000n))).toBe('accepted');
  });

  it('of the day holds at the broker, whatever the page prepared', async () => {
    const results: string[] = [];
    for (let n = 0; n < 5; n++) {
      const { cheque, cert } = (await guest.pay(guest.bill(site.vnd, 100_000n))) as Record<string, never>;
      const order = site.order('cheque-capture/1', { cheque, cert, hold: false });
      const { receipt } = await bench.send('/v1/cheque/capture', order);
      results.push(String((receipt as { result: string }).result));
    }
    expect(results).toEqual(['paid', 'paid', 'paid', 'paid', 'refused']);
  });

  it('of the site: a password where it wants a passkey, a passkey where it wants a wallet', async () => {
    expect(await guest.refused('prepare', guest.bill(site.vnd, 1n, { minLevel: 2 }))).toBe('level-too-low');
    const weak = new Guest(bench);
    await weak.byPassword('bob@example.org', 'a long enough one');
    await weak.faucet(50_000n);
    expect(await weak.refused('prepare', weak.bill(site.vnd, 1n, { minLevel: 1 }))).toBe('level-too-low');
    expect(await weak.refused('prepare', weak.bill(site.vnd, 10_001n))).toBe('level-too-low');
    expect(await weak.refused('prepare', weak.bill(site.vnd, 10_000n))).toBe('accepted');
  });

  it('of the money: nothing is prepared that the balance does not cover', async () => {
    const poor = await another();
    const { body } = await poor.post('prepare', poor.bill(site.vnd, 1_500n));
    expect(body).toMatchObject({ code: 'balance-short', shortBy: '500' });
  });

  it('of time: an offer that ends before it could be brought back is asked anew, an endless one is none', async () => {
    const now = Math.floor(bench.env().nowMs / 1000);
    expect(await guest.refused('prepare', guest.bill(site.vnd, 1n, { exp: now + 2 }))).toBe('offer-old');
    expect(await guest.refused('prepare', guest.bill(site.vnd, 1n, { exp: now + 86_400 }))).toBe('request-malformed');
  });
});

describe('guessing', () => {
  it('a password: after five wrong ones even the right one waits, longer each time', async () => {
    const contact = 'cleo@example.org';
    await new Guest(bench).byPassword(contact, 'the right password');
    const thief = new Guest(bench);
    for (let n = 0; n < 5; n++) {
      // Nobody is told whether there is such a wallet, and no code is sent.
      expect(await thief.ask('password', { contact, password: `wrong password ${n}` })).not.toHaveProperty('inbox');
    }
    const { status, body, headers } = await thief.post('password', { contact, password: 'the right password' });
    expect([status, body['code']]).toEqual([429, 'sign-in-wait']);
    bench.offsetMs += Number(headers.get('retry-after')) * 1000;
    expect(await new Guest(bench).byPassword(contact, 'the right password')).toEqual({});
  }, 30_000);

  it('a code: three tries, then a new one is needed; one that was used is used up', async () => {
    const typed = { contact: 'dora@example.org', password: 'yet another password' };
    const { ticket, inbox } = await guest.ask('password', typed);
    const code = /\d{6}/.exec(String(inbox))?.[0] ?? '';
    const wrong = code === '000000' ? '000001' : '000000';
    for (let n = 0; n < 3; n++) expect(await guest.refused('code', { ticket, code: wrong })).toBe('sign-in-wrong');
    expect(await guest.refused('code', { ticket, code })).toBe('sign-in-wrong');
    const next = await guest.ask('password', typed);
    const good = { ticket: next['ticket'], code: /\d{6}/.exec(String(next['inbox']))?.[0] };
    await guest.ask('code', good);
    expect(await guest.refused('code', good)).toBe('sign-in-wrong');
  });

  it('a printed code: five wrong ones for a wallet, then it waits', async () => {
    const code = await new Guest(bench).signUp();
    const wrong = code.slice(0, -4) + (code.endsWith('0000') ? '1111' : '0000');
    for (let n = 0; n < 5; n++) expect(await guest.refused('recover', { code: wrong })).toBe('sign-in-wrong');
    expect(await guest.refused('recover', { code })).toBe('sign-in-wait');
  });

  it('a session: a token that was not given opens nothing', async () => {
    const thief = new Guest(bench);
    thief.cookie = `__Host-farthing=${'A'.repeat(43)}`;
    expect(await thief.ask('state', { cur: USD })).toEqual({});
    expect(await thief.refused('prepare', thief.bill(site.vnd, 1n))).toBe('sign-in-needed');
  });
});

test('a password brings no passkey, and so no higher limit', async () => {
  const weak = new Guest(bench);
  await weak.byPassword('eve@example.org', 'password and code');
  expect(await weak.refused('add-passkey')).toBe('sign-in-needed');
});

test('a session ends after an hour, one by password after a quarter', async () => {
  const weak = new Guest(bench);
  await weak.byPassword('finn@example.org', 'password and code');
  bench.offsetMs += 900_001;
  expect(await weak.ask('state', { cur: USD })).toEqual({});
  expect(await guest.ask('state', { cur: USD })).toHaveProperty('balance');
  bench.offsetMs += 2_700_000;
  expect(await guest.ask('state', { cur: USD })).toEqual({});
});

test('what is signed out stays out, with the old cookie too', async () => {
  const { cookie } = guest;
  await guest.ask('sign-out');
  guest.cookie = cookie;
  expect(await guest.ask('state', { cur: USD })).toEqual({});
});

test('nothing of it is logged', () => {
  expect(bench.log).toEqual([]);
});
