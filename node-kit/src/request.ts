// One HTTP request with all of its answer, over connections that are kept: a quarter of the CPU of `fetch`, which a site pays for
// each payment that its broker decides.
import { Agent as PlainAgent, request as plainRequest, type RequestOptions } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';

export type Answered = { readonly status: number; readonly text: string };

type Bounds = { readonly timeoutMs: number; readonly answerBytes: number };

const plain = { request: plainRequest, agent: new PlainAgent({ keepAlive: true }) };
const tls = { request: tlsRequest, agent: new TlsAgent({ keepAlive: true }) };

/**
 * A GET, or with a body a POST of JSON. Redirects are not followed.
 * @throws {RangeError} the answer is too large
 * @throws {Error} there is no answer, or not in time
 */
export async function requestJson(url: URL, body: string | undefined, bounds: Bounds): Promise<Answered> {
  const signal = AbortSignal.timeout(bounds.timeoutMs);
  const once = () => attempt(url, body, { ...bounds, signal });
  return once().catch((error: unknown) => {
    // The server closed a kept connection while the request was on its way. Whatever has a body here may be sent twice.
    if (error instanceof StaleConnection) return once();
    throw error;
  });
}

class StaleConnection extends Error {
  override readonly name = 'StaleConnection';
}

function attempt(url: URL, body: string | undefined, { answerBytes, signal }: Bounds & { signal: AbortSignal }) {
  const { request, agent } = url.protocol === 'https:' ? tls : plain;
  const options: RequestOptions = {
    agent,
    signal,
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    },
  };
  return new Promise<Answered>((resolve, reject) => {
    const asked = request(url, options, (answer) => {
      const parts: Buffer[] = [];
      let length = 0;
      answer.on('data', (part: Buffer) => {
        length += part.length;
        parts.push(part);
        if (length > answerBytes) asked.destroy(new RangeError('the answer is too large'));
      });
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') });
      });
      answer.on('error', reject);
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = asked.reusedSocket && error.code === 'ECONNRESET';
      reject(isStale ? new StaleConnection('the connection was closed', { cause: error }) : error);
    });
    asked.end(body);
  });
}
