// Reads a request's body within its bound. One that is larger is answered at once, however slowly the rest may come.
import type { IncomingMessage } from 'node:http';
import { fromBase64url, fromUtf8, type JsonObject, limits, PaymentProblem, parseJson } from '@farthing/protocol';
import type { Body } from '../services/step.ts';

/** What takes longer to send an order is none of ours. */
const BODY_MS = 20_000;

/** `most`: bytes. @throws {PaymentProblem} `type-unsupported`, `body-too-large`, `request-malformed` */
export async function readJson(request: IncomingMessage, most: number): Promise<JsonObject> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json' || request.headers['content-encoding'] !== undefined) {
    throw new PaymentProblem('type-unsupported');
  }
  return objectOf(await readBytes(request, most));
}

/**
 * An order that came in the header Farthing-Order, base64url of its JSON, because the body is bytes.
 * @throws {PaymentProblem} `body-too-large`, `request-malformed`, `type-unsupported`
 */
export function readHeader(request: IncomingMessage, most: number): JsonObject {
  try {
    if (Number(request.headers['content-length'] ?? 0) > most) throw new PaymentProblem('body-too-large');
    const order = request.headers['farthing-order'];
    const json = objectOf((typeof order === 'string' && fromBase64url(order)) || new Uint8Array());
    if (request.headers['content-type'] !== 'application/octet-stream') throw new PaymentProblem('type-unsupported');
    return json;
  } catch (error) {
    request.resume();
    throw error;
  }
}

/** Of a request, as it comes. What is not wanted is read and dropped, so that the answer reaches who is still sending. */
export async function* bodyOf(request: IncomingMessage): Body {
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk;
  } catch {
    throw new PaymentProblem('request-malformed', { detail: 'the body broke off' });
  } finally {
    request.resume();
  }
}

function readBytes(request: IncomingMessage, most: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    const done = (settle: () => void) => {
      clearTimeout(late);
      request.off('data', take).off('end', end).off('error', broken).off('close', broken);
      settle();
    };
    const take = (part: Buffer) => {
      size += part.length;
      if (size <= most) parts.push(part);
      // What still comes is read and dropped, so that the answer reaches who is still sending; then the socket closes.
      else {
        done(() => reject(new PaymentProblem('body-too-large')));
        request.resume();
      }
    };
    const end = () => done(() => resolve(Buffer.concat(parts)));
    const broken = () => done(() => reject(new PaymentProblem('request-malformed', { detail: 'the body broke off' })));
    if (Number(request.headers['content-length'] ?? 0) > most) {
      request.resume();
      reject(new PaymentProblem('body-too-large'));
      return;
    }
    const late = setTimeout(() => request.destroy(), BODY_MS);
    request.on('data', take).on('end', end).on('error', broken).on('close', broken);
  });
}

function objectOf(bytes: Uint8Array): JsonObject {
  const json = parsed(bytes);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new PaymentProblem('request-malformed', {
      detail: `expected one JSON object with each member once, at most ${limits.jsonDepth} levels deep`,
    });
  }
  return json as JsonObject;
}

function parsed(bytes: Uint8Array) {
  try {
    return parseJson(fromUtf8(bytes));
  } catch {
    return undefined;
  }
}
