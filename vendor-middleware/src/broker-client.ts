// The site's calls to its broker: signed orders out, verified answers in, no redirects, everything bounded.
import { callBroker, neverLeft, type Reply, statedProblem } from '@farthing/node-kit';
import {
  type BrokerKeys,
  type Crypto,
  fromBase64url,
  type JsonObject,
  type Order,
  PaymentProblem,
  readAnswer,
  readBrokerKeys,
} from '@farthing/protocol';

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted` */
export async function fetchBrokerKeys(url: string, crypto: Crypto, expected?: string): Promise<BrokerKeys> {
  const reply = await call(url, '/v1/keys');
  if (reply.status !== 200) throw problemOf(reply);
  return readBrokerKeys(reply.json, fromBase64url, crypto, expected);
}

/**
 * What the broker tells everybody at a path; the caller checks it.
 * @throws {PaymentProblem} `broker-unreachable`; `unavailable`: not yet
 */
export async function fetchRecord(url: string, path: string): Promise<unknown> {
  const reply = await call(url, path);
  if (reply.status !== 200) throw problemOf(reply);
  return reply.json;
}

export type BrokerAt = { readonly url: string; readonly keys: BrokerKeys };

/**
 * Sends an order that the caller has stored or can make again, and verifies the answer. `body`: its JSON, where it is at hand.
 * @throws {PaymentProblem} `broker-unreachable`: send the same order again; else the broker's own problem. What it has done
 *   is `consumed`: nothing unless that says `unknown`
 */
export async function sendOrder(
  broker: BrokerAt,
  path: string,
  { order, body, crypto }: { order: Order; body?: string; crypto: Crypto },
): Promise<JsonObject> {
  const reply = await call(broker.url, path, body ?? JSON.stringify(order));
  if (reply.status !== 200) throw problemOf(reply);
  return readAnswer(reply.json, order, broker.keys, crypto);
}

async function call(base: string, path: string, body?: string): Promise<Reply> {
  try {
    return await callBroker(base, path, body);
  } catch (error) {
    if (error instanceof RangeError) throw new PaymentProblem('broker-untrusted', { detail: error.message });
    const consumed = neverLeft(error) ? false : 'unknown';
    const detail = `no answer from ${base}${path}`;
    throw Object.assign(new PaymentProblem('broker-unreachable', { detail, consumed, retryAfter: 5 }), {
      cause: error,
    });
  }
}

function problemOf(reply: Reply): PaymentProblem {
  const stated = statedProblem(reply);
  if (stated) return stated;
  // Not the broker's own words: a proxy may have passed the order on before it gave up.
  const isAway = reply.status >= 500 || reply.status === 429;
  const detail = `HTTP ${reply.status}`;
  return new PaymentProblem(isAway ? 'unavailable' : 'broker-untrusted', { detail, consumed: 'unknown' });
}
