// Scrip that was spent at a site.
import { randomBytes } from 'node:crypto';
import { limits } from '@farthing/protocol';
import type { VendorStore } from '@farthing/vendor';
import { inParts, textOf } from '../fill.ts';
import type { Past } from '../method.ts';
import { paidRequests, verify } from './kernels.ts';

/** Change that these payments gave: numbers of their own. */
const FIRST_CHANGE = 10n ** 13n;
export const past: Past = {
  thing: 'spent',
  many: 1_000_000,
  async fill(store, count) {
    const [header = ''] = paidRequests(1);
    const receiptChars = verify(header).length;
    const first = await store.lease('serial', BigInt(count));
    await inParts(count, (i) => spend(store, { serial: first + BigInt(i), receiptChars }));
  },
};

type Spent = { readonly serial: bigint; readonly receiptChars: number };

async function spend(store: VendorStore, { serial, receiptChars }: Spent): Promise<void> {
  const nowMs = Date.now();
  const untilMs = nowMs + limits.retentionMs;
  const reserved = await store.reserve({
    id: randomBytes(32).toString('base64url'),
    credential: randomBytes(32).toString('base64url'),
    target: randomBytes(32).toString('base64url'),
    owner: 'bench',
    atMs: nowMs,
    untilMs,
    outcome: textOf(receiptChars),
    state: 'committed',
    spends: [{ key: `scrip:v1.${serial}`, untilMs, code: 'scrip-spent' }],
    tallies: [],
    claims: [],
    mints: [`v1.${FIRST_CHANGE + serial}`],
  });
  if (reserved.kind !== 'won') throw new Error(`a serial was spent before: ${reserved.kind}`);
}
