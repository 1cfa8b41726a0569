import { expect, it } from 'vitest';
import { brokerId, limits, portableCrypto, toBase64url } from '../index.ts';
import { seeded, seededEnv } from '../testing/random.ts';
import { makeInvoices, makeNotes } from './billing.ts';
import { isGenuineInvoice, isGenuineNote } from './invoice.ts';

it('a period with more sessions than an invoice holds has several, which follow each other and add up', () => {
  const rng = seeded(41);
  const env = seededEnv(rng, 1_800_000_000_000);
  const seed = rng.bytes(32);
  const publicKey = portableCrypto.publicKey(seed);
  const billed = Array.from({ length: 2 * limits.invoiceSessions + 1 }, (_, i) => ({
    session: toBase64url(rng.bytes(32)),
    vnd: `site${Math.floor(i / 100)}.example`,
    amount: BigInt(1 + rng.below(1000)),
  }));
  const total = billed.reduce((sum, { amount }) => sum + amount, 0n);
  const account = toBase64url(rng.bytes(32));
  const open = {
    account,
    cur: 'usd-micro' as const,
    balance: 5n - total,
    billed,
    last: undefined,
    since: 1_790_000_000,
  };
  const issuer = { brk: brokerId(publicKey, portableCrypto), seed };
  const invoices = makeInvoices(open, { issuer, dueSeconds: 60 }, env);
  expect(invoices.map(({ number, moved }) => [number, moved])).toEqual([
    [1, '5'],
    [2, '0'],
    [3, '0'],
  ]);
  invoices.forEach((invoice, i) => {
    const known = { root: toBase64url(publicKey), last: invoices[i - 1] };
    expect(isGenuineInvoice(invoice, known, portableCrypto)).toBe(true);
    expect(JSON.stringify(invoice).length).toBeLessThan(limits.bodyBytes);
  });
  expect(invoices.reduce((sum, invoice) => sum + BigInt(invoice.billed), 0n)).toBe(total);
  expect(invoices.at(-1)?.after).toBe((5n - total).toString());
  expect(makeInvoices({ ...open, billed: [] }, { issuer, dueSeconds: 60 }, env)).toEqual([]);
});

it('a site with more lines than a credit note holds has several, which follow each other and add up', () => {
  const rng = seeded(42);
  const env = seededEnv(rng, 1_800_000_000_000);
  const seed = rng.bytes(32);
  const publicKey = portableCrypto.publicKey(seed);
  const sold = Array.from({ length: limits.noteLines + 1 }, () => {
    const amount = BigInt(100 + rng.below(1000));
    return { receipts: [toBase64url(rng.bytes(32)), toBase64url(rng.bytes(32))], amount, fee: amount / 40n };
  });
  const credited = sold.reduce((sum, { amount, fee }) => sum + amount - fee, 0n);
  const open = {
    ...{ vnd: 'site.example', cur: 'usd-micro' as const, balance: credited + 7n },
    ...{ sold, last: undefined, since: 1_790_000_000 },
  };
  const issuer = { brk: brokerId(publicKey, portableCrypto), seed };
  const notes = makeNotes(open, issuer, env);
  expect(notes.map(({ number, moved, lines }) => [number, moved, lines.length])).toEqual([
    [1, '7', limits.noteLines],
    [2, '0', 1],
  ]);
  notes.forEach((note, i) => {
    const known = { root: toBase64url(publicKey), last: notes[i - 1] };
    expect(isGenuineNote(note, known, portableCrypto)).toBe(true);
    expect(isGenuineNote({ ...note, fee: '0' }, known, portableCrypto)).toBe(false);
  });
  expect(notes.at(-1)?.after).toBe((credited + 7n).toString());
  expect(makeNotes({ ...open, sold: [] }, issuer, env)).toEqual([]);
});
