// Scrip on the wire: objects, MACs and their checks (Millicent: Glassman, Manasse, Abadi, Gauthier, Sobalvarro, WWW4 1995).
// The names are the paper's: vendor, broker, customer, scrip, change, master scrip secret, master customer secret.
import * as v from 'valibot';
import { equalText, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import {
  amt,
  amt0Text,
  amtText,
  brk,
  cur,
  decode,
  h32,
  isObject,
  kid,
  matches,
  patterns,
  SECONDS_MAX,
  seconds,
  sig,
  stringMap,
  vnd,
} from '../core/decode.ts';
import { canonicalJson, type Json, type JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import { macObject } from '../core/sign.ts';

const SCRIP_ID = /^[a-z][a-z0-9]{0,7}\.(0|[1-9][0-9]{0,14})$/;
const CUSTOMER_ID = /^[a-z][a-z0-9]{0,7}\.[A-Za-z0-9_-]{21}[AQgw]$/;
const scripId = v.pipe(v.string(), v.regex(SCRIP_ID, 'a scrip id such as k1.1001'));
const customerId = v.pipe(v.string(), v.regex(CUSTOMER_ID, 'a customer id such as k1.<id16>'));

export const scripSchema = v.strictObject({
  typ: v.literal('scrip/1'),
  vnd,
  root: scripId,
  id: scripId,
  val: amtText,
  cur,
  cid: customerId,
  exp: seconds,
  props: v.pipe(
    stringMap,
    v.check((props) => canonicalJson(props).length <= limits.scripPropsBytes, 'at most 256 bytes'),
  ),
  mac: h32,
});

/** A piece of scrip: `val` base units at one vendor. `root` is the id of the piece that the broker sold. */
export type Scrip = v.InferOutput<typeof scripSchema>;

/** Property that marks a piece as spendable without a proof: whoever sees it can spend it. For coupons. */
export const BEARER = { use: 'bearer' } as const;
export const isBearer = (scrip: Scrip): boolean => scrip.props['use'] === BEARER.use;

/** Master secrets of one key id, 32 bytes each: `scrip` certifies scrip, `customer` derives customer secrets. */
export type MasterSecrets = { readonly scrip: Uint8Array; readonly customer: Uint8Array };

export function splitId(id: string): { kid: string; serial: string } {
  const dot = id.indexOf('.');
  return { kid: id.slice(0, dot), serial: id.slice(dot + 1) };
}

export function certify(scrip: Omit<Scrip, 'mac'>, secret: Uint8Array, crypto: Crypto): Scrip {
  return { ...scrip, mac: crypto.macText(secret, scripText(scrip)) };
}

export const isCertified = (scrip: Scrip, secret: Uint8Array, crypto: Crypto): boolean =>
  equalText(scrip.mac, crypto.macText(secret, scripText(scrip)));

// The three texts that every payment makes are `signingText` written out: their schemas allow no character that JSON
// would escape, except where it is quoted. That is a tenth of the work of sorting and quoting member by member.

const scripText = ({ cid, cur, exp, id, props, root, val, vnd }: Omit<Scrip, 'mac'>): string =>
  `farthing/scrip/1\0{"cid":"${cid}","cur":"${cur}","exp":${exp},"id":"${id}","props":${canonicalJson(props)},` +
  `"root":"${root}","typ":"scrip/1","val":"${val}","vnd":"${vnd}"}`;

/** csec = HMAC(master customer secret, "farthing/scrip-customer/1" NUL cid): shared by vendor, broker and customer. */
export function customerSecret(cid: string, secret: Uint8Array, crypto: Crypto): Uint8Array {
  return crypto.hmacSha256(secret, utf8(`farthing/scrip-customer/1\0${cid}`));
}

export type PayProof = { challengeId: string; scrip: Scrip; target: string; digest: string; change: boolean };

/** HMAC(csec, `scrip-pay/1`): binds the piece to this challenge, this request target and the wish for change. */
export function payProof(
  { challengeId, scrip, target, digest, change }: PayProof,
  csec: Uint8Array,
  crypto: Crypto,
): string {
  return crypto.macText(
    csec,
    `farthing/scrip-pay/1\0{"challengeId":${canonicalJson(challengeId)},"change":${change},` +
      `"digest":${canonicalJson(digest)},"scrip":"${scrip.mac}","target":${canonicalJson(target)},"typ":"scrip-pay/1"}`,
  );
}

/** HMAC(csec, `scrip-receipt/1`): tells the customer that the vendor, and not a proxy, gave this change. */
export function receiptProof(
  { challengeId, amount, change }: { challengeId: string; amount: bigint; change: Scrip | undefined },
  csec: Uint8Array,
  crypto: Crypto,
): string {
  return crypto.macText(
    csec,
    `farthing/scrip-receipt/1\0{"amount":"${amount}","challengeId":${canonicalJson(challengeId)},` +
      `"change":"${change?.mac ?? ''}","typ":"scrip-receipt/1"}`,
  );
}

/** HMAC(csec, `scrip-release/1`): the holder gives the piece back; `to` is the account that may cash the release. */
export const releaseProof = ({ scrip, to }: { scrip: Scrip; to: string }, csec: Uint8Array, crypto: Crypto): string => {
  const rebuilt = { typ: 'scrip-release/1', scrip: scrip.mac, to };
  return macObject(rebuilt, csec, crypto);
};

/** HMAC(csec, `scrip-funds/1`): pays a broker order with broker scrip; bound to that order's id. */
export const fundsProof = ({ scrip, rid }: { scrip: Scrip; rid: string }, csec: Uint8Array, crypto: Crypto): string => {
  const rebuilt = { typ: 'scrip-funds/1', scrip: scrip.mac, rid };
  return macObject(rebuilt, csec, crypto);
};

export const signedPayload = v.strictObject({
  scrip: scripSchema,
  proof: v.exactOptional(h32),
  change: v.exactOptional(v.boolean()),
});

type SignedPayload = v.InferOutput<typeof signedPayload>;

/**
 * The payload of every scrip payment. What wallets send is tested by hand, in a tenth of the schema's time; the schema
 * has the last word about everything else.
 * @throws {PaymentProblem} `payload-invalid`
 */
export const readSignedPayload = (payload: JsonObject): SignedPayload =>
  isUsual(payload) ? payload : decode(signedPayload, payload, 'payload-invalid');

/** Says yes only to what the schema takes as it is. */
function isUsual(payload: JsonObject): payload is SignedPayload {
  const { scrip, proof, change } = payload;
  return (
    Object.keys(payload).length === 3 &&
    matches(proof, patterns.h32) &&
    typeof change === 'boolean' &&
    isUsualScrip(scrip)
  );
}

function isUsualScrip(scrip: Json | undefined): scrip is Scrip {
  if (!isObject(scrip)) return false;
  const { typ, vnd, root, id, val, cur, cid, exp, props, mac } = scrip;
  return (
    Object.keys(scrip).length === 10 &&
    typ === 'scrip/1' &&
    (cur === 'usd-micro' || cur === 'eur-micro') &&
    typeof exp === 'number' &&
    exp >= 0 &&
    exp <= SECONDS_MAX &&
    Number.isSafeInteger(exp) &&
    isObject(props) &&
    Object.keys(props).length === 0 &&
    matches(vnd, patterns.vnd) &&
    matches(root, SCRIP_ID) &&
    matches(id, SCRIP_ID) &&
    matches(val, patterns.amount) &&
    matches(cid, CUSTOMER_ID) &&
    matches(mac, patterns.h32)
  );
}

/** A licence lets a broker make scrip of a vendor: which serials, how much in all, until when. Signed by both. */
export const licenceSchema = v.strictObject({
  typ: v.literal('licence/1'),
  vnd,
  brk,
  kid,
  first: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(Number(limits.scripSerial) - 1)),
  last: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(Number(limits.scripSerial) - 1)),
  ceiling: amtText,
  maxVal: amtText,
  cur,
  /** What the broker keeps of redeemed value, in hundredths of a per cent. */
  feeBps: v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(10_000)),
  nbf: seconds,
  exp: seconds,
  sigs: v.strictObject({ v: sig, b: v.exactOptional(sig) }),
});
export type Licence = v.InferOutput<typeof licenceSchema>;

/** Signed by the vendor: the piece is cancelled, `left` of its root was unspent, and `to` may cash it at the broker. */
export const releaseSchema = v.strictObject({
  typ: v.literal('release/1'),
  vnd,
  root: scripId,
  left: amt0Text,
  to: h32,
  at: seconds,
  sig,
});
export type Release = v.InferOutput<typeof releaseSchema>;

export const releaseRequest = v.strictObject({ scrip: scripSchema, to: h32, proof: h32 });

export const claimSchema = v.strictObject({ root: scripId, cum: amt });
