// The customer's side of PayWord: picks a chain, shows its next word, checks the receipt. The index is stored before a
// word is sent, and never goes back.
import * as v from 'valibot';
import type { PaymentRequest } from '../../core/challenge.ts';
import { amt0, boundedText, brk, h32, tryDecode, u32 } from '../../core/decode.ts';
import { limits } from '../../core/limits.ts';
import type { PayInput, WalletRole } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import type { Receipt } from '../../core/receipt.ts';
import { authorityOf, chainsOf, faceOf, numberOf, type PaywordPiece, payload, rangeOf, termsOf } from './piece.ts';

const detailsSchema = v.object({
  api: v.pipe(boundedText(128), v.regex(/^\/(?!\/)/, 'a path on the same origin')),
  brokers: v.pipe(v.array(v.object({ id: brk, url: boundedText(300) })), v.minLength(1), v.maxLength(limits.brokers)),
  fundings: v.array(boundedText(16)),
  splits: v.array(boundedText(16)),
  auths: v.array(boundedText(16)),
  maxStep: v.pipe(u32, v.minValue(1), v.maxValue(limits.wordStepMax)),
  idle: u32,
  units: v.optional(v.pipe(u32, v.maxValue(limits.sessionUnits)), 1),
});
const terms = (request: PaymentRequest) => tryDecode(detailsSchema, request.methodDetails);

/**
 * Which word this payment shows, and what it is owed for. One index, one request: also when enough was paid ahead. A
 * stream takes by itself what is revealed, so it is owed that too.
 */
function plan(piece: PaywordPiece, { request, units }: Pick<PayInput, 'request' | 'units'>) {
  const { unit, lo, to } = rangeOf(piece);
  const asked = terms(request)?.units ?? 1;
  const owed = BigInt(piece.spent) + request.amount * BigInt(units ?? asked);
  const enough = BigInt(lo) + (owed + unit - 1n) / unit;
  const next = BigInt(Math.max(piece.at, lo) + 1);
  const wanted = enough > next ? enough : next;
  const last = BigInt(to);
  const i = Number(wanted < last ? wanted : last);
  return { i, spent: asked === 0 && next > enough ? authorityOf(piece, i) : owed, fits: wanted <= last };
}

export const paywordWallet: WalletRole<PaywordPiece> = {
  method: 'payword',
  intents: ['session', 'charge'],
  understand(request) {
    const found = terms(request);
    return found && { brokers: found.brokers, api: found.api };
  },
  value: (piece, nowMs) => (termsOf(piece).exp * 1000 > nowMs ? faceOf(piece) - BigInt(piece.spent) : 0n),
  expiresAtMs: (piece) => termsOf(piece).exp * 1000,
  /** An open session goes first, then what expires first. */
  pick(pieces, { request, units }, nowMs) {
    const offer = terms(request);
    if (!offer) return undefined;
    const able = pieces.filter((piece) => {
      const { vnd, cur, brk: broker } = termsOf(piece);
      const { i, fits } = plan(piece, { request, ...(units === undefined ? {} : { units }) });
      const cost = request.amount * BigInt(units ?? offer.units);
      // Of a stream no word may reveal more than a unit costs.
      const isFine = offer.units > 0 || rangeOf(piece).unit <= request.amount;
      return (
        isFine &&
        vnd === request.recipient &&
        cur === request.currency &&
        offer.brokers.some(({ id }) => id === broker) &&
        offer.fundings.includes('ticket' in piece.deed ? 'prepaid' : 'credit') &&
        fits &&
        i - Math.max(piece.at, rangeOf(piece).lo) <= offer.maxStep &&
        paywordWallet.value(piece, nowMs) >= cost
      );
    });
    return able.sort((a, b) => Number(b.open) - Number(a.open) || termsOf(a).exp - termsOf(b).exp)[0];
  },
  pay(piece, input, env) {
    const { i } = plan(piece, input);
    if (i <= piece.at) throw new PaymentProblem('index-beyond', { members: { acceptedIndex: piece.at } });
    return payload(piece, i, env.crypto);
  },
  accept(piece, paid) {
    checkReceipt(piece, paid);
    const { i, spent } = plan(piece, paid);
    return [{ ...piece, at: i, spent: spent.toString(), open: true }];
  },
  describe: () => ({
    kind: 'method_payword',
    siteLearns: 'method_payword_site_learns',
    brokerLearns: 'method_payword_broker_learns',
  }),
  sessions: {
    advance(piece, input) {
      const { i, spent } = plan(piece, input);
      return { ...piece, at: i, spent: spent.toString() };
    },
    confirm: (piece) => ({ ...piece, open: true }),
    join: (fresh, last) => ({ ...fresh, session: last.session, base: (last.base ?? 0) + chainsOf(last) }),
    close: ({ session }) => ({ action: 'close', session }),
  },
};

const receiptSchema = v.object({
  intent: v.picklist(['session', 'charge']),
  session: h32,
  a: u32,
  index: u32,
  authorized: amt0,
  spent: amt0,
  remaining: amt0,
  units: u32,
});

/**
 * A receipt is a claim, not a proof: what it says of index and session must be ours, its sums must fit, and nothing may
 * be charged beyond what our words are owed for (B21). Other payments in flight may have moved it on.
 */
function checkReceipt(piece: PaywordPiece, paid: PayInput & { receipt: Receipt }): void {
  const wrong = (detail: string) => new PaymentProblem('receipt-invalid', { detail });
  const told = tryDecode(receiptSchema, paid.receipt.details);
  if (!told) throw wrong('members of a session are missing');
  const { i, spent } = plan(piece, paid);
  const units = terms(paid.request)?.units;
  const ours = told.session === piece.session && told.a === numberOf(piece) && told.index === i;
  if (!ours || told.units !== units) {
    throw wrong('the receipt is for another payment');
  }
  if (told.intent !== paid.challenge.intent) throw wrong('the receipt is for another intent');
  if (told.authorized - told.spent !== told.remaining) throw wrong('authorized, spent and remaining do not fit');
  // Of a session that was topped up, one piece does not know all sums.
  if (piece.base !== undefined) return;
  const face = faceOf(piece);
  const authorized = authorityOf(piece, i);
  if (told.authorized < authorized || told.authorized > face) throw wrong('authorized is not what our words promise');
  if (told.spent - (told.authorized - authorized) > spent) throw wrong('more was charged than was owed');
}
