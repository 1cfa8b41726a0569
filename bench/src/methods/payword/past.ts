// Sessions that are open at a site, each with its opening payment. One was really opened; the others are like it.
import { randomBytes } from 'node:crypto';
import type { ClaimTotal, VendorStore } from '@farthing/vendor';
import { inParts, textOf } from '../fill.ts';
import type { Past } from '../method.ts';
import { inSession, prepaid, verify } from './kernels.ts';

const WORDS = 2000;
/** Guards nothing that a site knows. */
const DOC = 'bench';
/** Claims of a kind that no redeemer asks for: the broker has never heard of these sessions. */
const asPaid = (key: string): string => key.replace('payword:', 'redeemed:');

export const past: Past = {
  thing: 'session',
  many: 100_000,
  async fill(store, count) {
    const like = opened();
    let paid: ClaimTotal[] = [];
    const open = async () => {
      paid.push(...(await openOne(store, like)));
    };
    await inParts(count, open, async () => {
      // Redeemed, as sessions are a moment after they were paid.
      await store.claimsPaid(paid, { key: DOC, was: undefined, put: {} });
      paid = [];
    });
  },
};

type Opened = ReturnType<typeof opened>;

function opened() {
  const [header = ''] = inSession(prepaid(WORDS), 1);
  const { made, receipt } = verify(header, undefined);
  if (!made.row) throw new Error('an opening writes its row');
  return { made, row: made.row, receipt, session: made.reference };
}

/** @returns what it has to claim */
async function openOne(store: VendorStore, { made, row, receipt, session }: Opened): Promise<ClaimTotal[]> {
  const id = randomBytes(32).toString('base64url');
  /** Values of its own, as if they had been parsed: shared ones would cost memory once. */
  const own = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value).replaceAll(session, id)) as Value;
  const { key, next, undo } = own(row);
  const deeds = made.deeds.map(({ tallies, ...deed }) => ({
    ...own(deed),
    tallies: tallies.map((tally) => ({ ...tally, key: tally.key.replace(session, id) })),
  }));
  const claims = made.claims.map(({ add, key: claim, ...rest }) => ({ ...own(rest), key: asPaid(own(claim)), add }));
  const written = { outcome: textOf(receipt.length), untilMs: made.untilMs, claims, next, undo, deeds };
  const reserved = await store.reserve({
    id: `${key}:0:1`,
    credential: randomBytes(32).toString('base64url'),
    target: randomBytes(32).toString('base64url'),
    owner: 'bench',
    atMs: Date.now(),
    untilMs: made.untilMs,
    outcome: '',
    state: 'committed',
    spends: [],
    tallies: [],
    claims: [],
    mints: [],
    session: { key, step: () => written },
  });
  if (reserved.kind !== 'won') throw new Error(`a session was open before: ${reserved.kind}`);
  return claims.map(({ key: claim, add }) => ({ key: claim, total: add }));
}
