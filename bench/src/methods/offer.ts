// What a site asks for, read as a wallet reads it.
import { type Challenge, type PaymentRequest, readChallenges, readRequest } from '@farthing/protocol';

export type Offer = { readonly challenge: Challenge; readonly request: PaymentRequest };

/** @throws {Error} the page did not ask for money */
export async function offerOf(url: string): Promise<Offer> {
  const answer = await fetch(url);
  await answer.body?.cancel();
  const [challenge] = readChallenges([answer.headers.get('www-authenticate') ?? '']);
  if (answer.status !== 402 || !challenge) throw new Error(`${url} did not ask for money: ${answer.status}`);
  return { challenge, request: requestOf(challenge) };
}

export function requestOf(challenge: Challenge): PaymentRequest {
  const request = readRequest(challenge);
  if (!request) throw new Error('the offer cannot be read');
  return request;
}
