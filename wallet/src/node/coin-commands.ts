import type { FoundCoins, RestoreProgress } from '../index.ts';
import { amountOf, type Command, currencyOf, money, type Output, UsageError } from './command.ts';
import { brokerOf, NO_BROKER } from './money-commands.ts';
import { agreed, input } from './typed.ts';

export const NO_COINS = {
  unavailable: 'Its operator turns coins on (broker --ecash); keys that are new take a minute.',
} as const;

export const coins: Command = {
  usage: 'farthing coins [--check] [--keys]',
  about: 'Lists the coins of this wallet by value. Nobody can trace them to its account.',
  args: 0,
  options: { check: { type: 'boolean' }, keys: { type: 'boolean' } },
  help: [
    ['--check', 'ask the broker after each: for a wallet that was copied or put back from a backup'],
    ['--keys', 'list each by its key, which farthing prove takes'],
  ],
  async run({ wallet, flags, out }) {
    const brokers = await wallet.brokers();
    if (flags['check'] === true) {
      for (const { brk } of brokers) {
        const found = await wallet.coins.check({ brk, onProgress: progressOf(out) });
        for (const line of await lostOf(found, wallet)) out.fact(line);
      }
    }
    if (flags['keys'] === true) {
      const each = await wallet.coins.each();
      out.result(
        each,
        each.map(({ pk, valueMicro, currency }) => `${pk}  ${money(valueMicro, currency).padStart(12)}`),
      );
      return;
    }
    const found = await wallet.coins.list();
    const lines = found.flatMap(({ brk, currency, totalMicro, byValue, listHash }) => [
      `${brokers.find((one) => one.brk === brk)?.name ?? brk}: ${money(totalMicro, currency)} in coins`,
      ...byValue.map(({ valueMicro, count }) => `  ${String(count).padStart(4)} × ${money(valueMicro, currency)}`),
      ...(listHash === undefined ? [] : [`  keys ${listHash} (everybody sees the same)`]),
    ]);
    out.result(found, lines);
  },
};

export const withdraw: Command = {
  usage: 'farthing withdraw AMOUNT',
  about: 'Turns money of the account into coins.',
  args: 1,
  options: {},
  help: [['AMOUNT', "such as 1.00 or '1 USD'"]],
  mend: NO_COINS,
  async run({ wallet, args: [typed], out }) {
    const amountMicro = amountOf(typed ?? '', await currencyOf(wallet));
    const record = await wallet.coins.withdraw({ amountMicro });
    const [found] = await wallet.coins.list();
    const count = found?.byValue.reduce((sum, one) => sum + one.count, 0) ?? 0;
    out.result(record, [
      `Withdrew ${money(record.amountMicro, record.currency)}; ${count} coins, ${money(found?.totalMicro ?? 0n, record.currency)}.`,
    ]);
  },
};

export const deposit: Command = {
  usage: 'farthing deposit [AMOUNT]',
  about: 'Turns coins into money of the account again: all of them, or this amount.',
  args: 1,
  options: {},
  help: [['AMOUNT', "such as 1.00 or '1 USD'"]],
  mend: NO_COINS,
  async run({ wallet, args: [typed], out }) {
    const amount = typed === undefined ? {} : { amountMicro: amountOf(typed, await currencyOf(wallet)) };
    const record = await wallet.coins.deposit(amount);
    out.result(record, [`${money(record.amountMicro, record.currency)} are back in the account.`]);
  },
};

export const phrase: Command = {
  usage: 'farthing phrase [--show]',
  about: 'Shows the twelve words that this wallet comes back from. Whoever reads them has the money.',
  args: 0,
  options: { show: { type: 'boolean' } },
  help: [['--show', 'show them without asking']],
  async run({ wallet, flags, out }) {
    if (flags['show'] !== true && !out.json && !(await agreed('Whoever sees the words has the money. Show them here?')))
      throw new UsageError('nobody can be asked here, or said no: --show shows the words');
    const found = await wallet.phrase();
    out.fact('Write these words on paper. Nobody needs them but you: who asks for them is a thief.');
    if (!found.account) {
      out.fact('They bring the coins back, not the account: this wallet began without words. Keep its files as well.');
    }
    out.result(found, [found.phrase]);
  },
};

export const restore: Command = {
  usage: 'farthing restore [--broker URL]',
  about: 'Makes an empty wallet the one of a phrase, which is read from standard input.',
  args: 0,
  options: { broker: { type: 'string' } },
  help: [['--broker URL', 'where its money is; default: FARTHING_BROKER']],
  mend: { ...NO_BROKER, ...NO_COINS, 'payload-invalid': 'Twelve words, in their order, on standard input.' },
  async run({ wallet, flags, out }) {
    if (process.stdin.isTTY) out.fact('Type the twelve words, then Enter and Ctrl-D.');
    const onProgress = progressOf(out);
    const found = await wallet.restore({ phrase: await input(), brokerUrl: brokerOf(flags), onProgress });
    const currency = await currencyOf(wallet);
    out.result(found, [
      `Account ${money(found.accountMicro, currency)}; ${found.coins} coins, ${money(found.coinsMicro, currency)}; ${found.spent} were spent.`,
    ]);
  },
};

/** One line that grows at a terminal; nothing for programs. */
function progressOf(out: Output): (progress: RestoreProgress) => void {
  if (out.json || !process.stderr.isTTY) return () => {};
  return ({ keysets, of, found, checked }) => {
    const asked = checked > 0 ? `, ${checked} asked after` : '';
    process.stderr.write(`\r${keysets} of ${of} keys looked through, ${found} coins${asked}   `);
    if (keysets === of && checked >= found) process.stderr.write('\n');
  };
}

async function lostOf({ lostMicro }: FoundCoins, wallet: Parameters<typeof currencyOf>[0]): Promise<string[]> {
  if (lostMicro === 0n) return [];
  return [
    `${money(lostMicro, await currencyOf(wallet))} were spent by another copy of this wallet, and are written off.`,
  ];
}
