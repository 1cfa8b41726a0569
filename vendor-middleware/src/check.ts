// Is this credential good for this request? Cheap checks first: binding, expiry, method, price and scope, and only then
// the method's own cryptography. Nothing is written here.
import { createHash } from 'node:crypto';
import {
  type Credential,
  canonicalJson,
  expiresAtMs,
  isOurChallenge,
  type JsonObject,
  PaymentProblem,
  sameDigest,
  type Verified,
} from '@farthing/protocol';
import { type Offers, priceFor, type Quote } from './offers.ts';
import type { RouteScope } from './scope.ts';
import type { Site } from './site.ts';

/** A request as its wall sees it. */
export type Visit = {
  readonly target: string;
  /** RFC 9530 digest of the request body, when it has one. */
  readonly digest: string | undefined;
  readonly quote: Quote;
  readonly scope: RouteScope;
};

/** @throws {PaymentProblem} what is wrong, with nothing consumed */
export async function check(site: Site, offers: Offers, visit: Visit, credential: Credential): Promise<Verified> {
  const { challenge, payload } = credential;
  const env = site.env();
  if (!isOurChallenge(challenge, site.secrets, env.crypto)) throw new PaymentProblem('challenge-mismatch');
  const expires = expiresAtMs(challenge);
  if (expires === undefined || env.nowMs > expires) throw new PaymentProblem('challenge-expired');
  const method = site.methods.find(({ name }) => name === challenge.method);
  if (!method) throw new PaymentProblem('method-unsupported');
  if (!offers.asksTheSame(challenge, { method, quote: visit.quote, scope: visit.scope, env })) {
    throw new PaymentProblem('challenge-mismatch', { detail: 'the challenge is for another route, method or price' });
  }
  // The opening challenge of a session binds no body: a repeat of its words with another body is another target.
  const bound = challenge.intent === 'session' ? undefined : visit.digest;
  if (!sameDigest(challenge.digest, bound)) throw new PaymentProblem('digest-mismatch');
  const serial = await site.serials.take();
  const { target, quote } = visit;
  const digest = challenge.digest ?? '';
  const price = challenge.intent === 'session' ? quote.price : priceFor('charge', quote.price);
  return method.verify({ challenge, payload, price, target, digest }, { ...env, serial });
}

/** Replay keys come from decoded values: all spellings of one credential have one hash. Parts hold no bar. */
export function credentialHash({ challenge, payload }: Credential): string {
  const { id, realm, method, intent, request, expires, digest, opaque, header } = challenge;
  const slots = [id, realm, method, intent, request, expires, digest, opaque, header].map((slot) => slot ?? '');
  return hash(`${slots.join('|')}|${canonical(payload)}`);
}

/** @throws {PaymentProblem} `payload-invalid`: fractions and lone surrogates have no canonical form */
function canonical(payload: JsonObject): string {
  try {
    return canonicalJson(payload);
  } catch (cause) {
    throw Object.assign(new PaymentProblem('payload-invalid'), { cause });
  }
}

export const targetHash = ({ target, digest }: Visit): string => hash(`${target}\n${digest ?? ''}`);

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');
