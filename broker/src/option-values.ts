// The values of options: what cannot be used is an error that says what is expected.
import { h32, type Money, PaymentProblem, parsePrice, tryDecode } from '@farthing/protocol';

/** The operator's mistake: shown without a stack, exit status 2. */
export class UsageError extends Error {}

export function whole(name: string, text: string, { least, most }: { least: number; most: number }): number {
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : -1;
  if (value < least || value > most) {
    throw new UsageError(`--${name}: expected a whole number from ${least} to ${most}, got ${text}`);
  }
  return value;
}

export function money(name: string, text: string): Money {
  try {
    return parsePrice(text);
  } catch (error) {
    if (error instanceof PaymentProblem) throw new UsageError(`${name}: ${error.extra.detail}`);
    throw error;
  }
}

export function orNothing(name: string, text: string): Money {
  if (text === '0 USD') return { amount: 0n, currency: 'usd-micro' };
  if (text === '0 EUR') return { amount: 0n, currency: 'eur-micro' };
  return money(name, text);
}

export function accountOf(text: string | undefined): string | undefined {
  if (text !== undefined && tryDecode(h32, text) === undefined) {
    throw new UsageError(`--account: expected the public key of an account, 43 characters, got ${text}`);
  }
  return text;
}

/** After every date that a journal can name. */
export const MS_MAX = 8_640_000_000_000_000;

/** Midnight in UTC. */
export function dayOf(name: string, text: string | undefined, fallbackMs: number): number {
  if (text === undefined) return fallbackMs;
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(ms)) throw new UsageError(`--${name}: expected a day such as 2026-11-01, got ${text}`);
  return ms;
}

export function nameOf(text: string): string | undefined {
  if (text.length > 64) throw new UsageError(`--name: expected at most 64 characters, got ${text.length}`);
  return text || undefined;
}

export function oneOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const word = words.find((one) => one === text);
  if (word === undefined) throw new UsageError(`--${name}: expected ${listed(words)}, got ${text}`);
  return word;
}

const listed = (words: readonly string[]): string => `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;

export const urlOf = (name: string, text: string): string | undefined => (text ? addressOf(name, text) : undefined);

/** @throws {UsageError} */
export function addressOf(name: string, text: string): string {
  const url = URL.parse(text);
  if ((url?.protocol !== 'https:' && url?.protocol !== 'http:') || text.length > 300) {
    throw new UsageError(`${name}: expected an address such as https://broker.example, got ${text}`);
  }
  return text.replace(/\/$/, '');
}

/** Empty: a file in the directory. */
export function databaseOf(url: string): string | undefined {
  if (url === '') return undefined;
  // Not the URL itself: it may have a password in it.
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url)) throw new UsageError('--database: expected postgres://…');
  return url;
}
