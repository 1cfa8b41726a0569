// Coins that were spent at a site, and whose claims the broker has paid.
import { randomBytes } from 'node:crypto';
import { limits } from '@farthing/protocol';
import type { VendorStore } from '@farthing/vendor';
import { inParts, textOf } from '../fill.ts';
import type { Past } from '../method.ts';

const DAY_MS = 86_400_000;
/** A coin must be known until its site can claim no more. */
const GOOD_MS = 120 * DAY_MS;
/** Of a receipt without change. */
const RECEIPT_CHARS = 260;

export const past: Past = {
  thing: 'spent',
  many: 200_000,
  fill: (store, count) => inParts(count, () => spend(store)),
};

async function spend(store: VendorStore): Promise<void> {
  const nowMs = Date.now();
  const text = () => randomBytes(32).toString('base64url');
  const reserved = await store.reserve({
    id: text(),
    credential: text(),
    target: text(),
    owner: 'bench',
    atMs: nowMs,
    untilMs: nowMs + limits.retentionMs,
    outcome: textOf(RECEIPT_CHARS),
    state: 'committed',
    spends: [{ key: `coin:${text()}`, untilMs: nowMs + GOOD_MS, code: 'coin-spent' }],
    tallies: [],
    claims: [],
    mints: [],
  });
  if (reserved.kind !== 'won') throw new Error(`a coin was spent before: ${reserved.kind}`);
}
