import { type Json, toBase64url } from '@farthing/protocol';
import { type Invoice, invoiceSchema, isGenuineInvoice } from '@farthing/protocol/broker';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeInvoices, grantCredit, listInvoices } from './operate-payword.ts';
import { periodStartMs } from './services/invoices.ts';
import { Bench, DAY_SECONDS, Person, Site, USD } from './testing/client.ts';
import { makeOlder } from './testing/older.ts';
import { certify, certOrder, claimOf, commitTo, redeemWords } from './testing/payword.ts';
import { isOnPostgres } from './testing/postgres.ts';

const DAY_MS = DAY_SECONDS * 1000;
let bench: Bench;
let site: Site;
let other: Site;
let anna: Person;
beforeEach(async () => {
  bench = await new Bench().start({ creditMicro: 100_000n, invoicePeriod: 'daily', invoiceDueDays: 7 });
  site = await new Site(bench).open();
  other = await new Site(bench, 'b.example').open();
  anna = new Person(bench);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
});

/** Time goes on; the service looks at what is due when it starts, as it does every hour. */
async function later(ms: number): Promise<void> {
  bench.offsetMs += ms;
  await bench.stop();
  await bench.start({ creditMicro: 100_000n, invoicePeriod: 'daily', invoiceDueDays: 7 });
}

const invoicesOrder = (person: Person, after = 0) => person.order('payword-invoices/1', { cur: USD, after });
async function invoicesOf(person: Person): Promise<Invoice[]> {
  const found: Invoice[] = [];
  for (;;) {
    const { count, invoice } = await bench.send('/v1/payword/invoices', invoicesOrder(person, found.length));
    if (invoice === undefined) {
      expect(count).toBe(found.length);
      return found;
    }
    found.push(v.parse(invoiceSchema, invoice));
  }
}
const genuine = (invoice: Invoice, last?: Invoice) =>
  isGenuineInvoice(invoice, { root: bench.public.root, last }, bench.env().crypto);
const sessionsOf = (line: Invoice['lines'][number] | undefined) =>
  line && 'sessions' in line ? [...line.sessions] : [];
const spend = async (at: Site, words: number) => {
  const session = commitTo(bench, await certify(anna, at.vnd, 50_000n), 50, 1_000n);
  await redeemWords(at, claimOf(session, words));
  return session;
};

test('a period ends with an invoice of each site and session, whose sums are those of the ledger', async () => {
  const [a, b, c] = [await spend(site, 10), await spend(other, 20), await spend(site, 5)];
  expect(await invoicesOf(anna)).toEqual([]);
  await later(DAY_MS);
  const [invoice, ...more] = await invoicesOf(anna);
  if (!invoice) throw new Error('no invoice');
  expect(more).toEqual([]);
  expect(invoice).toMatchObject({
    account: anna.pk,
    number: 1,
    prev: '',
    before: '0',
    moved: '0',
    billed: '35000',
    after: '-35000',
    owed: '35000',
    due: invoice.to + 7 * DAY_SECONDS,
    lines: [
      { vnd: other.vnd, total: '20000', sessions: [{ session: b.id, amount: '20000' }] },
      { vnd: site.vnd, total: '15000', sessions: expect.arrayContaining([{ session: a.id, amount: '10000' }]) },
    ],
  });
  expect(sessionsOf(invoice.lines[1])).toContainEqual({ session: c.id, amount: '5000' });
  expect(genuine(invoice)).toBe(true);
  expect(await anna.statement()).toMatchObject({ owed: '35000', line: '100000', due: invoice.due });
});

test('the next invoice follows the last one, and shows what was paid in and bought besides', async () => {
  const session = await spend(site, 10);
  await later(DAY_MS);
  await anna.faucet(40_000n);
  await anna.buy(site.vnd, 25_000n);
  await redeemWords(site, claimOf(session, 30));
  await later(DAY_MS);
  const [first, second] = await invoicesOf(anna);
  if (!first || !second) throw new Error('two invoices');
  expect(second).toMatchObject({
    number: 2,
    before: '-10000',
    moved: '15000',
    billed: '20000',
    after: '-15000',
    lines: [{ vnd: site.vnd, sessions: [{ session: session.id, amount: '20000' }] }],
  });
  expect([genuine(second, first), genuine(first, second)]).toEqual([true, false]);
});

test('who paid with own money gets an invoice that owes nothing, and who was not billed gets none', async () => {
  await anna.faucet(50_000n);
  await spend(site, 10);
  await later(DAY_MS);
  expect(await invoicesOf(anna)).toMatchObject([{ moved: '50000', billed: '10000', after: '40000', owed: '0' }]);
  await later(DAY_MS);
  expect(await invoicesOf(anna)).toHaveLength(1);
  expect(await anna.statement()).not.toHaveProperty('due');
});

test('an overdue invoice ends certificates until it is paid, and paying restores the line', async () => {
  const session = await spend(site, 40);
  await later(DAY_MS);
  const [invoice] = await invoicesOf(anna);
  await later(6 * DAY_MS);
  await certify(anna, site.vnd, 50_000n);
  await later(2 * DAY_MS);
  const order = certOrder(anna, site.vnd, 50_000n, bench.env().random(32));
  const { status, body } = await bench.post('/v1/payword/cert', order);
  expect([status, body]).toEqual([
    403,
    expect.objectContaining({ code: 'credit-overdue', owed: '40000', due: invoice?.due, detail: expect.any(String) }),
  ]);
  await anna.faucet(39_999n);
  expect(await bench.refused('/v1/payword/cert', certOrder(anna, site.vnd, 1n, bench.env().random(32)))).toBe(
    'credit-overdue',
  );
  await anna.faucet(1n);
  const again = commitTo(bench, await certify(anna, other.vnd, 100_000n), 100, 1_000n);
  expect((await redeemWords(other, claimOf(again, 100))).balance).toBe('100000');
  expect(session.id).not.toBe(again.id);
});

test('money that is paid in settles the oldest invoice first', async () => {
  const session = await spend(site, 10);
  await later(DAY_MS);
  await redeemWords(site, claimOf(session, 30));
  await later(DAY_MS);
  const [first, second] = await invoicesOf(anna);
  expect((await anna.statement())['due']).toBe(first?.due);
  await anna.faucet(10_000n);
  expect((await anna.statement())['due']).toBe(second?.due);
  expect((await listInvoices(bench.place)).json).toMatchObject({
    invoices: [
      { left: '0', state: 'paid' },
      { left: '20000', state: 'open' },
    ],
  });
  await anna.faucet(20_000n);
  expect(await anna.statement()).toMatchObject({ balance: '0' });
  expect(await anna.statement()).not.toHaveProperty('due');
});

test('the operator may close the running period, once for what was billed', async () => {
  await grantCredit(bench.place, anna.pk, { amount: 100_000n, currency: USD });
  expect((await listInvoices(bench.place)).lines).toEqual(['No invoice was made.']);
  await spend(site, 10);
  await closeInvoices(bench.place, 3);
  await closeInvoices(bench.place, 3);
  expect((await listInvoices(bench.place)).lines).toEqual([
    expect.stringMatching(new RegExp(`^${anna.pk}\t#1\t\\$0.01\t\\$0.01\tdue \\d{4}-\\d\\d-\\d\\d\topen$`)),
  ]);
  const [invoice] = await invoicesOf(anna);
  expect((invoice?.due ?? 0) - (invoice?.to ?? 0)).toBe(3 * DAY_SECONDS);
});

test.skipIf(isOnPostgres)(
  'a ledger of the version before is taken over, and what was billed in it is on the first invoice',
  async () => {
    const session = await spend(site, 10);
    await bench.stop();
    makeOlder(bench.data, 2);
    expect((await bench.audit()).findings).toEqual([]);
    await later(0);
    await redeemWords(site, claimOf(session, 12));
    await later(DAY_MS);
    expect(await invoicesOf(anna)).toMatchObject([
      { billed: '12000', lines: [{ sessions: [{ session: session.id, amount: '12000' }] }] },
    ]);
  },
);

describe('attacks', () => {
  test('an invoice that was altered, or signed by another, is not genuine', async () => {
    await spend(site, 10);
    await later(DAY_MS);
    const [invoice] = await invoicesOf(anna);
    if (!invoice) throw new Error('no invoice');
    const changes: Record<string, Json> = {
      owed: '1',
      billed: '10001',
      after: '-10001',
      moved: '1',
      to: invoice.to + 1,
      due: invoice.due + 1,
      account: site.pk,
      lines: [{ vnd: other.vnd, total: '10000', sessions: sessionsOf(invoice.lines[0]) }],
    };
    for (const [name, value] of Object.entries(changes)) {
      expect(genuine(v.parse(invoiceSchema, { ...invoice, [name]: value })), name).toBe(false);
    }
    const { crypto } = bench.env();
    const root = toBase64url(crypto.publicKey(bench.env().random(32)));
    expect(isGenuineInvoice(invoice, { root }, crypto)).toBe(false);
  });

  test('nobody reads the invoices of another account', async () => {
    await spend(site, 10);
    await later(DAY_MS);
    expect(await invoicesOf(new Person(bench))).toEqual([]);
    const theirs = { ...invoicesOrder(new Person(bench)), from: anna.pk };
    expect(await bench.refused('/v1/payword/invoices', theirs)).toBe('signature-invalid');
  });
});

test.each([
  ['daily', '2026-03-04T05:06:07Z', '2026-03-04'],
  ['weekly', '2026-03-04T05:06:07Z', '2026-03-02'],
  ['weekly', '2026-03-02T00:00:00Z', '2026-03-02'],
  ['weekly', '2026-03-01T23:59:59Z', '2026-02-23'],
  ['monthly', '2026-03-31T23:59:59Z', '2026-03-01'],
] as const)('a %s period at %s began on %s', (period, now, start) => {
  expect(new Date(periodStartMs(period, Date.parse(now))).toISOString().slice(0, 10)).toBe(start);
});
