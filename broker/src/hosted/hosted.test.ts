// Hosted wallets through the broker's own HTTP: opened, filled, paid with, recovered.
import type { JsonObject } from '@farthing/protocol';
import type { ChequeReceipt } from '@farthing/protocol/broker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit, issueVouchers } from '../operate.ts';
import { Bench, Site, USD } from '../testing/client.ts';
import { Guest } from '../testing/hosted.ts';

const bench = new Bench();
let site: Site;
beforeAll(async () => {
  await bench.start();
  site = await new Site(bench).open();
});
afterAll(async () => {
  expect(await audit(bench.place)).toMatchObject({ status: 0 });
  await bench[Symbol.asyncDispose]();
});

/** What becomes of a payload at its site. */
async function present(payload: JsonObject, hold = false): Promise<ChequeReceipt> {
  const { cheque, cert } = payload;
  const order = site.order('cheque-capture/1', { cheque: cheque as JsonObject, cert: cert as JsonObject, hold });
  const { receipt } = await bench.send('/v1/cheque/capture', order);
  return receipt as unknown as ChequeReceipt;
}

describe('a hosted wallet', () => {
  it('is made by a passkey, filled, and pays its site by an ordinary cheque of level 1', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    await guest.faucet(1_000_000n);
    const payload = await guest.pay(guest.bill(site.vnd, 2_000n));
    expect(payload['cert']).toMatchObject({ level: 1, vnd: site.vnd, limit: '0' });
    expect(await present(payload)).toMatchObject({ result: 'paid', amount: '2000' });
    expect(await guest.balance()).toBe(998_000n);
  });

  it('is topped up by a voucher, once', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    const { json } = await issueVouchers(bench.place, { amount: 3_000n, currency: USD }, 1);
    const [code] = (json as { vouchers: string[] }).vouchers;
    await guest.ask('voucher', { code });
    expect(await guest.refused('voucher', { code })).toBe('voucher-used');
    expect(await guest.balance()).toBe(3_000n);
  });

  it('pays later what a site served unasked, within what the broker then grants', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    await guest.faucet(10_000n);
    const { cert } = await guest.pay(guest.bill(site.vnd, 2_000n, { captures: ['deferred'] }));
    const { sub, exp } = cert as { sub: string; exp: number };
    const members = { vnd: site.vnd, sub, certExp: exp, cur: USD, spent: '0', amount: '2000' };
    expect(await bench.send('/v1/cheque/authorize', site.order('cheque-authorize/1', members))).toEqual({
      limit: '2000',
    });
    expect(await guest.balance()).toBe(8_000n);
  });

  it('is one account on all its devices: whoever has its passkey signs in to it again', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    await guest.faucet(7_000n);
    await guest.ask('sign-out');
    expect(await guest.ask('state', { cur: USD })).toEqual({});
    await guest.signIn();
    expect(await guest.balance()).toBe(7_000n);
  });

  it('shows two sites two pseudonyms, and the same one to a site that comes again', async () => {
    const other = new Site(bench, 'other.example');
    await bench.send('/v1/vendors', other.registerOrder());
    const guest = new Guest(bench);
    await guest.signUp();
    await guest.faucet(10_000n);
    const subOf = async (vnd: string) => ((await guest.pay(guest.bill(vnd, 10n)))['cert'] as { sub: string }).sub;
    const [here, again, there] = [await subOf(site.vnd), await subOf(site.vnd), await subOf('other.example')];
    expect(here).toBe(again);
    expect(there).not.toBe(here);
  });

  it('shows its last ten movements, newest first, however many there were', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    const amounts = async () => {
      const { past } = await guest.ask('state', { cur: USD });
      return (past as { amount: string }[]).map(({ amount }) => Number(amount));
    };
    expect(await amounts()).toEqual([]);
    for (let n = 1; n <= 230; n++) {
      await guest.faucet(BigInt(n));
      if (n === 1 || n === 10 || n % 45 === 0) {
        const last = Array.from({ length: Math.min(n, 10) }, (_, i) => n - i);
        expect(await amounts()).toEqual(last);
      }
    }
  });

  it('survives a restart of the broker, with its session', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    await guest.faucet(5_000n);
    await bench.stop();
    await bench.start({ port: Number(new URL(guest.origin).port) });
    expect(await guest.balance()).toBe(5_000n);
    expect(await present(await guest.pay(guest.bill(site.vnd, 1_000n)))).toMatchObject({ result: 'paid' });
  });

  it('takes another passkey, and loses all but the last', async () => {
    const guest = new Guest(bench);
    await guest.signUp();
    const options = await guest.ask('add-passkey');
    await guest.ask('register', { response: guest.phone.create(options as { challenge: string } & JsonObject) });
    const { passkeys } = await guest.ask('state', { cur: USD });
    const [first, second] = (passkeys as { id: string }[]).map(({ id }) => id);
    await guest.ask('remove-passkey', { id: first });
    expect(await guest.refused('remove-passkey', { id: second })).toBe('request-malformed');
  });

  it('is opened again by its printed code, on a new phone, and once', async () => {
    const lost = new Guest(bench);
    const code = await lost.signUp();
    await lost.faucet(4_000n);
    const found = new Guest(bench);
    const options = await found.ask('recover', { code: code.toLowerCase().replaceAll('-', ' ') });
    const entered = await found.ask('register', {
      response: found.phone.create(options as { challenge: string } & JsonObject),
    });
    expect(await found.balance()).toBe(4_000n);
    expect(entered['code']).not.toBe(code);
    expect(await found.refused('recover', { code })).toBe('sign-in-wrong');
    // Whoever has the old phone is signed out.
    expect(await lost.ask('state', { cur: USD })).toEqual({});
  });
});

describe('a hosted wallet with a password', () => {
  it('is opened by password and code, and pays at level 0 without a passkey', async () => {
    const guest = new Guest(bench);
    expect(await guest.byPassword('ann@example.org', 'tides and lanterns')).toHaveProperty('code');
    await guest.faucet(50_000n);
    const { pay } = await guest.prepare(guest.bill(site.vnd, 3_000n));
    const payload = await guest.ask('approve', { pay });
    expect(payload['cert']).toMatchObject({ level: 0 });
    expect(await present(payload)).toMatchObject({ result: 'paid' });
    const again = new Guest(bench);
    expect(await again.byPassword(' Ann@Example.org ', 'tides and lanterns')).toEqual({});
    expect(await again.balance()).toBe(47_000n);
  });
});
