import { fromBase64url, objectHash } from '@farthing/protocol';
import {
  type ChequeReceipt,
  type CreditNote,
  chequeTraceResult,
  creditNoteSchema,
  type Invoice,
  invoiceSchema,
  isGenuineInvoice,
  isGenuineNote,
  isUnder,
  receiptLeaf,
} from '@farthing/protocol/broker';
import { seeded } from '@farthing/protocol/testing';
import * as v from 'valibot';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { grantCredit } from './operate-payword.ts';
import * as cheques from './testing/cheques.ts';
import { Bench, DAY_SECONDS, Person, Site, USD } from './testing/client.ts';

const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const OPTIONS = { invoicePeriod: 'daily', paywordFeeBps: 250 } as const;
let bench: Bench;
beforeEach(async () => {
  bench = await new Bench().start(OPTIONS);
});
afterEach(async () => {
  expect((await bench.audit()).findings).toEqual([]);
  await bench[Symbol.asyncDispose]();
}, 120_000);

/** The service looks at what is due when it starts, as it does every hour. */
async function nextDay(): Promise<void> {
  bench.offsetMs += DAY_SECONDS * 1000;
  await bench.stop();
  await bench.start(OPTIONS);
}

async function invoicesOf(person: Person): Promise<Invoice[]> {
  const found: Invoice[] = [];
  for (;;) {
    const order = person.order('payword-invoices/1', { cur: USD, after: found.length });
    const { invoice } = await bench.send('/v1/payword/invoices', order);
    if (invoice === undefined) return found;
    found.push(v.parse(invoiceSchema, invoice));
  }
}

async function notesOf(site: Site): Promise<CreditNote[]> {
  const found: CreditNote[] = [];
  for (;;) {
    const order = site.order('cheque-notes/1', { vnd: site.vnd, cur: USD, after: found.length });
    const { note } = await bench.send('/v1/cheque/notes', order);
    if (note === undefined) return found;
    found.push(v.parse(creditNoteSchema, note));
  }
}

const traceOrder = (person: Person, { vnd }: Site, epoid: string) => person.order('cheque-trace/1', { vnd, epoid });
const traceOf = async (person: Person, site: Site, epoid: string) =>
  v.parse(chequeTraceResult, await bench.send('/v1/cheque/trace', traceOrder(person, site, epoid)));

/** What anybody can check who has the receipt. */
function stands(receipt: ChequeReceipt, place: NonNullable<v.InferOutput<typeof chequeTraceResult>['place']>): boolean {
  const { crypto } = bench.env();
  const bytes = (text: string) => fromBase64url(text) ?? new Uint8Array();
  const leaf = receiptLeaf(objectHash(receipt, crypto), crypto);
  return isUnder(leaf, { ...place, path: place.path.map(bytes), root: bytes(place.root) }, crypto);
}

const sumOf = (amounts: readonly string[]): bigint => amounts.reduce((sum, amount) => sum + BigInt(amount), 0n);

test(`10,000 sales by 100 customers at 20 sites are 100 invoices and 20 credit notes that add up (seed ${seed})`, async () => {
  const rng = seeded(seed);
  const sites = await Promise.all(
    Array.from({ length: 20 }, (_, n) => new Site(bench, `site${String(n).padStart(2, '0')}.example`).open()),
  );
  const customers = Array.from({ length: 100 }, () => new Person(bench));
  const served = new Map<Site, cheques.Served[]>(sites.map((site) => [site, []]));
  let total = 0n;
  for (const customer of customers) {
    await customer.faucet(5_000_000n);
    const books = await cheques.openBooks(
      customer,
      sites.map(({ vnd }) => ({ vnd, limit: 100_000n })),
    );
    sites.forEach((site, n) => {
      const book = books[n];
      if (!book) throw new Error('a book for each site');
      for (let sale = 0; sale < 5; sale++) {
        const amount = BigInt(1 + rng.below(20_000));
        total += amount;
        const capture = rng.chance(0.9) ? ('aggregated' as const) : ('deferred' as const);
        served.get(site)?.push({ cheque: cheques.write(site, book, amount, { capture }), book });
      }
    });
  }
  for (const [site, sales] of served) {
    expect(sales).toHaveLength(500);
    const paid = await cheques.redeemCheques(site, ...sales);
    expect(paid.cheques.filter(({ alarm }) => alarm !== undefined)).toEqual([]);
  }
  await nextDay();

  const { root } = bench.public;
  const { crypto } = bench.env();
  const invoices = (await Promise.all(customers.map(invoicesOf))).flat();
  const notes = (await Promise.all(sites.map(notesOf))).flat();
  expect([invoices.length, notes.length]).toEqual([100, 20]);
  expect(invoices.every((invoice) => isGenuineInvoice(invoice, { root }, crypto))).toBe(true);
  expect(notes.every((note) => isGenuineNote(note, { root }, crypto))).toBe(true);
  const billed = sumOf(invoices.map((invoice) => invoice.billed));
  const credited = sumOf(notes.map((note) => note.credited));
  const fees = sumOf(notes.map((note) => note.fee));
  expect(billed).toBe(total);
  expect(credited + fees).toBe(billed);
  expect(fees).toBeGreaterThan(0n);
  expect(invoices.every(({ lines }) => lines.length === 20)).toBe(true);
  const countOf = (lines: readonly object[]) =>
    lines.reduce((sum, line) => sum + ('count' in line ? Number(line.count) : 0), 0);
  expect(invoices.reduce((sum, { lines }) => sum + countOf(lines), 0)).toBe(10_000);
  expect(notes.reduce((sum, { lines }) => sum + countOf(lines), 0)).toBe(10_000);
  const text = JSON.stringify([invoices, notes]);
  expect(text).not.toContain('epoid');
  for (const customer of customers) expect(JSON.stringify(notes)).not.toContain(customer.pk);

  // One sale, looked at by everybody.
  const [site] = sites;
  const [anna, other] = customers;
  const [sale] = (site && served.get(site)) ?? [];
  if (!site || !anna || !other || !sale) throw new Error('a sale');
  const { epoid } = sale.cheque;
  const [ours, theirs] = [await traceOf(anna, site, epoid), await traceOf(site, site, epoid)];
  if (!ours.place || !theirs.place) throw new Error('a place on the papers');
  expect(ours.receipt).toEqual(theirs.receipt);
  expect([stands(ours.receipt, ours.place), stands(theirs.receipt, theirs.place)]).toEqual([true, true]);
  const [invoice] = await invoicesOf(anna);
  expect(invoice?.lines).toContainEqual(
    expect.objectContaining({ vnd: site.vnd, count: 5, root: ours.place.root, method: 'cheque' }),
  );
  expect((await notesOf(site))[0]?.lines).toMatchObject([{ count: 500, root: theirs.place.root }]);
  expect(stands({ ...ours.receipt, amount: '1' }, ours.place)).toBe(false);
  for (const stranger of [other, sites[1] ?? other]) {
    expect(await bench.refused('/v1/cheque/trace', traceOrder(stranger, site, epoid))).toBe('cheque-unknown');
    expect(await bench.refused('/v1/cheque/trace', traceOrder(stranger, site, cheques.challenge()))).toBe(
      'cheque-unknown',
    );
  }
}, 180_000);

describe('papers follow each other', () => {
  test('and tell refunds, money aside and what came back as moved', async () => {
    const site = await new Site(bench).open();
    const anna = new Person(bench);
    await anna.faucet(100_000n);
    const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 20_000n });
    const now = cheques.write(site, book, 10_000n);
    await cheques.present(site, now, book);
    const [first, second] = [5_000n, 3_000n].map((amount) => {
      return { cheque: cheques.write(site, book, amount, { capture: 'deferred' }), book };
    });
    if (!first || !second) throw new Error('two cheques');
    await cheques.redeemCheques(site, first);
    await nextDay();
    expect(await invoicesOf(anna)).toMatchObject([
      { moved: '85000', billed: '15000', after: '70000', owed: '0', lines: [{ count: 2, total: '15000' }] },
    ]);
    expect(await notesOf(site)).toMatchObject([{ total: '15000', fee: '375', credited: '14625', after: '14625' }]);
    await cheques.redeemCheques(site, second);
    await bench.send('/v1/cheque/refund', cheques.refundOrder(site, now, 4_000n));
    await nextDay();
    const invoices = await invoicesOf(anna);
    const notes = await notesOf(site);
    expect(invoices[1]).toMatchObject({ number: 2, before: '70000', billed: '3000', moved: '7000', after: '74000' });
    expect(notes[1]).toMatchObject({ number: 2, before: '14625', credited: '2925', moved: '-4000', after: '13550' });
    const { root } = bench.public;
    const { crypto } = bench.env();
    const [one, two] = invoices;
    const [noteOne, noteTwo] = notes;
    if (!one || !two || !noteOne || !noteTwo) throw new Error('two of each');
    expect(isGenuineInvoice(two, { root, last: one }, crypto)).toBe(true);
    expect(isGenuineNote(noteTwo, { root, last: noteOne }, crypto)).toBe(true);
    expect(isGenuineNote(noteOne, { root, last: noteTwo }, crypto)).toBe(false);
    expect(isGenuineNote({ ...noteTwo, credited: '2926', after: '13551' }, { root }, crypto)).toBe(false);
    await nextDay();
    expect([(await invoicesOf(anna)).length, (await notesOf(site)).length]).toEqual([2, 2]);
  });

  test('a payment of the running period has a receipt and no place yet', async () => {
    const site = await new Site(bench).open();
    const anna = new Person(bench);
    await anna.faucet(100_000n);
    const book = await cheques.openBook(anna, { vnd: site.vnd });
    const cheque = cheques.write(site, book, 10n);
    const receipt = await cheques.present(site, cheque, book);
    expect(await traceOf(anna, site, cheque.epoid)).toEqual({ receipt });
  });

  test('nobody reads the credit notes of another site', async () => {
    const site = await new Site(bench).open();
    const order = new Person(bench).order('cheque-notes/1', { vnd: site.vnd, cur: USD });
    expect(await bench.refused('/v1/cheque/notes', order)).toBe('signature-invalid');
  });
});

test('an account on credit pays by cheque down to its line, and owes it by its invoice', async () => {
  const anna = new Person(bench);
  await grantCredit(bench.place, anna.pk, { amount: 10_000n, currency: USD });
  const site = await new Site(bench).open();
  const book = await cheques.openBook(anna, { vnd: site.vnd, limit: 4_000n });
  expect(await cheques.present(site, cheques.write(site, book, 6_000n), book)).toMatchObject({ result: 'paid' });
  expect(await cheques.present(site, cheques.write(site, book, 1n), book)).toMatchObject({ code: 'balance-short' });
  expect(await anna.statement()).toMatchObject({ balance: '0', owed: '10000' });
  await nextDay();
  const [invoice] = await invoicesOf(anna);
  expect(invoice).toMatchObject({ billed: '6000', moved: '-4000', after: '-10000', owed: '10000' });
  bench.offsetMs += 20 * DAY_SECONDS * 1000;
  const order = cheques.certsOrder(anna, [{ vnd: site.vnd, pk: site.pk }]);
  const { body } = await bench.post('/v1/cheque/certs', order);
  expect(body).toMatchObject({ code: 'credit-overdue', due: invoice?.due });
});
