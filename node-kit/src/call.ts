// One call to a broker: no redirect, a bounded time, a bounded answer. What it says is for the caller to check.
import {
  type Consumed,
  isObject,
  isProblemCode,
  type Json,
  type JsonObject,
  PaymentProblem,
  parseJson,
} from '@farthing/protocol';
import { requestJson } from './request.ts';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 1_048_576;

export type Reply = { readonly status: number; readonly json: Json | undefined };

/**
 * A GET, or with a body a POST of JSON.
 * @throws {RangeError} the answer is too large
 * @throws {Error} there is no answer: unless it `neverLeft`, what was asked may have been done all the same
 */
export async function callBroker(base: string, path: string, body?: string): Promise<Reply> {
  const url = new URL(base.replace(/\/$/, '') + path);
  // A redirect would carry an order to somebody who is not the broker. What goes there may go twice: orders have an id.
  const { status, text } = await requestJson(url, body, { timeoutMs: TIMEOUT_MS, answerBytes: ANSWER_BYTES });
  return { status, json: parseJson(text) };
}

/** No connection was made, so that nothing can have been done. */
const NO_CONNECTION = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

export const neverLeft = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && NO_CONNECTION.has(String(error.code));

/** The problem that a broker states; `undefined`: these are not its own words, but perhaps those of a proxy. */
export function statedProblem({ json }: Reply): PaymentProblem | undefined {
  if (!isObject(json) || !isProblemCode(json['code'])) return undefined;
  const { code, detail } = json;
  return new PaymentProblem(code, {
    ...(typeof detail === 'string' ? { detail: detail.slice(0, 200) } : {}),
    members: membersOf(json),
    consumed: consumedOf(json),
  });
}

function consumedOf({ consumed: said }: JsonObject): Consumed {
  return said === true || said === 'unknown' ? said : false;
}

const COMMON = new Set(['type', 'title', 'status', 'code', 'detail', 'consumed']);
const MEMBERS = { most: 8, chars: 256, items: 64 } as const;

/** What a problem says besides, such as `shortBy` or a list of spent coins: short texts alone. */
function membersOf(body: JsonObject): JsonObject {
  const isShort = (value: unknown): value is string => typeof value === 'string' && value.length <= MEMBERS.chars;
  const isList = (value: unknown): value is string[] =>
    Array.isArray(value) && value.length <= MEMBERS.items && value.every(isShort);
  const kept = Object.entries(body).filter(([name, value]) => !COMMON.has(name) && (isShort(value) || isList(value)));
  return Object.fromEntries(kept.slice(0, MEMBERS.most));
}
