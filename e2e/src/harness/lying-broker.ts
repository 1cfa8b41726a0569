// A broker that lies under its own key: its answers are changed before they are signed. For wallets, which are told a `fetch`.
import { readFileSync } from 'node:fs';
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
