// The command's options: flags, then FARTHING_BROKER_* in the environment, then defaults. Whatever cannot be used is
// an error that says what to change.
import { parseArgs } from 'node:util';
import { type LogFormat, type LogLevel, logLevels } from '@farthing/node-kit';
import type { Money } from '@farthing/protocol';
import type { Place } from './books/open.ts';
import {
  accountOf,
  databaseOf,
  dayOf,
  MS_MAX,
  money,
  nameOf,
  oneOf,
  orNothing,
  UsageError,
  urlOf,
  whole,
} from './option-values.ts';
import type { Period, Settings } from './services/settings.ts';

export const commands = [
  'serve',
  'audit',
  'voucher',
  'invite',
  'vendors',
  'statement',
  'overclaims',
  'check-evidence',
  'invoices',
  'credit',
  'keysets',
  'peers',
  'clear',
  'migrate',
  'settlement',
  'export',
  'archive',
] as const;
export type Command = (typeof commands)[number];

export type Options = {
  readonly command: Command;
  /** What follows the command: a file for check-evidence, what to do for peers. */
  readonly words: readonly string[];
  readonly help: boolean;
  readonly json: boolean;
  readonly place: Place;
  readonly port: number;
  readonly host: string;
  readonly name: string | undefined;
  readonly test: boolean;
  readonly registration: 'open' | 'invite';
  readonly faucetMicro: bigint;
  readonly creditMicro: bigint;
  readonly paywordFeeBps: number;
  readonly pollMicro: bigint;
  readonly levelMicro: Settings['levelMicro'];
  readonly singleMicro: bigint;
  readonly invoicePeriod: Period;
  readonly invoiceDueDays: number;
  readonly ecash: boolean;
  readonly hosted: boolean;
  /** Path of the program that sends codes. */
  readonly codeCommand: string | undefined;
  readonly publicUrl: string | undefined;
  /** Where figures and traces go. */
  readonly otlp: string | undefined;
  readonly log: LogFormat;
  readonly logLevel: LogLevel;
  /** Of settlement and export. */
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly format: 'csv' | 'json';
  readonly site: string | undefined;
  /** Public key of an account. */
  readonly account: string | undefined;
  readonly value: Money | undefined;
  readonly count: number;
  readonly close: boolean;
  /** Name of a keyset. */
  readonly revoke: string | undefined;
  readonly rotate: boolean;
  /** From its file into PostgreSQL. */
  readonly moves: boolean;
  readonly dryRun: boolean;
  /** Midnight of a day before which periods are archived. */
  readonly beforeMs: number | undefined;
  /** Folder that archives are written to. */
  readonly to: string | undefined;
  readonly list: boolean;
  readonly shrink: boolean;
  /** File of a period that comes back. */
  readonly restore: string | undefined;
  /** Folder that archives are read from. */
  readonly archive: string | undefined;
  /** Signs what audits go on from anew, out of the archives. */
  readonly renew: boolean;
  /** How much another broker may owe. */
  readonly limit: Money | undefined;
  /** Id of another broker, as its operator told it. */
  readonly fingerprint: string | undefined;
};

const flags = {
  help: { type: 'boolean' },
  json: { type: 'boolean' },
  test: { type: 'boolean' },
  ecash: { type: 'boolean' },
  hosted: { type: 'boolean' },
  'code-command': { type: 'string' },
  data: { type: 'string' },
  database: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  name: { type: 'string' },
  registration: { type: 'string' },
  'faucet-limit': { type: 'string' },
  'credit-limit': { type: 'string' },
  'payword-fee': { type: 'string' },
  poll: { type: 'string' },
  'password-limit': { type: 'string' },
  'passkey-limit': { type: 'string' },
  'wallet-limit': { type: 'string' },
  single: { type: 'string' },
  'public-url': { type: 'string' },
  otlp: { type: 'string' },
  log: { type: 'string' },
  'log-level': { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  format: { type: 'string' },
  site: { type: 'string' },
  account: { type: 'string' },
  value: { type: 'string' },
  count: { type: 'string' },
  close: { type: 'boolean' },
  revoke: { type: 'string' },
  rotate: { type: 'boolean' },
  from: { type: 'string' },
  to: { type: 'string' },
  'dry-run': { type: 'boolean' },
  before: { type: 'string' },
  list: { type: 'boolean' },
  shrink: { type: 'boolean' },
  restore: { type: 'string' },
  archive: { type: 'string' },
  renew: { type: 'boolean' },
  limit: { type: 'string' },
  fingerprint: { type: 'string' },
  'invoice-period': { type: 'string' },
  'invoice-due': { type: 'string' },
} as const;

/** @throws {UsageError} */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const { values, positionals } = parse(args);
  const get = (
    name: {
      [Name in keyof typeof flags]: (typeof flags)[Name]['type'] extends 'string' ? Name : never;
    }[keyof typeof flags],
    fallback: string,
  ): string => values[name] ?? env[`FARTHING_BROKER_${name.toUpperCase().replaceAll('-', '_')}`] ?? fallback;
  return {
    ...commandOf(positionals),
    help: values.help ?? false,
    json: values.json ?? false,
    test: values.test ?? flag('FARTHING_BROKER_TEST', env),
    place: { data: get('data', './.farthing/broker'), database: databaseOf(get('database', '')) },
    port: whole('port', get('port', '8402'), { least: 0, most: 65_535 }),
    host: get('host', '127.0.0.1'),
    name: nameOf(get('name', '')),
    registration: oneOf('registration', get('registration', 'invite'), ['open', 'invite']),
    faucetMicro: money('--faucet-limit', get('faucet-limit', '5 USD')).amount,
    creditMicro: money('--credit-limit', get('credit-limit', '1 USD')).amount,
    paywordFeeBps: whole('payword-fee', get('payword-fee', '0'), { least: 0, most: 10_000 }),
    pollMicro: money('--poll', get('poll', '0.01 USD')).amount,
    levelMicro: {
      0: money('--password-limit', get('password-limit', '5 USD')).amount,
      1: money('--passkey-limit', get('passkey-limit', '50 USD')).amount,
      2: money('--wallet-limit', get('wallet-limit', '1000 USD')).amount,
    },
    singleMicro: money('--single', get('single', '1 USD')).amount,
    invoicePeriod: oneOf('invoice-period', get('invoice-period', 'monthly'), ['daily', 'weekly', 'monthly']),
    invoiceDueDays: whole('invoice-due', get('invoice-due', '14'), { least: 0, most: 365 }),
    ecash: values.ecash ?? flag('FARTHING_BROKER_ECASH', env),
    hosted: values.hosted ?? flag('FARTHING_BROKER_HOSTED', env),
    codeCommand: get('code-command', '') || undefined,
    publicUrl: urlOf('--public-url', get('public-url', '')),
    otlp: urlOf('--otlp', get('otlp', '')),
    log: oneOf('log', get('log', 'text'), ['text', 'json']),
    logLevel: oneOf('log-level', get('log-level', 'info'), logLevels),
    sinceMs: dayOf('since', values.since, 0),
    untilMs: dayOf('until', values.until, MS_MAX),
    format: oneOf('format', values.format ?? 'csv', ['csv', 'json']),
    site: values.site,
    account: accountOf(values.account),
    value: values.value === undefined ? undefined : worthOf(values.value, commandOf(positionals).command),
    count: whole('count', values.count ?? '1', { least: 1, most: 10_000 }),
    close: values.close ?? false,
    revoke: values.revoke,
    rotate: values.rotate ?? false,
    moves: commandOf(positionals).command !== 'archive' && isMove(values),
    beforeMs: values.before === undefined ? undefined : dayOf('before', values.before, 0),
    to: values.to,
    list: values.list ?? false,
    shrink: values.shrink ?? false,
    restore: values.restore,
    archive: values.archive,
    renew: values.renew ?? false,
    dryRun: values['dry-run'] ?? false,
    limit: values.limit === undefined ? undefined : orNothing('--limit', values.limit),
    fingerprint: values.fingerprint,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags, allowPositionals: true });
  } catch (error) {
    // Node's sentence goes on with how to escape arguments.
    const [said = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new UsageError(said.replace(/^Unknown option/, 'there is no option'));
  }
}

/** How many words may follow a command. */
const following: Partial<Record<Command, number>> = { 'check-evidence': 1, peers: 2, clear: 1 };

function commandOf(positionals: readonly string[]): Pick<Options, 'command' | 'words'> {
  const [word = 'serve', ...words] = positionals;
  const command = commands.find((name) => name === word);
  if (!command) throw new UsageError(`unknown command ${word}: expected one of ${commands.join(', ')}`);
  const more = words[following[command] ?? 0];
  if (more !== undefined) throw new UsageError(`unexpected argument ${more}`);
  return { command, words };
}

function flag(name: string, env: NodeJS.ProcessEnv): boolean {
  const value = env[name] ?? '0';
  if (!['0', '1', 'true', 'false', ''].includes(value)) throw new UsageError(`${name}: expected 1 or 0, got ${value}`);
  return value === '1' || value === 'true';
}

/** @throws {UsageError} another way than from a file into PostgreSQL */
function isMove({ from, to }: { from?: string | undefined; to?: string | undefined }): boolean {
  if (from === undefined && to === undefined) return false;
  if (from === 'sqlite' && to === 'postgres') return true;
  throw new UsageError('migrate: expected --from sqlite --to postgres, or neither');
}

/** Nothing is a price, and yet the way to end credit. */
const worthOf = (text: string, command: Command): Money =>
  command === 'credit' ? orNothing('--value', text) : money('--value', text);
