import { expect, it } from 'vitest';
import { brokerId, limits, portableCrypto, toBase64url } from '../index.ts';
import { seeded, seededEnv } from '../testing/random.ts';
import { makeInvoices } from './billing.ts';
import { isGenuineInvoice } from './invoice.ts';

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
