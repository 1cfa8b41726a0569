#!/usr/bin/env node
// The command `farthing`: a wallet for terminals, scripts and agents. Exit status: 0 done, 1 the world's fault (the
// message has a code and says what to do), 2 wrong arguments.
import { PaymentProblem } from '@farthing/protocol';
import { coins, deposit, phrase, restore, withdraw } from './coin-commands.ts';
import { type Command, Output, parse, type Run, text, UsageError, type WalletCommand } from './command.ts';
import { credit } from './credit-command.ts';
import { get } from './get-command.ts';
import { goods } from './goods-command.ts';
import { gift, gifts, request, requests, take } from './hand-commands.ts';
import { invoices } from './invoices-command.ts';
import { balance, close as closeSessions, history, init, recover, refund, sessions, topUp } from './money-commands.ts';
import { defaultData, openWallet } from './open.ts';
import { password } from './password-command.ts';
import { pay, stream } from './pay-command.ts';
import { evidence, prove, verify } from './proof-commands.ts';
import { report } from './report.ts';
import { budget, limits } from './rule-commands.ts';
import { unlock } from './typed.ts';

const commands: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    init,
    'top-up': topUp,
    pay,
    get,
    goods,
    stream,
    balance,
    history,
    invoices,
    refund,
    sessions,
    close: closeSessions,
    budget,
    credit,
    recover,
    coins,
    withdraw,
    deposit,
    gift,
    gifts,
    take,
    request,
    requests,
    prove,
    evidence,
    verify,
    phrase,
    password,
    restore,
    limits,
  }),
);

const COMMON_HELP = [
  ['--data DIR', 'where the wallet is kept; default: FARTHING_WALLET, else ~/.farthing'],
  ['--json', 'print one JSON value; amounts are decimal text in millionths'],
  ['-h, --help', 'this text'],
] as const;

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview());
    return name === undefined ? 2 : 0;
  }
  const command = commands.get(name);
  if (!command) throw new UsageError(`there is no command ${name}; farthing --help lists them`);
  const { flags, args } = parse(command, rest);
  if (flags['help'] === true) {
    process.stdout.write(helpOf(command));
    return 0;
  }
  const out = new Output(flags['json'] === true);
  if (command.plain) return (await command.run({ flags, args, out })) ?? 0;
  const { wallet, close } = await openWallet(text(flags, 'data') ?? defaultData());
  try {
    return await runUnlocked(command, { wallet, flags, args, out });
  } finally {
    close();
  }
}

/** Asks for the password when it is needed. What a locked wallet refused has not begun, so the command can run again. */
async function runUnlocked(command: WalletCommand, run: Run): Promise<number> {
  const { wallet, out } = run;
  if (command.unlock && wallet.password.state().locked) await unlock(wallet, out);
  try {
    return (await command.run(run)) ?? 0;
  } catch (error) {
    const isLocked = error instanceof PaymentProblem && error.code === 'wallet-locked';
    if (!isLocked || !wallet.password.state().locked) throw error;
    await unlock(wallet, out);
    return (await command.run(run)) ?? 0;
  }
}

function overview(): string {
  const lines = [...commands].map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`);
  return `farthing: pay a fraction of a cent on the web.\n\n${lines.join('\n')}\n\nfarthing COMMAND --help tells more. A wallet with a password asks for it, or reads the file FARTHING_PASSWORD_FILE.\nExit status: 0 done, 1 the world's fault, 2 wrong arguments.\n`;
}

function helpOf({ usage, about, help }: Command): string {
  const lines = [...help, ...COMMON_HELP].map(([flag, what]) => `  ${flag.padEnd(22)} ${what}`);
  return `${usage}\n${about}\n\n${lines.join('\n')}\n`;
}

const argv = process.argv.slice(2);
try {
  process.exitCode = await main(argv);
} catch (error) {
  process.exitCode = report(error, { json: argv.includes('--json'), command: commands.get(argv[0] ?? '') });
}
