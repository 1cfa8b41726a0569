// Passkeys (WebAuthn): what an authenticator is asked, and whether it answered that. A payment's question is the hash of its
// cheque, so that the answer is good for exactly this payment.
import { type Env, fromBase64url, limits, PaymentProblem, textFromBase64url, toBase64url } from '@farthing/protocol';
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server';
import * as v from 'valibot';
import type { Book, Passkey } from './book.ts';

/** With all that it carries loaded when somebody first has a passkey: most brokers start without. */
const library = () => import('@simplewebauthn/server');

/** The page's name for authenticators: its host alone, and where answers must come from. */
export type Place = { readonly rpId: string; readonly origin: string; readonly name: string };

/** COSE numbers of EdDSA, ES256 and RS256: what all authenticators have. */
const ALGORITHMS = [-8, -7, -257];

const bytes = (most: number) => v.pipe(v.string(), v.maxLength(most), v.regex(/^[A-Za-z0-9_-]+$/, 'base64url'));
/** An id has at most 1023 bytes (WebAuthn §4). */
const id = bytes(1364);
const common = {
  id,
  rawId: id,
  type: v.literal('public-key'),
  clientExtensionResults: v.optional(v.pipe(v.object({})), {}),
};
const answered = { clientDataJSON: bytes(4096) };

export const registrationSchema = v.object({
  ...common,
  response: v.object({
    ...answered,
    attestationObject: bytes(16_384),
    transports: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(8)), []),
  }),
});
export const assertionSchema = v.object({
  ...common,
  response: v.object({
    ...answered,
    authenticatorData: bytes(4096),
    signature: bytes(4096),
    userHandle: v.exactOptional(bytes(128)),
  }),
});
export type Registration = v.InferOutput<typeof registrationSchema>;
export type Assertion = v.InferOutput<typeof assertionSchema>;

export class Passkeys {
  readonly #place: Place;
  readonly #book: Book;
  readonly #env: () => Env;

  constructor({ place, book, env }: { place: Place; book: Book; env: () => Env }) {
    this.#place = place;
    this.#book = book;
    this.#env = env;
  }

  /** What `navigator.credentials.create` is asked for one more passkey of an account. */
  async registrationOptions(account: string) {
    const { name, rpId } = this.#place;
    const { generateRegistrationOptions } = await library();
    return generateRegistrationOptions({
      rpName: name,
      rpID: rpId,
      userName: `${name} ${account.slice(0, 4)}`,
      userID: new Uint8Array(fromBase64url(account) ?? []),
      challenge: new Uint8Array(this.#env().random(32)),
      timeout: limits.hostedAskMs,
      attestationType: 'none',
      supportedAlgorithmIDs: ALGORITHMS,
      excludeCredentials: this.#book.passkeys(account).map(({ id: known }) => ({ id: known })),
      // The account is found by the passkey, and the person is checked by the device: level 1.
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
  }

  /** @throws {PaymentProblem} `sign-in-wrong`: no answer to `challenge` by an authenticator on this page */
  async registered(response: Registration, challenge: string): Promise<Omit<Passkey, 'account'>> {
    const { origin, rpId } = this.#place;
    const { verifyRegistrationResponse } = await library();
    const done = await verifyRegistrationResponse({
      response: response as RegistrationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
    }).catch(wrong);
    if (!done.verified) throw new PaymentProblem('sign-in-wrong');
    const { credential } = done.registrationInfo;
    const { transports } = response.response;
    const { id: name, publicKey, counter } = credential;
    return { id: name, publicKey, counter, transports, madeMs: this.#env().nowMs };
  }

  /** @param account whose passkeys may answer; absent: any, which then says whose it is */
  async assertionOptions(challenge: string, account?: string) {
    const known = account === undefined ? [] : this.#book.passkeys(account);
    const { generateAuthenticationOptions } = await library();
    return generateAuthenticationOptions({
      rpID: this.#place.rpId,
      challenge: new Uint8Array(fromBase64url(challenge) ?? []),
      timeout: limits.hostedAskMs,
      userVerification: 'required',
      allowCredentials: known.map(({ id: name, transports }) => ({ id: name, transports: [...transports] })),
    });
  }

  /**
   * @returns the account whose passkey signed `challenge` here, just now
   * @throws {PaymentProblem} `sign-in-wrong`: another page, another question, a counter that went back
   */
  async asserted(response: Assertion, challenge: string): Promise<{ account: string; counted: () => boolean }> {
    const passkey = this.#book.passkey(response.id);
    if (!passkey) throw new PaymentProblem('sign-in-wrong');
    const { origin, rpId } = this.#place;
    const { id: name, publicKey, counter, account } = passkey;
    const { verifyAuthenticationResponse } = await library();
    const done = await verifyAuthenticationResponse({
      response: response as AuthenticationResponseJSON,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      credential: { id: name, publicKey: new Uint8Array(publicKey), counter },
      requireUserVerification: true,
    }).catch(wrong);
    if (!done.verified) throw new PaymentProblem('sign-in-wrong');
    const { newCounter } = done.authenticationInfo;
    return { account, counted: () => this.#book.count(name, newCounter) };
  }

  challenge = (): string => toBase64url(this.#env().random(32));
}

/** Which question an answer says it is for; not to be believed, only to find the question by. */
export function questionOf({ response }: Registration | Assertion): string {
  try {
    const data: unknown = JSON.parse(textFromBase64url(response.clientDataJSON) ?? '');
    const challenge = typeof data === 'object' && data !== null && 'challenge' in data ? data.challenge : undefined;
    return typeof challenge === 'string' ? challenge : '';
  } catch {
    return '';
  }
}

/** The library says what is wrong in an error; the page says no more than that it is. */
function wrong(cause: unknown): never {
  throw Object.assign(new PaymentProblem('sign-in-wrong'), { cause });
}
