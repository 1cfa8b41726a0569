// What a site asks for, read as a wallet reads it.
import { nodeEnv } from '@farthing/node-kit';
import {
  type Challenge,
  canonicalJson,
  challengeId,
  limits,
  type PaymentRequest,
  readChallenges,
  readOpaque,
  readRequest,
  toBase64url,
  utf8,
} from '@farthing/protocol';

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

/** The same offer with a nonce of its own, as the site would have made it for the next visitor. */
export function fresh({ id: _, ...offer }: Challenge, secret: Uint8Array): Challenge {
  const { nowMs, random, crypto } = nodeEnv();
  const opaque = toBase64url(utf8(canonicalJson({ ...readOpaque({ id: '', ...offer }), n: toBase64url(random(12)) })));
  const expires = `${new Date(nowMs + limits.challengeLifeMs).toISOString().slice(0, 19)}Z`;
  const parts = { ...offer, expires, opaque };
  return { id: challengeId(parts, secret, crypto), ...parts };
}
