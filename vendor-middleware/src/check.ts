// Is this credential good for this request? Cheap checks first: binding, expiry, method, price and scope, and only then
// the method's own cryptography. Nothing is written here.
import { proofPool } from '@farthing/node-kit';
import {
  type Crypto,
  canonicalJson,
  expiresAtMs,
  PaymentProblem,
  type Proof,
  type ReadCredential,
  sameDigest,
  type Verified,
  type VerifyInput,
} from '@farthing/protocol';
import type { Opening } from './goods/goods.ts';
import { digestsOf, type Offers, priceFor, type Quote } from './offers.ts';
import type { RouteScope } from './scope.ts';
import type { Site } from './site.ts';

/** A request as its wall sees it. */
export type Visit = {
  readonly target: string;
  /** RFC 9530 digest of the request body, when it has one. */
  readonly digest: string | undefined;
  readonly quote: Quote;
  readonly scope: RouteScope;
  /** What the credential's challenge promised, at a wall of sealed goods. */
  readonly opening?: Opening | undefined;
};

export type Check = {
  readonly site: Site;
  readonly offers: Offers;
  readonly visit: Visit;
  readonly credential: ReadCredential;
};

/**
 * Takes a serial, so one must be ready. What is in `proofs` is still to be checked, by `prove`.
 * @throws {PaymentProblem} what is wrong, with nothing consumed
 */
export function check({ site, offers, visit, credential }: Check): Verified {
  const { challenge, payload } = credential;
  const env = site.env();
  if (!site.challenges.isOurs(challenge, env.crypto)) throw new PaymentProblem('challenge-mismatch');
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
  const { target, quote, opening } = visit;
  if (quote.sold?.item !== opening?.offer.item) {
    throw new PaymentProblem('challenge-mismatch', { detail: 'the challenge is for other goods' });
  }
  const digest = challenge.digest ?? '';
  const price = challenge.intent === 'session' ? quote.price : priceFor('charge', quote.price);
  const serial = site.serials.take();
  const input = { challenge, payload, price, target, digest };
  const world = { ...env, serial, checksProofs: true, asksBroker: true } as const;
  return method.verify(opening ? withGoods(input, opening) : input, world);
}

const withGoods = (input: VerifyInput, { offer, key }: Opening): VerifyInput => ({
  ...input,
  price: { ...input.price, goods: digestsOf(offer) },
  key,
});

/**
 * Off the event loop: free pages are served meanwhile.
 * @throws {PaymentProblem} the code of the first that is not good; `site-not-ready`: they were not checked
 */
export async function prove(proofs: readonly Proof[]): Promise<void> {
  const wrong = await proofPool.firstWrong(proofs).catch(unchecked);
  if (wrong !== -1) throw new PaymentProblem(proofs[wrong]?.code ?? 'site-fault');
}

/** Nothing is known of the signatures, so nothing is taken. */
function unchecked(cause: unknown): never {
  const detail = 'signatures could not be checked';
  throw Object.assign(new PaymentProblem('site-not-ready', { detail, retryAfter: 1 }), { cause });
}

/** Replay keys come from decoded values: all spellings of one credential have one hash. `source` is none of its values. */
export const credentialHash = (credential: ReadCredential, crypto: Crypto): string =>
  crypto.hashText(credential.canonical ?? canonical(credential));

/** @throws {PaymentProblem} `payload-invalid`: fractions and lone surrogates have no canonical form */
function canonical({ challenge, payload }: ReadCredential): string {
  try {
    return canonicalJson({ challenge, payload });
  } catch (cause) {
    throw Object.assign(new PaymentProblem('payload-invalid'), { cause });
  }
}

export const targetHash = ({ target, digest }: Visit, crypto: Crypto): string =>
  crypto.hashText(`${target}\n${digest ?? ''}`);
