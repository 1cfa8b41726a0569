// The site's calls to its broker: signed orders out, verified answers in, no redirects, everything bounded.
import {
  type BrokerKeys,
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
 * What the broker publishes of the coins that are locked to a site; the caller checks it.
 * @throws {PaymentProblem} `broker-unreachable`; `unavailable`: there are none yet
 */
export async function fetchKeysets(url: string, vnd: string): Promise<unknown> {
  const { status, json } = await call(url, `/v1/vendors/${encodeURIComponent(vnd)}/keysets`, undefined);
  if (status !== 200) throw problemOf(status, json);
  return json;
}

export type BrokerAt = { readonly url: string; readonly keys: BrokerKeys };

/**
 * Sends an order that the caller has stored, and verifies the answer.
 * @throws {PaymentProblem} `broker-unreachable`: send the same order again; else the broker's own problem
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
    throw new PaymentProblem('broker-unreachable', { detail: `no answer from ${base}${path}`, retryAfter: 5 });
  }
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
    const members: Record<string, string> = {};
    if ('prev' in body && typeof body.prev === 'string') members['prev'] = body.prev.slice(0, 64);
    return new PaymentProblem(body.code, { detail, members });
  }
  return new PaymentProblem(status >= 500 || status === 429 ? 'unavailable' : 'broker-untrusted', { detail });
}
