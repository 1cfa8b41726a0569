// The printed code of a hosted wallet: opens it for one new passkey when all others are lost. Its first eight letters find the
// wallet, so that wrong tries are counted against that wallet alone; the other sixteen are the secret.
import { equalBytes, PaymentProblem } from '@farthing/protocol';
import { newCode } from '../ledger/codes.ts';
import type { Account } from './book.ts';
import type { Kit } from './kit.ts';
import { countTry, needPatience } from './tries.ts';

const HANDLE = 8;
const LETTERS = 24;

export type Printed = { readonly code: string } & Pick<Account, 'handle' | 'recovery'>;

/** `code` is shown once and kept nowhere. */
export function printCode({ env, keys }: Pick<Kit, 'env' | 'keys'>): Printed {
  const code = `${newCode(env().random).slice(0, 9)}-${newCode(env().random)}`;
  const plain = plainOf(code);
  return { code, handle: plain.slice(0, HANDLE), recovery: keys.blind('recovery', plain) };
}

/** As it was meant: people write I and L for 1, and O for 0. */
const plainOf = (typed: string): string =>
  typed
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .replace(/[IL]/g, '1')
    .replaceAll('O', '0');

/** @returns the wallet that the code opens @throws {PaymentProblem} `sign-in-wrong`, `sign-in-wait` */
export function opened(typed: string, kit: Kit): Promise<Account> {
  const { book, group, keys, env } = kit;
  const plain = plainOf(typed);
  return group
    .run(() => {
      const account = plain.length === LETTERS ? book.byHandle(plain.slice(0, HANDLE)) : undefined;
      if (!account) throw new PaymentProblem('sign-in-wrong');
      const what = `recovery:${account.handle}`;
      needPatience(book, what, env().nowMs);
      if (equalBytes(account.recovery, keys.blind('recovery', plain))) {
        book.endTries(what);
        return { kind: 'opened' as const, account };
      }
      countTry(book, what, env().nowMs);
      return { kind: 'wrong' as const };
    })
    .then((found) => {
      if (found.kind === 'opened') return found.account;
      throw new PaymentProblem('sign-in-wrong');
    });
}
