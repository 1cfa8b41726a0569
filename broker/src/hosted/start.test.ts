// Where hosted wallets are, and where they are not.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Bench } from '../testing/client.ts';
import { Guest } from '../testing/hosted.ts';
import { hostedOrigin } from './hosted.ts';

let bench: Bench | undefined;
afterEach(async () => {
  await bench?.[Symbol.asyncDispose]();
  bench = undefined;
});

describe('the page', () => {
  it('is on in test mode, and its address is signed with the broker’s keys', async () => {
    bench = await new Bench().start();
    const { origin } = new Guest(bench);
    expect(bench.public.pay).toBe(`${origin}/pay`);
    expect((await fetch(`${origin}/pay`)).status).toBe(200);
  });

  it('answers other methods, and other paths, like the rest of the broker', async () => {
    bench = await new Bench().start();
    const { origin } = new Guest(bench);
    const seen = async (path: string, method: string) => {
      const answer = await fetch(origin + path, { method });
      return [answer.status, answer.headers.get('allow')];
    };
    expect(await seen('/pay', 'PUT')).toEqual([405, 'GET, HEAD']);
    expect(await seen('/pay/api/state', 'GET')).toEqual([405, 'POST']);
    expect(await seen('/pay/api/nothing', 'POST')).toEqual([404, null]);
    expect(await seen('/pay/../pay/nothing.js', 'GET')).toEqual([404, null]);
    expect(await seen('/payments', 'GET')).toEqual([404, null]);
  });

  it('is off elsewhere: there is no such path, and no address', async () => {
    bench = await new Bench().start({ test: false });
    expect(bench.public.pay).toBeUndefined();
    expect((await fetch(`${bench.url}/pay`)).status).toBe(404);
  });

  it('needs https and a name: without them a broker that should have one does not start', async () => {
    for (const publicUrl of ['http://broker.example', 'https://192.0.2.1', 'https://[2001:db8::1]']) {
      await expect(new Bench().start({ test: false, hosted: true, publicUrl })).rejects.toThrow('need https');
    }
  });

  it('is where the keys of its wallets are: a secret that cannot be read stops the start', async () => {
    const other = new Bench();
    writeFileSync(join(other.data, 'hosted.json'), '{}', { mode: 0o600 });
    await expect(other.start({ hosted: true })).rejects.toThrow('restore it from a backup');
    rmSync(other.data, { recursive: true });
  });
});

describe('the terminal with a password', () => {
  const typed = { contact: 'ann@example.org', password: 'tides and lanterns' };

  it('is not there without a sender of codes', async () => {
    bench = await new Bench().start({ test: false, hosted: true });
    const guest = new Guest(bench);
    expect(await (await fetch(`${guest.origin}/pay`)).text()).not.toContain('password-form');
    expect(await guest.refused('password', typed)).toBe('not-found');
  });

  it('sends its codes, and shows them to nobody', async () => {
    const letters: { to: string; code: string; text: string }[] = [];
    const sendCode = async (letter: (typeof letters)[number]) => void letters.push(letter);
    bench = await new Bench().start({ test: false, hosted: true, sendCode });
    const guest = new Guest(bench);
    const { ticket, ...more } = await guest.ask('password', typed);
    expect([more, letters.map(({ to }) => to)]).toEqual([{}, ['ann@example.org']]);
    expect(letters[0]?.text).toContain(letters[0]?.code);
    await guest.ask('code', { ticket, code: letters[0]?.code });
    expect(await guest.balance()).toBe(0n);
  });

  it('answers alike when a code cannot be sent, and the log says so without code and address', async () => {
    const sendCode = () => Promise.reject(new Error('no line'));
    bench = await new Bench().start({ test: false, hosted: true, sendCode });
    expect(Object.keys(await new Guest(bench).ask('password', typed))).toEqual(['ticket']);
    expect(bench.log).toHaveLength(1);
    expect(bench.log.join()).toContain('a code could not be sent');
    expect(bench.log.join()).not.toMatch(/ann@|\d{6}/);
  });
});

it('wallets whose book cannot be opened are an answer that fails, and not the end of the broker', async () => {
  bench = await new Bench().start();
  writeFileSync(join(bench.data, 'hosted.json'), '{}', { mode: 0o600 });
  const { origin } = new Guest(bench);
  expect((await fetch(`${origin}/pay`)).status).toBe(503);
  expect((await fetch(`${bench.url}/v1/keys`)).status).toBe(200);
});

it('127.0.0.1 is localhost to passkeys, and other addresses have none', () => {
  expect(hostedOrigin('http://127.0.0.1:8402')).toBe('http://localhost:8402');
  expect(hostedOrigin('http://[::1]:8402')).toBe('http://localhost:8402');
  expect(hostedOrigin('https://broker.example/')).toBe('https://broker.example');
  for (const none of ['http://broker.example', 'http://10.0.0.1:8402', 'https://10.0.0.1']) {
    expect(hostedOrigin(none)).toBeUndefined();
  }
});
