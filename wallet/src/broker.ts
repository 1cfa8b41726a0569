// The broker's HTTP API as a wallet uses it: follows no redirect, bounds what it reads, believes nothing unsigned.
import {
  type Answer,
  type BrokerKeys,
  decode,
  fromBase64url,
  isProblemCode,
  type Json,
  type JsonObject,
  limits,
  type Order,
  PaymentProblem,
  parseJson,
  readAnswer,
  readBrokerKeys,
  type VendorRecord,
  vendorRecordSchema,
  verifyObject,
} from '@farthing/protocol';
import type { Broker, Context } from './context.ts';

/** A broker that does not answer within this counts as away. */
export const PATIENCE_MS = 15_000;

export type Reply = { readonly status: number; readonly json: Json | undefined };

/** @throws {PaymentProblem} `broker-unreachable` for anything but an answer */
export async function call(ctx: Context, url: string, body?: string, most?: number): Promise<Reply> {
  try {
    const response = await ctx.ports.fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      redirect: 'error',
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { status: response.status, json: parseJson(await readBounded(response, most)) };
  } catch {
    throw new PaymentProblem('broker-unreachable', { detail: `no answer from ${new URL(url).origin}` });
  }
}

/** Text of a body, up to `most` bytes. */
export async function readBounded(response: Response, most: number = limits.bodyBytes): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > most) {
      await reader.cancel();
      throw new RangeError(`an answer has at most ${most} bytes`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** The problem that an answer states; one that states none says that something else than the broker answered. */
export function problemOf({ status, json }: Reply): PaymentProblem {
  const body = typeof json === 'object' && json !== null && !Array.isArray(json) ? (json as JsonObject) : {};
  const { code, detail, shortBy, retryAfter } = body;
  if (!isProblemCode(code)) return new PaymentProblem('broker-unreachable', { detail: `unexpected answer ${status}` });
  return new PaymentProblem(code, {
    ...(typeof detail === 'string' ? { detail: detail.slice(0, 200) } : {}),
    ...(typeof shortBy === 'string' ? { members: { shortBy } } : {}),
    ...(typeof retryAfter === 'number' ? { retryAfter } : {}),
  });
}

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted` */
export async function fetchKeys(ctx: Context, url: string, expected?: string): Promise<BrokerKeys> {
  const reply = await call(ctx, `${url}/v1/keys`);
  if (reply.status !== 200) throw problemOf(reply);
  return readBrokerKeys(reply.json, fromBase64url, ctx.env().crypto, expected);
}

/** @throws {PaymentProblem} `vendor-unknown`, `broker-unreachable`, `broker-untrusted` */
export async function fetchVendor(ctx: Context, broker: Broker, vnd: string): Promise<VendorRecord> {
  const reply = await call(ctx, `${broker.url}/v1/vendors/${encodeURIComponent(vnd)}`);
  if (reply.status !== 200) throw problemOf(reply);
  const record = decode(vendorRecordSchema, reply.json, 'broker-untrusted');
  const signed = verifyObject(record, broker.keys.root, record.sig, ctx.env().crypto);
  if (!signed || record.brk !== broker.keys.brk || record.vnd !== vnd) {
    throw new PaymentProblem('broker-untrusted', { detail: `the record of ${vnd} is not signed by this broker` });
  }
  return record;
}

export type Posted =
  /** `answer` is kept as evidence when its content turns out wrong. */
  | { readonly kind: 'answered'; readonly result: JsonObject; readonly answer: Json }
  /** Nothing was done, and repeating the same bytes will not change that. */
  | { readonly kind: 'refused'; readonly problem: PaymentProblem };

/** Problems after which the same order may still be, or have been, executed. */
const TRANSIENT = new Set(['rate-limit', 'unavailable', 'broker-unreachable', 'site-fault', 'site-not-ready']);

/**
 * Sends a stored order.
 * @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, `rate-limit`, `unavailable`: the order stays open
 */
export async function post(ctx: Context, broker: Broker, order: { path: string; body: string }): Promise<Posted> {
  const reply = await call(ctx, broker.url + order.path, order.body);
  if (reply.status === 200) {
    const sent = JSON.parse(order.body) as Order;
    const result = readAnswer(reply.json, sent, { brk: broker.keys.brk, root: broker.keys.root }, ctx.env().crypto);
    return { kind: 'answered', result, answer: reply.json as Answer };
  }
  const problem = problemOf(reply);
  if (reply.status >= 500 || TRANSIENT.has(problem.code)) throw problem;
  return { kind: 'refused', problem };
}
