// Asking other brokers. An order to one of them is written down before it is sent and kept until there is an answer: the same
// bytes, however often, so that a lost message or a crash on either side is mended by asking again.
import { callBroker, faultOf, type Reply, statedProblem } from '@farthing/node-kit';
import {
  canonicalJson,
  decode,
  fromBase64url,
  type Json,
  type Order,
  PaymentProblem,
  parseJson,
  readAnswer,
} from '@farthing/protocol';
import { type KeyList, type Keyset, keyListHash, keysetsResult, readKeyList } from '@farthing/protocol/broker';
import type { PeerOrderRow, PeerRow } from '../ledger/peers.ts';
import type { PeerSaid, Step } from './step.ts';

type Parts = {
  readonly read: <T>(look: (step: Step) => T) => Promise<T>;
  readonly write: <T>(work: (step: Step) => T) => Promise<T>;
  readonly step: () => Step;
  /** Finishes the site's order that is in an order of ours, as if the site had repeated it. */
  readonly resume: (order: Order) => Promise<unknown>;
};

/** What another broker publishes of its coins. `atMs`: when it was read. */
export type PeerMint = {
  readonly list: KeyList;
  readonly hash: string;
  readonly keysets: ReadonlyMap<string, Keyset>;
  readonly records: Json;
  readonly atMs: number;
};

/** A list is read again after this; for a keyset that is not in it, sooner. */
const LIST_MS = 3_600_000;
const SOONER_MS = 5_000;
/** Open orders that are read at once. */
const PAGE = 200;
const endOf = (page: readonly PeerOrderRow[]): number => page.at(-1)?.n ?? 0;

export class PeerDesk {
  readonly #parts: Parts;
  readonly #mints = new Map<string, PeerMint>();
  readonly #reading = new Map<string, Promise<PeerMint>>();
  #round: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** One durable transaction. */
  write<T>(run: (step: Step) => T): Promise<T> {
    return this.#parts.write(run);
  }

  /** What is committed. */
  look<T>(look: (step: Step) => T): Promise<T> {
    return this.#parts.read(look);
  }

  get env(): Step['env'] {
    return this.#parts.step().env;
  }

  /**
   * Sends an order that was written down, and reads the answer.
   * @throws {PaymentProblem} `unavailable`: whether it was done is not known; ask again
   */
  async ask(row: PeerOrderRow): Promise<PeerSaid> {
    const { env } = this;
    const peer = await this.look(({ ledger }) => peerOf(row.brk, ledger.peers.all()));
    const order = orderOf(row);
    if (row.answer !== undefined) return said(row, row.answer, order, peer, env.crypto);
    const reply = await this.#call(peer, '/v1/peers/forward', row.body);
    if (reply.status === 200) return said(row, canonicalJson(reply.json ?? null), order, peer, env.crypto);
    const problem = refusalOf(reply);
    if (!problem) throw away('it is not well');
    await this.write((step) => step.ledger.peers.dropAsk(row));
    // It is too old to be taken any more, and was never seen: a fresh one may be.
    if (problem.code === 'request-stale') throw away('the question had grown old');
    return { kind: 'refused', problem };
  }

  /** Sends what has no answer yet, oldest first. Those of a broker that is away wait. One round at a time. */
  resume(): Promise<void> {
    this.#round ??= this.#resume().finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #resume(): Promise<void> {
    const { log } = this.#parts.step();
    const silent = new Set<string>();
    const pageAfter = (n: number) => this.look(({ ledger }) => ledger.peers.openAsks(n, PAGE));
    for (let page = await pageAfter(0); page.length > 0; page = await pageAfter(endOf(page))) {
      for (const row of page) {
        if (silent.has(row.brk)) continue;
        await this.#parts.resume(orderIn(row)).catch((error: unknown) => {
          if (!(error instanceof PaymentProblem))
            log.error({ broker: row.brk, fault: faultOf(error) }, 'another broker could not be asked again');
          else if (error.code === 'unavailable') silent.add(row.brk);
        });
      }
    }
  }

  /** Finishes what a site asked before, if it has no answer yet. @throws {PaymentProblem} as the site would get it */
  async finish(row: PeerOrderRow): Promise<void> {
    await this.#parts.resume(orderIn(row));
  }

  /**
   * The keysets of a peer's coins, as it publishes them for everybody. `names`: those that are asked for.
   * @throws {PaymentProblem} `unavailable`, `broker-untrusted`
   */
  async mint(peer: PeerRow, names: readonly string[] = []): Promise<PeerMint> {
    const { env } = this;
    const known = this.#mints.get(peer.brk);
    const ageMs = known ? Math.abs(env.nowMs - known.atMs) : Number.POSITIVE_INFINITY;
    const isEnough = known && names.every((name) => known.keysets.has(name));
    if (known && ageMs < (isEnough ? LIST_MS : SOONER_MS)) return known;
    // However many ask at once, the peer is asked once; one that is away is left alone for a moment.
    const reading = this.#reading.get(peer.brk) ?? this.#readMint(peer);
    this.#reading.set(peer.brk, reading);
    return reading.catch((error: unknown) => {
      if (known && isEnough) return known;
      throw error;
    });
  }

  #readMint(peer: PeerRow): Promise<PeerMint> {
    const read = this.#fetchMint(peer);
    const forget = () => this.#reading.delete(peer.brk);
    read.then(forget, () => setTimeout(forget, SOONER_MS).unref());
    return read;
  }

  async #fetchMint(peer: PeerRow): Promise<PeerMint> {
    const { env } = this;
    const reply = await this.#call(peer, '/v1/ecash/keysets');
    if (reply.status !== 200) throw away('it makes no coins');
    const { list, keysets } = decode(keysetsResult, reply.json, 'broker-untrusted');
    if (list.vnd !== undefined) throw new PaymentProblem('broker-untrusted', { detail: 'a key list of one site' });
    const { crypto, nowMs } = env;
    const read = readKeyList({ list, records: keysets }, peer, crypto);
    const mint = {
      ...{ list, hash: keyListHash(list, crypto), keysets: new Map(read.map((one) => [one.ks, one])) },
      ...{ records: reply.json ?? null, atMs: nowMs },
    };
    this.#mints.set(peer.brk, mint);
    return mint;
  }

  /** GET, of what a peer says to everybody. @throws {PaymentProblem} `unavailable` */
  read(peer: PeerRow, path: string): Promise<Reply> {
    return this.#call(peer, path);
  }

  async #call({ url, brk }: PeerRow, path: string, body?: string): Promise<Reply> {
    try {
      return await callBroker(url, path, body);
    } catch {
      throw away(`no answer from ${brk}`);
    }
  }
}

/** `consumed` is not known: an earlier message may have arrived. */
export const away = (detail: string): PaymentProblem =>
  new PaymentProblem('unavailable', { detail: `the other broker: ${detail}`, consumed: 'unknown', retryAfter: 5 });

function said(
  ask: PeerOrderRow,
  answer: string,
  order: Order,
  { brk, root }: PeerRow,
  crypto: Step['env']['crypto'],
): PeerSaid {
  try {
    return { kind: 'answered', ask, answer, result: readAnswer(parseJson(answer), order, { brk, root }, crypto) };
  } catch {
    // Anybody on the way could have made it up: it proves nothing, and says nothing.
    throw away('its answer is not signed by it');
  }
}

/** A refusal that will not change; `undefined` for everything else. */
function refusalOf(reply: Reply): PaymentProblem | undefined {
  return reply.status >= 500 || reply.status === 429 ? undefined : statedProblem(reply);
}

function peerOf(brk: string, all: readonly PeerRow[]): PeerRow {
  const peer = all.find((one) => one.brk === brk);
  if (!peer || fromBase64url(peer.root)?.length !== 32) throw new PaymentProblem('peer-unknown');
  return peer;
}

/** Ours, and the site's in it; both were checked before they were written. */
export const orderOf = ({ body }: PeerOrderRow): Order => parseJson(body) as Order;
const orderIn = (row: PeerOrderRow): Order => orderOf(row)['order'] as Order;
