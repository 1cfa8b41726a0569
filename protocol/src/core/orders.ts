// Messages between the broker and its customers and sites. Whatever moves money or needs authority is a signed object
// {typ, from, rid, at, …, sig}: `from` is the Ed25519 key that signs, `rid` the client's own id of the request. The
// broker stores its signed answer with (from, rid): the same bytes get the same answer, other bytes a `rid-conflict`.
import * as v from 'valibot';
import { toBase32, toBase64url, utf8 } from './bytes.ts';
import type { Crypto, Env } from './crypto.ts';
import {
  amt,
  amt0,
  amtText,
  boundedText,
  brk,
  cur,
  decode,
  h32,
  id16,
  jsonObject,
  seconds,
  sig,
  signedText,
  u32,
  vnd,
  webOrigin,
} from './decode.ts';
import { canonicalJson, type JsonObject } from './json.ts';
import { limits } from './limits.ts';
import { PaymentProblem } from './problems.ts';
import { type Known, signedTexts, signObject, verifyObject } from './sign.ts';

export type Order = {
  readonly typ: string;
  readonly from: string;
  readonly rid: string;
  readonly at: number;
  readonly sig: string;
} & JsonObject;

/** The schema of one kind of order: its own members beside those that every order has. */
export function orderSchema<Typ extends string, Members extends v.ObjectEntries>(typ: Typ, members: Members) {
  return v.strictObject({ typ: v.literal(typ), from: h32, rid: id16, at: seconds, ...members, sig });
}

const unsignedOrder = (typ: string, members: JsonObject, seed: Uint8Array, env: Env) => ({
  ...members,
  typ,
  from: toBase64url(env.crypto.publicKey(seed)),
  rid: toBase64url(env.random(16)),
  at: Math.floor(env.nowMs / 1000),
});

/** Makes and signs an order. Store the result before sending it: a repeat must carry the same bytes. */
export function makeOrder(typ: string, members: JsonObject, seed: Uint8Array, env: Env): Order {
  const unsigned = unsignedOrder(typ, members, seed, env);
  return { ...unsigned, sig: signObject(unsigned, seed, env.crypto) };
}

/** An order with its canonical JSON, and its `objectHash`. */
export type PrintedOrder = { readonly order: Order; readonly body: string; readonly hash: string };

/** The same for long ones, such as a batch of claims: printed once, to be signed, named, stored and sent. */
export function printOrder(
  typ: string,
  members: JsonObject,
  seed: Uint8Array,
  env: Env & { readonly known?: Known },
): PrintedOrder {
  const unsigned = unsignedOrder(typ, members, seed, env);
  const { body, signed, sig } = signedTexts(unsigned, seed, env);
  return { order: { ...unsigned, sig }, body, hash: env.crypto.hashText(signed) };
}

/** @throws {PaymentProblem} `signature-invalid` */
export function checkOrder(order: Order, crypto: Crypto): void {
  if (!verifyObject(order, order.from, order.sig, crypto)) throw new PaymentProblem('signature-invalid');
}

// ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Answer = {
  readonly typ: string;
  readonly brk: string;
  readonly from: string;
  readonly rid: string;
  readonly at: number;
  readonly result: JsonObject;
  readonly sig: string;
};

type Answering = { readonly brk: string; readonly seed: Uint8Array };

const unsignedAnswer = (order: Order, result: JsonObject, brk: string, nowMs: number) => ({
  typ: `${order.typ}-answer`,
  brk,
  from: order.from,
  rid: order.rid,
  at: Math.floor(nowMs / 1000),
  result,
});

export function makeAnswer(order: Order, result: JsonObject, { brk, seed }: Answering, env: Env): Answer {
  const unsigned = unsignedAnswer(order, result, brk, env.nowMs);
  return { ...unsigned, sig: signObject(unsigned, seed, env.crypto) };
}

/** The same as canonical JSON: what a broker stores and sends. Its members are known, and written in their order. */
export function printAnswer(order: Order, result: JsonObject, { brk, seed }: Answering, env: Env): string {
  const { typ, from, rid, at } = unsignedAnswer(order, result, brk, env.nowMs);
  const [head, tail] = [
    `{"at":${at},"brk":${canonicalJson(brk)},"from":${canonicalJson(from)},"result":${canonicalJson(result)},"rid":${canonicalJson(rid)},`,
    `"typ":${canonicalJson(typ)}}`,
  ];
  const sig = toBase64url(env.crypto.sign(seed, utf8(`farthing/${typ}\0${head}${tail}`)));
  return `${head}"sig":"${sig}",${tail}`;
}

const answerSchema = v.strictObject({
  typ: boundedText(64),
  brk,
  from: h32,
  rid: id16,
  at: seconds,
  result: jsonObject,
  sig,
});

/**
 * Reads an answer as the client must: it is this broker's, and it answers this order.
 * @throws {PaymentProblem} `broker-untrusted`
 */
export function readAnswer(
  json: unknown,
  order: Order,
  broker: { brk: string; root: string },
  crypto: Crypto,
): JsonObject {
  const answer = decode(answerSchema, json, 'broker-untrusted');
  const fits =
    answer.typ === `${order.typ}-answer` &&
    answer.brk === broker.brk &&
    answer.from === order.from &&
    answer.rid === order.rid;
  if (!fits || !verifyObject(answer as JsonObject & { typ: string }, broker.root, answer.sig, crypto)) {
    throw new PaymentProblem('broker-untrusted', {
      detail: 'the answer is not signed by this broker for this request',
    });
  }
  return answer.result;
}

// ── who the broker and the sites are ────────────────────────────────────────────────────────────────────────────────

/** `brk`: 26 base32 characters of SHA-256 of the broker's root key. Knowing the id is knowing the key. */
export function brokerId(root: Uint8Array, crypto: Crypto): string {
  return toBase32(crypto.sha256(root)).slice(0, 26);
}

/** `GET /v1/keys`: what a broker says of itself, signed by its root key. `box` seals secrets to it (X25519). */
export const brokerKeysSchema = v.object({
  typ: v.literal('keys/1'),
  brk,
  root: h32,
  box: h32,
  name: boundedText(64),
  test: v.boolean(),
  currencies: v.pipe(v.array(cur), v.minLength(1), v.maxLength(8)),
  /** Demo money a customer can get at once, in base units; absent without a faucet. */
  faucet: v.exactOptional(v.string()),
  /** PayWord on credit: sites report one payment in so many base units of any currency, on average. */
  poll: v.exactOptional(amtText),
  /** Where people without a wallet of their own pay: the broker's own page. */
  pay: v.exactOptional(v.pipe(boundedText(300), v.regex(/^https?:\/\/[^\s?#]+$/, 'an address'))),
  at: seconds,
  sig,
});
export type BrokerKeys = v.InferOutput<typeof brokerKeysSchema>;

/**
 * @throws {PaymentProblem} `broker-untrusted`: malformed, not signed by its own root, or not the broker that was expected
 */
export function readBrokerKeys(
  json: unknown,
  rootBytes: (text: string) => Uint8Array | undefined,
  crypto: Crypto,
  expected?: string,
): BrokerKeys {
  const keys = decode(brokerKeysSchema, json, 'broker-untrusted');
  const root = rootBytes(keys.root);
  if (!root || brokerId(root, crypto) !== keys.brk || !verifyObject(keys, keys.root, keys.sig, crypto)) {
    throw new PaymentProblem('broker-untrusted', { detail: 'the key list is not signed by its own root key' });
  }
  if (expected !== undefined && keys.brk !== expected) {
    throw new PaymentProblem('broker-untrusted', { detail: `expected broker ${expected}, got ${keys.brk}` });
  }
  return keys;
}

/** An origin entry that vouches for any loopback origin: brokers in test mode write it, wallets accept it from those only. */
export const LOOPBACK = 'loopback';

/** `GET /v1/vendors/:vnd`: the broker vouches that this name, key and these origins belong together. */
export const vendorRecordSchema = v.object({
  typ: v.literal('vendor/1'),
  brk,
  vnd,
  pk: h32,
  name: boundedText(64),
  origins: v.pipe(v.array(v.union([v.literal(LOOPBACK), webOrigin])), v.maxLength(limits.vendorOrigins)),
  /** The broker that the site settles with, when the one that vouches only clears with it and took its word. */
  via: v.exactOptional(brk),
  at: seconds,
  sig,
});
export type VendorRecord = v.InferOutput<typeof vendorRecordSchema>;

// ── orders that belong to no method ─────────────────────────────────────────────────────────────────────────────────

/** POST /v1/faucet → {balance, cur, lines} */
export const faucetOrder = orderSchema('faucet/1', { amount: amt, cur });

/** POST /v1/voucher: the code as printed, letters and digits in groups. */
export const voucherOrder = orderSchema('voucher/1', {
  code: v.pipe(v.string(), v.regex(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/, 'a code such as 7K3M-…')),
});

/**
 * POST /v1/statement: a signed read, so it is answered afresh and not stored. `after` is the last `seq` seen.
 * With `vnd` it tells of the site's account, to the key that the name is registered to.
 */
export const statementOrder = orderSchema('statement/1', {
  cur,
  vnd: v.exactOptional(vnd),
  after: v.optional(u32, 0),
  limit: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(limits.statementLines)), 50),
});

export const statementResult = v.object({
  balance: amt0,
  cur,
  /** What the account owes; its balance is 0 then. */
  owed: v.exactOptional(amt),
  /** How much the broker lets it owe; absent without credit. */
  line: v.exactOptional(amt0),
  /** Of its money, what waits aside for cheques that sites may serve unasked; it is not in the balance. */
  aside: v.exactOptional(amt),
  /** The moment from which what it owes by its last invoices is overdue; absent while nothing of them is. */
  due: v.exactOptional(seconds),
  /** Lines up to entry `seq` are in the operator's archive: how many, and what they sum to. Absent when none is missing here. */
  archived: v.exactOptional(v.object({ seq: u32, amount: signedText, lines: u32 })),
  lines: v.array(
    v.object({
      seq: u32,
      at: seconds,
      kind: boundedText(32),
      /** What the account gained or lost. */
      amount: signedText,
      ref: boundedText(128),
    }),
  ),
});

/** What every money-moving answer says of the account after it. */
export const balanceResult = v.object({ balance: amt0, cur });

/** Answer of a voucher: what it was worth besides. */
export const voucherResult = v.object({ balance: amt0, cur, credited: amt });

/** POST /v1/vendors: registers `from` as the key of the name `vnd`. Repeating it with other origins changes them. */
export const vendorOrder = orderSchema('vendor-register/1', {
  vnd,
  name: boundedText(64),
  origins: v.pipe(v.array(v.union([v.literal(LOOPBACK), webOrigin])), v.maxLength(limits.vendorOrigins)),
  invite: v.exactOptional(boundedText(64)),
});
export const vendorResult = v.object({ vendor: vendorRecordSchema });

// ── paying sites ────────────────────────────────────────────────────────────────────────────────────────────────────

/** A batch of claims names the one before: `prev` is its hash, "" for the first. */
export const prevBatch = v.union([v.literal(''), h32]);

/** What a site got for a batch of claims of any method; `batch` is the hash of the order, the `prev` of the next. */
export const redemptionSchema = v.object({
  typ: v.literal('redemption/1'),
  brk,
  vnd,
  batch: h32,
  prev: prevBatch,
  credited: amt0,
  fee: amt0,
  at: seconds,
  sig,
});
