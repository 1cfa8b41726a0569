// A password, for a person who set one: the words, the account key and with them the secrets of every coin are sealed under it.
// What lies at sites (their coins, chains and sessions) is paid without it: pocket money, within the rules.
import { limits, PaymentProblem, readPassword, type Stretching } from '@farthing/protocol';
import { phraseOf } from './account.ts';
import type { Context } from './context.ts';
import { keys } from './documents.ts';
import { readOne, transact } from './transaction.ts';
import {
  isSealed,
  newSalt,
  openDoc,
  type SealedDoc,
  type Secrets,
  saltOf,
  sealDoc,
  secretsOf,
  unseal,
} from './vault.ts';

/** `locked`: nothing that needs the account key or a coin's secret works until `unlock`. */
export type PasswordState = { readonly set: boolean; readonly locked: boolean };

type Opened = { readonly key: Uint8Array; readonly secrets: Secrets };

export class Password {
  readonly #ctx: Context;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  state(): PasswordState {
    const { account, isOpen } = this.#ctx;
    return { set: account?.sealed === true, locked: account !== undefined && !isOpen };
  }

  /**
   * Seals the secrets; the wallet stays unlocked. A wallet without words gets some first.
   * @throws {PaymentProblem} `password-weak`; `no-account`; `password-wrong`: there is a password, change it; `storage-fault`:
   *   it is set, but what lay in the open before could not be erased
   */
  async set(typed: string, options?: Stretching): Promise<void> {
    const ctx = this.#ctx;
    const password = readPassword(typed);
    await phraseOf(ctx);
    const salt = newSalt(ctx.env());
    const key = await ctx.stretch(password, salt, options);
    const secrets = await transact(ctx.store, [keys.account, keys.tries], (tx) => {
      const doc = tx.need('account', keys.account);
      if (isSealed(doc)) throw new PaymentProblem('password-wrong', { detail: 'this wallet has a password already' });
      const stored = secretsOf(doc);
      tx.put('account', keys.account, sealDoc(doc, stored, { key, salt }, ctx.env()));
      tx.drop(keys.tries);
      return stored;
    });
    await ctx.load();
    await ctx.open(secrets, key);
    await ctx.store.scrub?.();
  }

  /** Seals the secrets anew, in one step. @throws {PaymentProblem} `password-weak`; as `unlock` */
  async change({ from, to }: { from: string; to: string }, options?: Stretching): Promise<void> {
    const ctx = this.#ctx;
    const password = readPassword(to);
    const before = await this.#check(from);
    const salt = newSalt(ctx.env());
    const key = await ctx.stretch(password, salt, options);
    await transact(ctx.store, [keys.account, keys.tries], (tx) => {
      const doc = tx.need('account', keys.account);
      if (!isSealed(doc) || !unseal(doc, before.key)) throw new PaymentProblem('password-wrong');
      tx.put('account', keys.account, sealDoc(doc, before.secrets, { key, salt }, ctx.env()));
      tx.drop(keys.tries);
    });
    await ctx.open(before.secrets, key);
    await ctx.store.scrub?.();
  }

  /** The secrets lie in the open again. @throws {PaymentProblem} as `unlock` */
  async remove(typed: string, options?: Stretching): Promise<void> {
    const ctx = this.#ctx;
    const { key } = await this.#check(typed, options);
    await transact(ctx.store, [keys.account, keys.tries], (tx) => {
      const doc = tx.need('account', keys.account);
      const secrets = isSealed(doc) ? unseal(doc, key) : undefined;
      if (!isSealed(doc) || !secrets) throw new PaymentProblem('password-wrong');
      tx.put('account', keys.account, openDoc(doc, secrets));
      tx.drop(keys.tries);
    });
    await ctx.close();
    await ctx.load();
  }

  /**
   * About a second of work. What leaves the account, and the words, need the password again after five minutes.
   * @throws {PaymentProblem} `password-wrong`; `rate-limit`: too many wrong ones, `retryAfter` says how many seconds to wait
   */
  async unlock(typed: string, options?: Stretching): Promise<void> {
    if (this.#ctx.account?.sealed !== true) return;
    const { secrets, key } = await this.#check(typed, options);
    await this.#ctx.open(secrets, key);
  }

  /** Forgets the secrets until the password is typed again. */
  async lock(): Promise<void> {
    if (this.#ctx.account?.sealed === true) await this.#ctx.close();
  }

  async #check(typed: string, options?: Stretching): Promise<Opened> {
    const ctx = this.#ctx;
    const doc = await readOne(ctx.store, 'account', keys.account);
    if (!doc) throw new PaymentProblem('no-account');
    if (!isSealed(doc)) throw new PaymentProblem('password-wrong', { detail: 'this wallet has no password' });
    await countTry(ctx);
    const opened = await tryOpen(ctx, doc, typed, options);
    if (!opened) throw new PaymentProblem('password-wrong');
    await transact(ctx.store, [keys.tries], (tx) => tx.drop(keys.tries));
    return opened;
  }
}

async function tryOpen(ctx: Context, doc: SealedDoc, typed: string, options?: Stretching): Promise<Opened | undefined> {
  let password: Uint8Array;
  try {
    password = readPassword(typed);
  } catch (error) {
    // What could never be set is wrong, and needs no work to be found out.
    if (error instanceof PaymentProblem && error.code === 'password-weak') return undefined;
    throw error;
  }
  const key = await ctx.stretch(password, saltOf(doc), options);
  const secrets = unseal(doc, key);
  return secrets && { key, secrets };
}

/** Counted before the work, so that neither a kill nor many tries at once get more of them. @throws {PaymentProblem} `rate-limit` */
function countTry(ctx: Context): Promise<void> {
  const { nowMs } = ctx.env();
  return transact(ctx.store, [keys.tries], (tx) => {
    const { count, atMs } = tx.get('tries', keys.tries) ?? { count: 0, atMs: nowMs };
    const leftMs = waitMs(count) - Math.max(nowMs - atMs, 0);
    if (leftMs > 0) {
      const retryAfter = Math.ceil(leftMs / 1000);
      throw new PaymentProblem('rate-limit', { detail: `too many wrong passwords: wait ${retryAfter} s`, retryAfter });
    }
    tx.put('tries', keys.tries, { count: count + 1, atMs: nowMs });
  });
}

/** After so many wrong ones in a row. */
const waitMs = (count: number): number =>
  count < limits.passwordTries
    ? 0
    : Math.min(limits.passwordWaitMs * 2 ** (count - limits.passwordTries), limits.passwordWaitMaxMs);
