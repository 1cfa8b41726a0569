// One call to a broker: no redirect, a bounded time, a bounded answer. What it says is for the caller to check.
import { type Json, parseJson } from '@farthing/protocol';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 1_048_576;

export type Reply = { readonly status: number; readonly json: Json | undefined };

/**
 * A GET, or with a body a POST of JSON.
 * @throws {Error} there is no answer, or it is too large: what was asked may have been done all the same
 */
export async function callBroker(base: string, path: string, body?: string): Promise<Reply> {
  const answer = await fetch(base + path, {
    method: body === undefined ? 'GET' : 'POST',
    // A redirect would carry an order to somebody who is not the broker.
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, json: parseJson(await boundedText(answer)) };
}

async function boundedText(answer: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of answer.body ?? []) {
    length += part.byteLength;
    if (length > ANSWER_BYTES) throw new Error('the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
