// A broker that lies under its own key: its answers are changed before they are signed. For wallets, which are told a `fetch`, and for
// sites, which are told an address.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Bench } from '@farthing/broker/testing';
import { fromBase64url, type JsonObject, makeAnswer, type Order, signObject } from '@farthing/protocol';

/** What it says instead of the truth at a path; the same result is no lie. */
export type Lie = (path: string, result: JsonObject) => JsonObject;

export class LyingBroker {
  lie: Lie = (_, result) => result;
  readonly #bench: Bench;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, origin } = new URL(request.url);
    const isOrder = request.method === 'POST' && origin === new URL(this.#bench.url).origin;
    const order = isOrder ? ((await request.clone().json()) as Order) : undefined;
    const response = await fetch(request);
    if (!order || response.status !== 200) return response;
    const { result } = (await response.json()) as { result: JsonObject };
    const { brk } = this.#bench.public;
    const answer = makeAnswer(order, this.lie(pathname, result), { brk, seed: this.#seed }, this.#bench.env());
    return Response.json(answer);
  };

  /** An address for sites. */
  async listen(): Promise<{ readonly url: string } & Disposable> {
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const { method = 'GET', url = '/' } = request;
      const body = parts.length > 0 ? { body: Buffer.concat(parts) } : {};
      const headers = { 'content-type': request.headers['content-type'] ?? 'application/json' };
      const answer = await this.fetch(new URL(url, this.#bench.url), { method, headers, ...body });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
      response.end(await answer.text());
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}`,
      [Symbol.dispose]: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }

  /** A paper of the broker with other members, signed anew. */
  sign(paper: JsonObject, edit: JsonObject): JsonObject {
    const { sig: _, ...unsigned } = { ...paper, ...edit };
    const typ = String(unsigned['typ']);
    return { ...unsigned, sig: signObject({ ...unsigned, typ }, this.#seed, this.#bench.env().crypto) };
  }

  get #seed(): Uint8Array {
    const { root } = JSON.parse(readFileSync(join(this.#bench.data, 'keys.json'), 'utf8')) as { root: string };
    return fromBase64url(root) ?? new Uint8Array();
  }
}
