// HTTP as bytes on a socket: for request lines and headers that no client library would send.
import { connect } from 'node:net';

export type RawAnswer = { readonly status: number; readonly head: string; readonly body: string };

/** Sends the text and reads until the server closes; `Connection: close` is the sender's business. */
export function raw(port: number, text: string): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part));
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', ...rest] = Buffer.concat(parts).toString('latin1').split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body: rest.join('\r\n\r\n') });
    });
  });
}

/** One request: request line and headers as they are, closed after the answer. */
export const rawRequest = (port: number, line: string, headers: readonly string[] = []): Promise<RawAnswer> =>
  raw(port, [`${line} HTTP/1.1`, 'Host: site.test', 'Connection: close', ...headers, '', ''].join('\r\n'));
