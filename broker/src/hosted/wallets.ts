// Hosted wallets: who opens one, who is signed in, and what each may do. The money moves by the orders of `purse.ts`.
import { type Env, type JsonObject, limits, PaymentProblem, toBase64url } from '@farthing/protocol';
import { Asks } from './asks.ts';
import type { Account, Password, Session, SessionLevel } from './book.ts';
import type { Kit } from './kit.ts';
import { type Assertion, type Passkeys, questionOf, type Registration } from './passkeys.ts';
import { Passwords } from './passwords.ts';
import { type Bill, type Draft, Purse } from './purse.ts';
import { opened, printCode } from './recovery.ts';

/** What a passkey was asked to sign. `made`: the first of a new wallet, one after the printed code, one more. */
type Question =
  | { readonly kind: 'register'; readonly account: string; readonly made: 'new' | 'recovered' | 'added' }
  | { readonly kind: 'sign-in' }
  | ({ readonly kind: 'pay'; readonly draft: Draft } & Session);

/** Somebody is signed in now; `code` is the printed code of a new wallet, shown this once. */
export type Entered = Session & { readonly code?: string };

const HOUR_MS = 3_600_000;
/** Time to go back to the site with it. */
const BACK_MS = 5_000;

export class Wallets {
  readonly kit: Kit;
  readonly passkeys: Passkeys;
  readonly passwords: Passwords;
  readonly purse: Purse;
  readonly #asks: Asks<Question>;
  #opened = { count: 0, untilMs: 0 };

  constructor(kit: Kit, passkeys: Passkeys) {
    this.kit = kit;
    this.passkeys = passkeys;
    this.passwords = new Passwords(kit);
    const perDay = (level: SessionLevel) => 4n * kit.settings.levelMicro[level];
    this.purse = new Purse({ ...kit, perDay });
    this.#asks = new Asks(() => kit.env().nowMs);
  }

  // ── passkeys ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The first passkey of a wallet, which exists once it is made. */
  offerNew() {
    return this.#offer(toBase64url(this.kit.env().random(16)), 'new');
  }

  /** @throws {PaymentProblem} `sign-in-needed`: only a passkey, or the printed code, brings another passkey */
  offerMore({ account, level }: Session) {
    if (level < 1) throw new PaymentProblem('sign-in-needed');
    if (this.kit.book.passkeys(account).length >= limits.hostedPasskeys) throw new PaymentProblem('request-malformed');
    return this.#offer(account, 'added');
  }

  /** @throws {PaymentProblem} `sign-in-wrong`, `sign-in-wait` */
  async offerRecovered(printed: string) {
    const { id } = await opened(printed, this.kit);
    return this.#offer(id, 'recovered');
  }

  async #offer(account: string, made: 'new' | 'recovered' | 'added') {
    const options = await this.passkeys.registrationOptions(account);
    this.#asks.put(options.challenge, { kind: 'register', account, made });
    return options;
  }

  /** @throws {PaymentProblem} `sign-in-wrong`, `rate-limit` */
  async register(response: Registration, session: Session | undefined): Promise<Entered> {
    const challenge = questionOf(response);
    const asked = this.#asks.take(challenge);
    if (asked?.kind !== 'register') throw new PaymentProblem('sign-in-wrong');
    const { account, made } = asked;
    if (made === 'added' && session?.account !== account) throw new PaymentProblem('sign-in-wrong');
    const passkey = await this.passkeys.registered(response, challenge);
    const { book, group, env } = this.kit;
    if (made === 'new') this.#countNew();
    const printed = made === 'added' ? undefined : printCode(this.kit);
    const done = await group.run(() => {
      if (book.passkey(passkey.id)) return false;
      if (made === 'new' && printed) book.addAccount({ id: account, madeMs: env().nowMs, ...printed });
      if (made === 'recovered' && printed) {
        book.setRecovery({ id: account, ...printed });
        // Whoever has the lost device is signed out.
        book.endSessions(account);
      }
      book.addPasskey({ ...passkey, account });
      return true;
    });
    if (!done) throw new PaymentProblem('sign-in-wrong');
    return { account, level: 1, ...(printed ? { code: printed.code } : {}) };
  }

  async offerSignIn() {
    const challenge = this.passkeys.challenge();
    this.#asks.put(challenge, { kind: 'sign-in' });
    return this.passkeys.assertionOptions(challenge);
  }

  /** @throws {PaymentProblem} `sign-in-wrong` */
  async signIn(response: Assertion): Promise<Entered> {
    const challenge = questionOf(response);
    if (this.#asks.take(challenge)?.kind !== 'sign-in') throw new PaymentProblem('sign-in-wrong');
    return { account: await this.#answered(response, challenge), level: 1 };
  }

  async #answered(response: Assertion, challenge: string): Promise<string> {
    const { account, counted } = await this.passkeys.asserted(response, challenge);
    if (!(await this.kit.group.run(counted))) throw new PaymentProblem('sign-in-wrong');
    return account;
  }

  /** @throws {PaymentProblem} `request-malformed`: the last one stays */
  async removePasskey({ account, level }: Session, id: string): Promise<void> {
    if (level < 1) throw new PaymentProblem('sign-in-needed');
    const { book, group } = this.kit;
    if (!(await group.run(() => book.removePasskey(id, account)))) throw new PaymentProblem('request-malformed');
  }

  // ── password and code ─────────────────────────────────────────────────────────────────────────────────────────────

  /** @throws {PaymentProblem} `sign-in-wrong`, `rate-limit` */
  async confirm(ticket: string, code: string): Promise<Entered> {
    const confirmed = await this.passwords.confirm(ticket, code);
    if ('account' in confirmed) return { account: confirmed.account, level: 0 };
    this.#countNew();
    return this.#openByPassword(confirmed.opens);
  }

  async #openByPassword(password: Password): Promise<Entered> {
    const { book, group, env } = this.kit;
    const printed = printCode(this.kit);
    const account: Account = { id: toBase64url(env().random(16)), madeMs: env().nowMs, ...printed, password };
    const done = await group.run(() => {
      // Somebody else with the same address was quicker.
      if (book.byContact(password.contact)) return false;
      book.addAccount(account);
      return true;
    });
    if (!done) throw new PaymentProblem('sign-in-wrong');
    return { account: account.id, level: 0, code: printed.code };
  }

  // ── payments ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * What has to be signed for a bill, so that nothing else can be paid with it.
   * @throws {PaymentProblem} `offer-old`, `request-malformed`, `level-too-low`, `balance-short`
   */
  async prepare(session: Session, bill: Bill, minLevel: number) {
    const { account, level } = session;
    const { settings, env } = this.kit;
    const leftMs = bill.exp * 1000 - env().nowMs;
    if (leftMs < BACK_MS) throw new PaymentProblem('offer-old');
    // No challenge of a site lasts longer: it would outlive its certificate.
    if (leftMs > limits.challengeLifeMs + limits.clockSkewMs) throw new PaymentProblem('request-malformed');
    if (level < minLevel || bill.amount > settings.levelMicro[level]) throw new PaymentProblem('level-too-low');
    const balance = await this.purse.balance(account, bill.cur);
    if (balance < bill.amount) {
      throw new PaymentProblem('balance-short', { members: { shortBy: (bill.amount - balance).toString() } });
    }
    const draft = await this.purse.draft(account, level, bill);
    this.#asks.put(draft.hash, { kind: 'pay', draft, account, level });
    const options = level === 1 ? await this.passkeys.assertionOptions(draft.hash, account) : undefined;
    return { pay: draft.hash, level, ...(options ? { options } : {}) };
  }

  /**
   * The payload of the credential, once for each question.
   * @throws {PaymentProblem} `sign-in-wrong`, `offer-old`: prepare it again
   */
  async approve(session: Session, pay: string, response: Assertion | undefined): Promise<JsonObject> {
    const asked = this.#asks.take(pay);
    if (asked?.kind !== 'pay' || asked.account !== session.account) throw new PaymentProblem('offer-old');
    const { account, level, draft } = asked;
    if (level !== session.level) throw new PaymentProblem('sign-in-wrong');
    if (level === 1) {
      const isIt = response !== undefined && questionOf(response) === pay;
      if (!isIt || (await this.#answered(response, pay)) !== account) throw new PaymentProblem('sign-in-wrong');
    }
    return this.purse.sign(account, level, draft);
  }

  // ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @returns the token that the browser keeps, and how many seconds */
  async enter({ account, level }: Session): Promise<{ token: string; seconds: number }> {
    const { book, group, env } = this.kit;
    const lifeMs = level === 1 ? limits.hostedSessionMs : limits.hostedPasswordMs;
    const token = toBase64url(env().random(32));
    const untilMs = env().nowMs + lifeMs;
    await group.run(() => {
      book.forget(env().nowMs, limits.retentionMs);
      book.addSession(hashOf(token, env()), { account, level, untilMs });
    });
    return { token, seconds: lifeMs / 1000 };
  }

  session(token: string): Session | undefined {
    const { book, env } = this.kit;
    return book.session(hashOf(token, env()), env().nowMs);
  }

  leave(token: string): Promise<void> {
    const { book, group, env } = this.kit;
    return group.run(() => book.endSession(hashOf(token, env())));
  }

  #countNew(): void {
    const { nowMs } = this.kit.env();
    if (this.#opened.untilMs <= nowMs) this.#opened = { count: 0, untilMs: nowMs + HOUR_MS };
    if (++this.#opened.count <= limits.hostedNewAccounts) return;
    throw new PaymentProblem('rate-limit', { retryAfter: Math.ceil((this.#opened.untilMs - nowMs) / 1000) });
  }
}

const hashOf = (token: string, { crypto }: Env): Uint8Array => crypto.sha256(new TextEncoder().encode(token));
