// A customer who writes cheques by hand, for scenes that need what no wallet does.
import { strict as assert } from 'node:assert';
import { type cheques, type Person, USD } from '@farthing/broker/testing';
import {
  type Challenge,
  decode,
  type JsonObject,
  printCredential,
  type Receipt,
  readReceipt,
  readRequest,
  type SealedOffer,
  sealedOfferSchema,
} from '@farthing/protocol';
import { type Cheque, signCheque } from '@farthing/protocol/wallet';

export type Book = cheques.Book;

/** What a challenge asks, as its cheque. `more`: what somebody else would rather have in it. */
export function write(
  challenge: Challenge,
  { cert, seed }: Book,
  { bench }: Person,
  more: Partial<Cheque> = {},
): Cheque {
  const request = readRequest(challenge);
  assert.ok(request);
  const offer = sealedIn(challenge);
  const { sig: _, ...over } = more;
  const unsigned = {
    typ: 'cheque/1' as const,
    ...{ epoid: challenge.id, brk: cert.brk, sub: cert.sub, vnd: request.recipient, cur: USD },
    ...{ amount: request.amount.toString(), capture: 'now' as const },
    ...(offer ? { goods: { ct: offer.ct, kc: offer.kc, pt: offer.pt } } : {}),
    exp: Math.floor(bench.env().nowMs / 1000) + 300,
    ...over,
  };
  return signCheque(unsigned, seed, bench.env().crypto);
}

/** The sealed goods that a page offers. */
export function sealedIn(challenge: Challenge): SealedOffer | undefined {
  const sealed = readRequest(challenge)?.methodDetails['sealed'];
  return sealed === undefined ? undefined : decode(sealedOfferSchema, sealed, 'offer-unusable');
}

export type Slip = { readonly challenge: Challenge; readonly cheque: Cheque; readonly book: Book };

export function send(url: string, { challenge, cheque, book: { cert } }: Slip): Promise<Response> {
  const payload: JsonObject = { cheque: { ...cheque }, cert: { ...cert } };
  return fetch(url, { headers: { authorization: printCredential({ challenge, payload }) } });
}

/** @throws {Error} it was not served */
export async function served(answer: Response): Promise<Receipt> {
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  assert.ok(receipt);
  return receipt;
}

export const balanceOf = async (person: Person): Promise<bigint> =>
  BigInt(String((await person.statement())['balance']));
