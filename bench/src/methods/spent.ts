// A past of payments that each used up an instrument with a random name.
import { randomBytes } from 'node:crypto';
import { limits, type Spend } from '@farthing/protocol';
import type { VendorStore } from '@farthing/vendor';
import { inParts, textOf } from './fill.ts';
import type { Past } from './method.ts';

/** `kind`: how the keys of the instruments begin. `goodMs`: how long they must be known. */
type Instrument = Pick<Spend, 'code'> & { readonly kind: string; readonly goodMs: number };

export const DAY_MS = 86_400_000;
/** Of a receipt without change. */
const RECEIPT_CHARS = 260;

export const spentPast = (instrument: Instrument): Past => ({
  thing: 'spent',
  many: 200_000,
  fill: (store, count) => inParts(count, () => spend(store, instrument)),
});

async function spend(store: VendorStore, { kind, code, goodMs }: Instrument): Promise<void> {
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
    spends: [{ key: `${kind}:${text()}`, untilMs: nowMs + goodMs, code }],
    tallies: [],
    claims: [],
    mints: [],
  });
  if (reserved.kind !== 'won') throw new Error(`a ${kind} was spent before: ${reserved.kind}`);
}
