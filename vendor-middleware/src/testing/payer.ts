// A customer of sessions in tests: asks once, then pays each request with the next word, as a wallet does.
import { nodeEnv } from '@farthing/node-kit';
import {
  type Challenge,
  type JsonObject,
  type Receipt,
  readChallenges,
  readReceipt,
  readRequest,
} from '@farthing/protocol';
import { type PaywordPiece, paywordWallet } from '@farthing/protocol/wallet';

export type Bought = { readonly answer: Response; readonly receipt: Receipt | undefined; readonly header: string };

export class Payer {
  piece: PaywordPiece;
  /** Requests that were sent, also those that only asked. */
  requests = 0;
  #challenge: Challenge | undefined;

  constructor(piece: PaywordPiece) {
    this.piece = piece;
  }

  async challenge(url: string, init: RequestInit = {}): Promise<Challenge> {
    if (this.#challenge) return this.#challenge;
    this.requests++;
    const asked = await fetch(url, init);
    await asked.arrayBuffer();
    const offers = readChallenges([asked.headers.get('www-authenticate') ?? '']);
    this.#challenge = offers.find(({ method }) => method === 'payword');
    if (asked.status !== 402 || !this.#challenge) throw new Error(`expected 402 with payword, got ${asked.status}`);
    return this.#challenge;
  }

  /** For another route. */
  forget(): void {
    this.#challenge = undefined;
  }

  /** Pays with the next word; `ahead`: for so many units more than the challenge asks. */
  async pay(url: string, init: RequestInit = {}, ahead = 0): Promise<Bought> {
    const payload = await this.next(url, init, ahead);
    const bought = await this.send(url, payload, init);
    if (bought.receipt) this.piece = { ...this.piece, open: true };
    return bought;
  }

  /** The payload of the next payment; the piece has moved on. */
  async next(url: string, init: RequestInit = {}, ahead = 0): Promise<JsonObject> {
    const challenge = await this.challenge(url, init);
    const request = readRequest(challenge);
    if (!request) throw new Error('the challenge cannot be read');
    const units = Number(request.methodDetails['units'] ?? 1) + ahead;
    const input = { challenge, request, units, target: '', digest: '' };
    const payload = paywordWallet.pay(this.piece, input, nodeEnv());
    const { sessions } = paywordWallet;
    if (sessions) this.piece = sessions.advance(this.piece, input);
    return payload;
  }

  async send(url: string, payload: JsonObject, init: RequestInit = {}): Promise<Bought> {
    // Not by `printCredential`, which refuses what an attacker may well send.
    const credential = JSON.stringify({ challenge: await this.challenge(url, init), payload });
    const header = `Payment ${Buffer.from(credential).toString('base64url')}`;
    this.requests++;
    const answer = await fetch(url, { ...init, headers: { ...init.headers, authorization: header } });
    const text = answer.headers.get('payment-receipt');
    return { answer, receipt: text === null ? undefined : readReceipt(text), header };
  }
}
