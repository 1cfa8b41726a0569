// The terminal of level 0: a password, and a code that is sent. Whoever tries learns nothing about who has a wallet here: a code is
// on its way, or is not.
import { faultOf, nativeStretch } from '@farthing/node-kit';
import { equalBytes, limits, PASSWORD_SALT_BYTES, PaymentProblem, readPassword, toBase64url } from '@farthing/protocol';
import { Asks } from './asks.ts';
import type { Password } from './book.ts';
import type { Kit } from './kit.ts';
import { countTry, needPatience } from './tries.ts';

type Waiting = {
  readonly code: string;
  /** Of an account that exists; else what it will be opened with. Neither: the password was wrong, and no code was sent. */
  readonly account?: string;
  readonly opens?: Password;
  readonly what: string;
  triesLeft: number;
};

export type Confirmed = { readonly account: string } | { readonly opens: Password };

export class Passwords {
  readonly #kit: Kit;
  readonly #waiting: Asks<Waiting>;
  #stretching = 0;

  constructor(kit: Kit) {
    this.#kit = kit;
    this.#waiting = new Asks(() => kit.env().nowMs);
  }

  /**
   * @returns a ticket for `confirm`; `sent` is what went out, for the test inbox
   * @throws {PaymentProblem} `password-weak`, `sign-in-wait`, `rate-limit`
   */
  async ask(typed: { contact: string; password: string }, say: (code: string) => string) {
    const { book, group, keys, env, sendCode, log } = this.#kit;
    if (!sendCode) throw new PaymentProblem('not-found');
    const password = readPassword(typed.password);
    const to = typed.contact.trim();
    const contact = toBase64url(keys.blind('contact', to.toLowerCase().normalize('NFKC')));
    const what = `password:${contact}`;
    // Counted before it is known to be wrong: tries at once are tries in a row.
    await group.run(() => {
      needPatience(book, what, env().nowMs);
      countTry(book, what, env().nowMs);
    });
    const account = book.byContact(contact);
    const salt = account?.password?.salt ?? env().random(PASSWORD_SALT_BYTES);
    const stretch = await this.#stretch(password, salt);
    const isRight = account?.password ? equalBytes(account.password.stretch, stretch) : false;
    const code = this.#digits();
    const ticket = toBase64url(env().random(16));
    const how = account ? (isRight ? { account: account.id } : {}) : { opens: { contact, salt, stretch } };
    this.#waiting.put(ticket, { ...how, code, what, triesLeft: limits.hostedCodeTries });
    if (account && !isRight) return { ticket };
    const message = { to, code, text: say(code) };
    // Not waited for: the time of an answer would tell who has a wallet here.
    sendCode(message).catch((error: unknown) => log.error({ fault: faultOf(error) }, 'a code could not be sent'));
    return { ticket, sent: message };
  }

  /** @throws {PaymentProblem} `sign-in-wrong`: after some of them a new code is needed */
  async confirm(ticket: string, code: string): Promise<Confirmed> {
    const { book, group } = this.#kit;
    const waiting = this.#waiting.get(ticket);
    if (!waiting) throw new PaymentProblem('sign-in-wrong');
    waiting.triesLeft--;
    const { account, opens, what } = waiting;
    const isRight = waiting.code === code && (account !== undefined || opens !== undefined);
    if (isRight || waiting.triesLeft <= 0) this.#waiting.take(ticket);
    if (!isRight) throw new PaymentProblem('sign-in-wrong');
    await group.run(() => book.endTries(what));
    if (account !== undefined) return { account };
    if (opens) return { opens };
    throw new PaymentProblem('sign-in-wrong');
  }

  /** @throws {PaymentProblem} `rate-limit` */
  async #stretch(password: Uint8Array, salt: Uint8Array): Promise<Uint8Array> {
    if (this.#stretching >= limits.hostedStretches) throw new PaymentProblem('rate-limit', { retryAfter: 1 });
    this.#stretching++;
    try {
      return await nativeStretch(password, salt);
    } finally {
      this.#stretching--;
    }
  }

  /** Six digits; of 64 random bits all are equally likely, but for one part in 10^13. */
  #digits(): string {
    const bits = this.#kit.env().random(8);
    return String(new DataView(bits.buffer, bits.byteOffset, 8).getBigUint64(0) % 1_000_000n).padStart(6, '0');
  }
}
