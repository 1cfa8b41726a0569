// The way between two brokers, on which messages are lost or changed as a test wants.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '@farthing/protocol';

type Reply = { readonly status: number; readonly body: JsonObject };
/** `lose-request`: it never arrives. `lose-answer`: it is done, and nobody hears of it. A function changes the answer. */
export type Fate = 'pass' | 'lose-request' | 'lose-answer' | ((reply: Reply, request: JsonObject) => Reply);

export class Wire {
  /** What becomes of the next orders; reads always pass. */
  fate: Fate = 'pass';
  readonly seen: JsonObject[] = [];
  /** Called when an order comes, and when its answer comes. */
  onOrder: (moment: 'asked' | 'answered') => void = () => {};
  readonly #server: Server;
  readonly #to: () => string;

  constructor(to: () => string) {
    this.#to = to;
    this.#server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const text = Buffer.concat(parts).toString();
        this.#pass(request.url ?? '/', text)
          .then((reply) => {
            if (reply === undefined) return response.destroy();
            return response
              .writeHead(reply.status, { 'content-type': 'application/json', connection: 'close' })
              .end(JSON.stringify(reply.body));
          })
          .catch(() => response.destroy());
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #pass(path: string, text: string): Promise<Reply | undefined> {
    const fate = text === '' ? 'pass' : this.fate;
    if (fate === 'lose-request') return undefined;
    const request = text === '' ? {} : (JSON.parse(text) as JsonObject);
    if (text !== '') this.seen.push(request);
    if (text !== '') this.onOrder('asked');
    const sent = text === '' ? {} : { method: 'POST', body: text, headers: { 'content-type': 'application/json' } };
    const answer = await fetch(this.#to() + path, sent);
    const reply = { status: answer.status, body: (await answer.json()) as JsonObject };
    if (text !== '') this.onOrder('answered');
    if (fate === 'lose-answer') return undefined;
    return typeof fate === 'function' ? fate(reply, request) : reply;
  }
}
