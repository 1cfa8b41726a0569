// The site's calls to its broker: signed orders out, verified answers in, no redirects, everything bounded.
import {
  type BrokerKeys,
  type Consumed,
  type Crypto,
  fromBase64url,
  isProblemCode,
  type JsonObject,
  type Order,
  PaymentProblem,
  parseJson,
  readAnswer,
  readBrokerKeys,
} from '@farthing/protocol';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 1_048_576;

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted` */
export async function fetchBrokerKeys(url: string, crypto: Crypto, expected?: string): Promise<BrokerKeys> {
  const { status, json } = await call(url, '/v1/keys', undefined);
  if (status !== 200) throw problemOf(status, json);
  return readBrokerKeys(json, fromBase64url, crypto, expected);
}

/**
 * What the broker tells everybody at a path; the caller checks it.
 * @throws {PaymentProblem} `broker-unreachable`; `unavailable`: not yet
 */
export async function fetchRecord(url: string, path: string): Promise<unknown> {
  const { status, json } = await call(url, path, undefined);
  if (status !== 200) throw problemOf(status, json);
  return json;
}

export type BrokerAt = { readonly url: string; readonly keys: BrokerKeys };

/**
 * Sends an order that the caller has stored or can make again, and verifies the answer.
 * @throws {PaymentProblem} `broker-unreachable`: send the same order again; else the broker's own problem. What it has done
 *   is `consumed`: nothing unless that says `unknown`
 */
export async function sendOrder(
  broker: BrokerAt,
  path: string,
  { order, crypto }: { order: Order; crypto: Crypto },
): Promise<JsonObject> {
  const { status, json } = await call(broker.url, path, JSON.stringify(order));
  if (status !== 200) throw problemOf(status, json);
  return readAnswer(json, order, broker.keys, crypto);
}

async function call(base: string, path: string, body: string | undefined): Promise<{ status: number; json: unknown }> {
  try {
    const answer = await fetch(new URL(path, base), {
      method: body === undefined ? 'GET' : 'POST',
      // A redirect would carry the order to somebody who is not the broker.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, json: parseJson(await boundedText(answer)) };
  } catch (error) {
    if (error instanceof PaymentProblem) throw error;
    const consumed = neverLeft(error) ? false : 'unknown';
    const detail = `no answer from ${base}${path}`;
    throw Object.assign(new PaymentProblem('broker-unreachable', { detail, consumed, retryAfter: 5 }), {
      cause: error,
    });
  }
}

/** No connection was made, so that nothing can have been done. */
const NO_CONNECTION = new Set([
  ...['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  'UND_ERR_CONNECT_TIMEOUT',
]);

function neverLeft(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && NO_CONNECTION.has(String(cause.code));
}

async function boundedText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.body ?? []) {
    length += part.byteLength;
    if (length > ANSWER_BYTES) throw new PaymentProblem('broker-untrusted', { detail: 'the answer is too large' });
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function problemOf(status: number, json: unknown): PaymentProblem {
  const body = typeof json === 'object' && json !== null ? json : {};
  const detail = 'detail' in body && typeof body.detail === 'string' ? body.detail.slice(0, 200) : `HTTP ${status}`;
  if ('code' in body && isProblemCode(body.code)) {
    return new PaymentProblem(body.code, { detail, members: membersOf(body), consumed: consumedOf(body) });
  }
  // Not the broker's own words: a proxy may have passed the order on before it gave up.
  const isAway = status >= 500 || status === 429;
  return new PaymentProblem(isAway ? 'unavailable' : 'broker-untrusted', { detail, consumed: 'unknown' });
}

function consumedOf(body: object): Consumed {
  const said = 'consumed' in body ? body.consumed : false;
  return said === true || said === 'unknown' ? said : false;
}

const COMMON = new Set(['type', 'title', 'status', 'code', 'detail', 'consumed']);
const MEMBERS = { most: 8, chars: 256, items: 64 } as const;

/** What a problem says besides, such as `shortBy` or a list of spent coins: short texts alone. */
function membersOf(body: object): JsonObject {
  const isShort = (value: unknown): value is string => typeof value === 'string' && value.length <= MEMBERS.chars;
  const isList = (value: unknown): value is string[] =>
    Array.isArray(value) && value.length <= MEMBERS.items && value.every(isShort);
  const kept = Object.entries(body).filter(([name, value]) => !COMMON.has(name) && (isShort(value) || isList(value)));
  return Object.fromEntries(kept.slice(0, MEMBERS.most));
}
