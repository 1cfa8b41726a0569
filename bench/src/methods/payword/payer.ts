// Pays with words of prepaid chains that the real broker sold and allotted. Pages: many sessions at once, opened
// beforehand, each paying in its turn, so that n payments are n requests. Streams: one session, its words worth many units.
import { Bench, Person, payword } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import { decode, limits, printCredential } from '@farthing/protocol';
import { type PaywordPiece, paywordTicketsResult, paywordWallet, pieceOf } from '@farthing/protocol/wallet';
import { inParallel } from '../../harness/parallel.ts';
import { type Payer, type Setup, streamTarget, TARGET } from '../../walls/wall.ts';
import { type Offer, offerOf } from '../offer.ts';

/** Four readers on each of the 64 connections. */
const SESSIONS = 256;
const WORDS = 2000;
/** Made for each session at once: words of one chain are cheapest together. */
const RUN = 100;
const TICKS_OF_A_WORD = 1000n;
const MONEY = 10n ** 13n;

export async function payer(url: string, setup: Setup): Promise<Payer> {
  const broker = await new Bench().attach(setup.brokerUrl);
  const buyer = new Person(broker);
  await buyer.faucet(MONEY);
  const readers = new Readers(url, buyer);
  let viewer: Session | undefined;
  return {
    pages: (count) => readers.pages(count),
    async stream(units) {
      const offer = viewer?.offer ?? (await offerOf(url + streamTarget(1)));
      viewer ??= new Session(offer, await buy(buyer, offer, { n: limits.chainLength, each: TICKS_OF_A_WORD }));
      const line = viewer.next(units);
      // The stream that carries the opening comes before the next is asked for.
      viewer.confirm();
      if (line === undefined) throw new Error('a stream is used up');
      return line;
    },
    close: () => broker[Symbol.asyncDispose](),
  };
}

class Readers {
  readonly #url: string;
  readonly #buyer: Person;
  readonly #ready: string[] = [];
  #sessions: Session[] = [];

  constructor(url: string, buyer: Person) {
    this.#url = url;
    this.#buyer = buyer;
  }

  async pages(count: number): Promise<readonly string[]> {
    if (this.#sessions.length === 0) {
      const offer = await offerOf(this.#url + TARGET);
      const places = Array.from({ length: SESSIONS }, (_, i) => i);
      this.#sessions = await inParallel(places, 16, () => this.#open(offer));
    }
    while (this.#ready.length < count) {
      const runs = await inParallel(this.#sessions, 1, (session, at) => this.#run(session, at));
      for (let i = 0; i < RUN; i++) this.#ready.push(...runs.flatMap((run) => run[i] ?? []));
    }
    return this.#ready.splice(0, count);
  }

  async #run(session: Session, at: number): Promise<string[]> {
    const lines: string[] = [];
    let now = session;
    while (lines.length < RUN) {
      const line = now.next(1);
      if (line !== undefined) lines.push(line);
      else now = this.#sessions[at] = await this.#open(session.offer);
    }
    return lines;
  }

  async #open(offer: Offer): Promise<Session> {
    const session = new Session(offer, await buy(this.#buyer, offer, { n: WORDS, each: 1n }));
    const [name = '', value = ''] = session.next(1)?.split(': ') ?? [];
    const answer = await fetch(this.#url + TARGET, { headers: { [name]: value } });
    await answer.body?.cancel();
    if (answer.status !== 200) throw new Error(`a session was not opened: ${answer.status}`);
    session.confirm();
    return session;
  }
}

/** `each`: units of the offer that a word is worth. */
async function buy(buyer: Person, { request }: Offer, chain: { n: number; each: bigint }): Promise<PaywordPiece> {
  const { n, each } = chain;
  const vnd = request.recipient;
  const own = await payword.buyChain(buyer, n, request.amount * each, false);
  const order = payword.ticketOrder(buyer, own, { vnd, first: 1, last: n, auth: 'hmac' });
  const result = await buyer.bench.send('/v1/payword/tickets', order);
  return pieceOf(decode(paywordTicketsResult, result, 'broker-untrusted').ticket, own, nodeEnv());
}

/** A chain on its way down, as a wallet keeps it. */
class Session {
  readonly offer: Offer;
  #piece: PaywordPiece;

  constructor(offer: Offer, piece: PaywordPiece) {
    this.offer = offer;
    this.#piece = piece;
  }

  /** `undefined` when it cannot pay that any more. */
  next(units: number): string | undefined {
    const { challenge, request } = this.offer;
    const env = nodeEnv();
    if (paywordWallet.value(this.#piece, env.nowMs) < request.amount * BigInt(units)) return undefined;
    const input = { challenge, request, units, target: '', digest: '' };
    const payload = paywordWallet.pay(this.#piece, input, env);
    this.#piece = paywordWallet.sessions?.advance(this.#piece, input) ?? this.#piece;
    return `Authorization: ${printCredential({ challenge, payload })}`;
  }

  /** The site knows the session: words alone will do. */
  confirm(): void {
    this.#piece = paywordWallet.sessions?.confirm(this.#piece) ?? this.#piece;
  }
}
