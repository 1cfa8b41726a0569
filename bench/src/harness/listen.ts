// Takes one stream to its end over one connection.
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';

export type Listened = {
  readonly status: number;
  readonly bytes: number;
  /** From the request to the last byte. */
  readonly elapsedMs: number;
};

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** `line`: one header, `Name: value`. */
export async function listen({ port, path, line }: { port: number; path: string; line: string }): Promise<Listened> {
  const at = line.indexOf(': ');
  const headers = { [line.slice(0, at)]: line.slice(at + 2) };
  const startMs = performance.now();
  const asked = request({ host: '127.0.0.1', port, path, headers, agent });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(answer, 'end');
  return { status: answer.statusCode ?? 0, bytes, elapsedMs: performance.now() - startMs };
}
