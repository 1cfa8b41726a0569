// The shape of one subcommand, and what all of them share: flags, money as people type it, output as text or JSON.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import {
  type Currency,
  currencies,
  formatMoney,
  PaymentProblem,
  type ProblemCode,
  parsePrice,
} from '@farthing/protocol';
import type { Wallet } from '../index.ts';

export type Flags = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export type Run = {
  readonly wallet: Wallet;
  readonly flags: Flags;
  readonly args: readonly string[];
  readonly out: Output;
};

export type Command = WalletCommand | PlainCommand;

/** It works with the wallet of a directory. */
export type WalletCommand = Described & {
  readonly plain?: undefined;
  /** Of no use while the wallet is locked; others ask for the password when they come to need it. */
  readonly unlock?: true;
  /** @returns the exit status, 0 when absent */
  // biome-ignore lint/suspicious/noConfusingVoidType: most commands return nothing
  run(run: Run): Promise<number | void>;
};

/** It needs no wallet, and leaves none behind. */
export type PlainCommand = Described & {
  readonly plain: true;
  // biome-ignore lint/suspicious/noConfusingVoidType: as above
  run(run: Omit<Run, 'wallet'>): Promise<number | void>;
};

type Described = {
  readonly usage: string;
  readonly about: string;
  readonly options: ParseArgsOptionsConfig;
  /** One line for each option. */
  readonly help: readonly (readonly [flag: string, text: string])[];
  /** How many arguments it takes at most. */
  readonly args: number;
  /** What to do about a problem, where this command knows better than the table that all parties share. */
  readonly mend?: { readonly [Code in ProblemCode]?: string };
};

export const COMMON = {
  json: { type: 'boolean' },
  data: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

/** Wrong arguments: exit status 2. */
export class UsageError extends Error {}

/** @throws {UsageError} */
export function parse(command: Command, argv: readonly string[]): { flags: Flags; args: string[] } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { ...COMMON, ...command.options },
      allowPositionals: true,
    });
    if (positionals.length > command.args) throw new UsageError(`unexpected argument ${positionals[command.args]}`);
    return { flags: values, args: positionals };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // Node's sentence goes on with how to escape arguments.
    const [said = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(said.replace(/^Unknown option/, 'there is no option'));
  }
}

export const text = (flags: Flags, name: string): string | undefined => {
  const value = flags[name];
  return typeof value === 'string' ? value : undefined;
};

/** Where a command writes: results to stdout, facts for people to stderr; with `--json` one JSON value to stdout. */
export class Output {
  readonly json: boolean;
  constructor(json: boolean) {
    this.json = json;
  }

  /** `lines` for people, `value` for programs. */
  result(value: unknown, lines: readonly string[]): void {
    if (this.json) process.stdout.write(`${toJsonText(value)}\n`);
    else for (const line of lines) process.stdout.write(`${line}\n`);
  }

  fact(line: string): void {
    process.stderr.write(`${line}\n`);
  }
}

/** Amounts beyond 2^53 stay exact: bigints become decimal text. */
export const toJsonText = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? member.toString() : member));

export const money = (amount: bigint, currency: Currency): string => formatMoney({ amount, currency });

/** `0.01 USD`, or `0.01` in the wallet's currency. @throws {UsageError} */
export function amountOf(typed: string, currency: Currency): bigint {
  const plain = /^[0-9.]+$/.test(typed.trim()) ? `${typed.trim()} ${currencies[currency].iso}` : typed;
  try {
    const price = parsePrice(plain);
    if (price.currency === currency) return price.amount;
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    throw new UsageError(
      `${typed === '' ? 'how much?' : `'${typed}' is no amount:`} expected 1.00 or '0.0015 USD', at most 6 decimals`,
    );
  }
  throw new UsageError(`this wallet holds ${currencies[currency].iso}`);
}

/** An address that can be asked. @throws {UsageError} */
export function addressOf(typed: string | undefined): string {
  const is = typed !== undefined && URL.canParse(typed) && /^https?:$/.test(new URL(typed).protocol);
  if (!is)
    throw new UsageError(`${typed === undefined ? 'which address?' : `'${typed}' is no address:`} expected https://…`);
  return typed;
}

/** The origin of a site as people type it: a host, an origin, or any address there. @throws {UsageError} */
export function originOf(typed: string): string {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `https://${typed}`;
  if (!URL.canParse(address)) throw new UsageError(`${typed} is not a site: expected https://news.example`);
  const url = new URL(address);
  return /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname) && address !== typed
    ? `http://${url.host}`
    : url.origin;
}

/** The one that people type amounts in: the first of the first broker. */
export async function currencyOf(wallet: Wallet): Promise<Currency> {
  const [first] = await wallet.brokers();
  return first?.currencies[0] ?? 'usd-micro';
}
