// A customer with cheques in tests: asks, writes a cheque for the offer, and sends it.
import { nodeEnv } from '@farthing/node-kit';
import {
  type Challenge,
  type DayCert,
  decode,
  goodsSchema,
  type JsonObject,
  type Receipt,
  readReceipt,
  readRequest,
  sealedOfferSchema,
  toBase64url,
} from '@farthing/protocol';
import { cheque } from '@farthing/protocol/wallet';
import { challengesOf } from './site.ts';

export type Customer = { readonly cert: DayCert; readonly seed: Uint8Array };
type Payload = { readonly cheque: ReturnType<typeof cheque.writeCheque>; readonly cert: DayCert };

export async function challengeAt(url: string): Promise<Challenge> {
  const answer = await fetch(url);
  await answer.arrayBuffer();
  const challenge = challengesOf(answer).find(({ method }) => method === 'cheque');
  if (answer.status !== 402 || !challenge) throw new Error(`expected 402 with cheques, got ${answer.status}`);
  return challenge;
}

/** What a wallet would write: the challenge's price, and the goods that it promises. */
export function payloadFor(challenge: Challenge, { cert, seed }: Customer, more: Partial<cheque.Wanted> = {}): Payload {
  const request = readRequest(challenge);
  if (!request) throw new Error('the challenge cannot be read');
  const { amount, currency: cur, recipient: vnd, methodDetails } = request;
  const sealed = methodDetails['sealed'];
  const goods = sealed === undefined ? {} : { goods: digests(decode(sealedOfferSchema, sealed, 'offer-unusable')) };
  const exp = Math.floor(nodeEnv().nowMs / 1000) + 300;
  const wanted = { challengeId: challenge.id, vnd, amount, cur, capture: 'deferred' as const, ...goods, exp, ...more };
  return { cheque: cheque.writeCheque({ cert, seed: toBase64url(seed) }, wanted, nodeEnv()), cert };
}

const digests = ({ ct, kc, pt }: { ct: string; kc: string; pt: string }) =>
  decode(goodsSchema, { ct, kc, pt }, 'offer-unusable');

export type Bought = { readonly answer: Response; readonly receipt: Receipt | undefined };

export async function send(url: string, challenge: Challenge, payload: Payload | JsonObject): Promise<Bought> {
  // Not by `printCredential`, which refuses what an attacker may well send.
  const text = Buffer.from(JSON.stringify({ challenge, payload })).toString('base64url');
  const answer = await fetch(url, { headers: { authorization: `Payment ${text}` } });
  const receipt = answer.headers.get('payment-receipt');
  return { answer, receipt: receipt === null ? undefined : readReceipt(receipt) };
}

/** Asks and pays. */
export async function buyWith(url: string, customer: Customer, more: Partial<cheque.Wanted> = {}): Promise<Bought> {
  const challenge = await challengeAt(url);
  return send(url, challenge, payloadFor(challenge, customer, more));
}
