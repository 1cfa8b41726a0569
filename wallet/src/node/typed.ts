// What people type at the terminal: yes, and what must not be in arguments, which every process of the machine can read:
// passwords and phrases, from a file, from standard input, or hidden.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { limits, PaymentProblem } from '@farthing/protocol';
import type { Wallet } from '../index.ts';
import { type Output, UsageError } from './command.ts';

/** All of standard input, once: a command that is run again after unlocking gets the same. */
let read: Promise<string> | undefined;

/** Texts of gifts, requests and proofs are below. */
const MOST_INPUT = 100_000;

/** @throws {PaymentProblem} `payload-invalid`: too long */
export function input(): Promise<string> {
  read ??= (async () => {
    let typed = '';
    for await (const chunk of process.stdin.setEncoding('utf8')) {
      typed += chunk;
      if (typed.length > MOST_INPUT) throw new PaymentProblem('payload-invalid', { detail: 'too long a text' });
    }
    return typed.trim();
  })();
  return read;
}

/** Shows the question and hides the answer. @throws {UsageError} Ctrl-C, Ctrl-D */
async function hidden(question: string): Promise<string> {
  process.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  const closed = new AbortController();
  terminal.once('close', () => closed.abort());
  try {
    return await terminal.question('', { signal: closed.signal });
  } catch {
    throw new UsageError('nothing was typed, and nothing was done');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}

/** @throws {UsageError} the file cannot be read */
function fromFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
      .slice(0, limits.passwordBytes + 2)
      .replace(/\r?\n$/, '');
  } catch {
    throw new UsageError(`the password file ${path} cannot be read`);
  }
}

const FILE = 'FARTHING_PASSWORD_FILE';
const NEW_FILE = 'FARTHING_NEW_PASSWORD_FILE';

/** The wallet's password: from the file that the environment names, else typed; `line`: of standard input, for scripts. */
export async function passwordNow(line?: number): Promise<string> {
  const file = process.env[FILE];
  if (file !== undefined) return fromFile(file);
  if (process.stdin.isTTY) return hidden('Password of this wallet: ');
  return needLine(line, `name a file with the password in ${FILE}`);
}

/** For a wallet that has none. @throws {UsageError} the two that were typed differ */
export const firstPassword = (): Promise<string> => chosen(process.env[NEW_FILE] ?? process.env[FILE], 0);

/** The one that follows. @throws {UsageError} as `firstPassword` */
export const nextPassword = (): Promise<string> => chosen(process.env[NEW_FILE], 1);

/** `line`: of standard input, where there is neither file nor terminal. */
async function chosen(file: string | undefined, line: number): Promise<string> {
  if (file !== undefined) return fromFile(file);
  if (!process.stdin.isTTY) return needLine(line, `name a file with the new password in ${NEW_FILE}`);
  const typed = await hidden('New password: ');
  if (typed !== (await hidden('Once more: '))) throw new UsageError('the two differ: nothing was changed');
  return typed;
}

async function needLine(line: number | undefined, otherwise: string): Promise<string> {
  const typed = line === undefined ? undefined : (await input()).split(/\r?\n/)[line];
  if (typed) return typed;
  throw new PaymentProblem('wallet-locked', { detail: `nobody can be asked here: ${otherwise}` });
}

/** Does the person at the terminal say yes? Where there is none, nobody does. */
export async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await terminal.question(`${question} [y/N] `));
  } finally {
    terminal.close();
  }
}

/** Grows at a terminal while the password is worked on. */
export function workOf(out: Output): { onProgress?: (done: number) => void } {
  if (out.json || !process.stderr.isTTY) return {};
  return { onProgress: (done) => process.stderr.write(`\r${Math.round(done * 100)} %${done < 1 ? '' : '\r     \r'}`) };
}

/** @throws {PaymentProblem} `password-wrong`, `rate-limit`; `wallet-locked`: there is nobody to ask */
export async function unlock(wallet: Wallet, out: Output): Promise<void> {
  await wallet.password.unlock(await passwordNow(), workOf(out));
}
