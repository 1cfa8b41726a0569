// A customer of sessions by hand: the wallet's own PayWord role with a piece in memory, over HTTP, one word a request.
import { type Env, type JsonObject, type Receipt, readChallenges, readReceipt, readRequest } from '@farthing/protocol';
import { type PaywordPiece, paywordWallet } from '@farthing/protocol/wallet';

export type Paid = { readonly answer: Response; readonly receipt: Receipt | undefined; readonly authorization: string };
type Challenge = ReturnType<typeof readChallenges>[number];

export class WordPayer {
  piece: PaywordPiece;
  readonly #url: string;
  readonly #env: () => Env;
  #challenge: Challenge | undefined;

  constructor(url: string, piece: PaywordPiece, env: () => Env) {
    this.#url = url;
    this.piece = piece;
    this.#env = env;
  }

  /** Asks for the challenge that serves the whole session. */
  async ask(): Promise<Challenge> {
    if (this.#challenge) return this.#challenge;
    const asked = await fetch(this.#url);
    await asked.arrayBuffer();
    const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
    if (!challenge) throw new Error(`expected an offer, got ${asked.status}`);
    this.#challenge = challenge;
    return challenge;
  }

  /** The next word, for so many units. @throws {PaymentProblem} the piece has no word left */
  async pay(units = 1, init: RequestInit = {}): Promise<Paid> {
    const paid = await this.send(await this.next(units), init);
    if (paid.receipt) this.piece = { ...this.piece, open: true };
    return paid;
  }

  /** The payload of the next payment; the piece has moved on. */
  async next(units = 1): Promise<JsonObject> {
    const challenge = await this.ask();
    const request = readRequest(challenge);
    if (!request) throw new Error('an offer that can be read');
    const input = { challenge, request, units, target: '', digest: '' };
    const payload = paywordWallet.pay(this.piece, input, this.#env());
    this.piece = paywordWallet.sessions?.advance(this.piece, input) ?? this.piece;
    return payload;
  }

  /** Ends the session: the receipt carries the site's signed closings. */
  async close(): Promise<Paid> {
    return this.send(paywordWallet.sessions?.close(this.piece) ?? {});
  }

  /** Whatever the payload says. */
  async send(payload: JsonObject, init: RequestInit = {}): Promise<Paid> {
    const credential = JSON.stringify({ challenge: await this.ask(), payload });
    const authorization = `Payment ${Buffer.from(credential).toString('base64url')}`;
    const answer = await fetch(this.#url, { ...init, headers: { ...init.headers, authorization } });
    const text = answer.headers.get('payment-receipt');
    return { answer, receipt: text === null ? undefined : readReceipt(text), authorization };
  }
}
