// PayWord on the wire: commitments, tickets, certificates, closings and the payloads of a session (methods design §3).
// The names are the papers': user (here customer), vendor, broker, certificate, commitment, payword.
import * as v from 'valibot';
import { fromBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { type DayCert, daycertSchema } from '../core/daycert.ts';
import {
  amt0Text,
  amtText,
  brk,
  cur,
  decode,
  h32,
  id16,
  matches,
  patterns,
  seconds,
  sig,
  u32,
  vnd,
} from '../core/decode.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { objectHash } from '../core/sign.ts';

export { type DayCert, daycertSchema };

const whole = (min: number, max: number) => v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
const chainNumber = whole(0, limits.chainSegments - 1);
/** Words count from 1; w[0] is worth nothing. How far they go is the chain's. */
const index = v.pipe(u32, v.minValue(1));

export const chainEntry = v.strictObject({ id: id16, n: whole(1, limits.chainLength), unit: amtText, w0: h32 });

/** Credit: the customer's day key promises the words of one to four chains, or of `m` chains under a Merkle root. */
export const commitmentSchema = v.pipe(
  v.strictObject({
    typ: v.literal('commitment/1'),
    brk,
    vnd,
    sub: id16,
    cur,
    chains: v.exactOptional(v.pipe(v.array(chainEntry), v.minLength(1), v.maxLength(limits.chainsInline))),
    cap: amtText,
    exp: seconds,
    root: v.exactOptional(h32),
    m: v.exactOptional(whole(1, limits.chainSegments)),
    /** Anchor of late keys. */
    k0: v.exactOptional(h32),
    sig,
  }),
  v.check(
    ({ chains, root, m }) => (chains ? root === undefined && m === undefined : root !== undefined && m !== undefined),
    'either chains, or root and m',
  ),
);
export type Commitment = v.InferOutput<typeof commitmentSchema>;

const lockedChain = v.strictObject({ id: id16, n: whole(1, limits.chainLengthDouble), x0: h32, yEnd: h32 });
const plainChain = v.strictObject({ id: id16, n: whole(1, limits.chainLength), w0: h32 });
export const anchorSchema = v.union([plainChain, lockedChain]);
export type Anchor = v.InferOutput<typeof anchorSchema>;

/** Prepaid: the broker allots the indices `from`…`to` of a chain that it sold to one vendor. MAC under K_VB, or signed. */
export const ticketSchema = v.pipe(
  v.strictObject({
    typ: v.literal('ticket/1'),
    brk,
    vnd,
    pseud: id16,
    cur,
    unit: amtText,
    chain: anchorSchema,
    from: index,
    to: index,
    exp: seconds,
    mac: v.exactOptional(h32),
    sig: v.exactOptional(sig),
  }),
  v.check(({ mac, sig: signature }) => (mac === undefined) !== (signature === undefined), 'either mac or sig'),
  v.check(({ from, to, chain }) => from <= to && to <= chain.n, 'from ≤ to ≤ n'),
  v.check(({ chain, from }) => 'x0' in chain || from === 1, 'a chain that is not double-locked starts at 1'),
);
export type Ticket = v.InferOutput<typeof ticketSchema>;

/** Signed by the vendor: the session is over, so much was spent. `session` names a commitment, segment or ticket. */
export const closeSchema = v.strictObject({
  typ: v.literal('close/1'),
  vnd,
  session: h32,
  last: v.pipe(
    v.array(v.strictObject({ a: chainNumber, i: v.pipe(u32, v.maxValue(limits.chainLength)) })),
    v.maxLength(limits.chainsInline),
  ),
  spent: amt0Text,
  at: seconds,
  sig,
});
export type Close = v.InferOutput<typeof closeSchema>;

// ── payloads ────────────────────────────────────────────────────────────────────────────────────────────────────────

const credit = {
  commitment: commitmentSchema,
  cert: daycertSchema,
  a: chainNumber,
  i: index,
  w: h32,
  leaf: v.exactOptional(chainEntry),
  path: v.exactOptional(v.pipe(v.array(h32), v.maxLength(6))),
};
const plain = { ticket: ticketSchema, i: index, w: h32 };
const locked = { ticket: ticketSchema, i: index, x: h32, y: h32 };
const open = { action: v.literal('open') };
const topup = { action: v.literal('topup'), session: h32 };

export const openingSchema = v.union([
  v.strictObject({ ...open, ...credit }),
  v.strictObject({ ...open, ...plain }),
  v.strictObject({ ...open, ...locked }),
  v.strictObject({ ...topup, ...credit }),
  v.strictObject({ ...topup, ...plain }),
  v.strictObject({ ...topup, ...locked }),
]);
export type Opening = v.InferOutput<typeof openingSchema>;

/** `a` counts the chains of the session: those of its opening, then those of each top-up. */
const pay = { action: v.literal('pay'), session: h32, a: chainNumber, i: index };
export const tickSchema = v.union([v.strictObject({ ...pay, w: h32 }), v.strictObject({ ...pay, x: h32 })]);
export type Tick = v.InferOutput<typeof tickSchema>;

/**
 * What every payment in a session shows. The usual ones are tested by hand, in a tenth of the schema's time; the schema
 * has the last word about all others.
 * @throws {PaymentProblem} `payload-invalid`
 */
export const readTick = (payload: JsonObject): Tick =>
  isUsualTick(payload) ? payload : decode(tickSchema, payload, 'payload-invalid');

/** Says yes only to what the schema takes as it is. */
function isUsualTick(payload: JsonObject): payload is Tick {
  const { action, session, a, i, w } = payload;
  return (
    Object.keys(payload).length === 5 &&
    action === 'pay' &&
    isWhole(a, 0, limits.chainSegments - 1) &&
    isWhole(i, 1, limits.chainLength) &&
    matches(session, patterns.h32) &&
    matches(w, patterns.h32)
  );
}

const isWhole = (value: Json | undefined, min: number, max: number): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;

export const closeAction = v.strictObject({ action: v.literal('close'), session: h32 });

/** One claim's evidence: the highest word of each chain that was used. */
export const lastSchema = v.pipe(
  v.array(v.strictObject({ a: chainNumber, i: index, w: h32 })),
  v.maxLength(limits.chainsInline),
);
export type Last = v.InferOutput<typeof lastSchema>;

/** What a claim rests on: shown to the broker once. */
export const deedSchema = v.union([
  v.strictObject({
    commitment: commitmentSchema,
    cert: daycertSchema,
    a: v.exactOptional(chainNumber),
    leaf: v.exactOptional(chainEntry),
    path: v.exactOptional(v.pipe(v.array(h32), v.maxLength(6))),
  }),
  v.strictObject({ ticket: ticketSchema, y: v.exactOptional(h32) }),
]);
export type Deed = v.InferOutput<typeof deedSchema>;

// ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Session id of a commitment or ticket: h32 of its signing input. */
export const sessionId = (deed: Commitment | Ticket, crypto: Crypto): string => objectHash(deed, crypto);

/** A segment is a session of its own, so that devices need not know of each other. */
export function segmentId(commitment: Commitment, a: number, crypto: Crypto): string {
  const segment = { typ: 'segment/1', commitment: objectHash(commitment, crypto), a };
  return objectHash(segment, crypto);
}

/** The session that a deed opens. */
export function deedId(deed: { commitment: Commitment; a?: number } | { ticket: Ticket }, crypto: Crypto): string {
  if ('ticket' in deed) return sessionId(deed.ticket, crypto);
  const { commitment, a = 0 } = deed;
  return commitment.chains ? sessionId(commitment, crypto) : segmentId(commitment, a, crypto);
}

/** Bytes of a decoded h32 or id16. */
export function bytesOf(text: string): Uint8Array {
  const bytes = fromBase64url(text);
  if (!bytes) throw new TypeError('expected base64url that was decoded before');
  return bytes;
}
