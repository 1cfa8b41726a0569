// Commands about coins and the phrase that they come from: coins, withdraw, gift, gifts, take, phrase, restore.
import { createInterface } from 'node:readline/promises';
import type { FoundCoins, GiftInfo, RestoreProgress } from '../index.ts';
import { amountOf, type Command, currencyOf, money, type Output, text, UsageError } from './command.ts';
import { brokerOf } from './money-commands.ts';
import { showPicture } from './picture.ts';
import { input } from './secret-input.ts';

export const coins: Command = {
  usage: 'farthing coins [--check]',
  about: 'Lists the coins of this wallet by value. Nobody can trace them to its account.',
  args: 0,
  options: { check: { type: 'boolean' } },
  help: [['--check', 'ask the broker after each: for a wallet that was copied or put back from a backup']],
  async run({ wallet, flags, out }) {
    const brokers = await wallet.brokers();
    if (flags['check'] === true) {
      for (const { brk } of brokers) {
        const found = await wallet.coins.check({ brk, onProgress: progressOf(out) });
        for (const line of await lostOf(found, wallet)) out.fact(line);
      }
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

export const gift: Command = {
  usage: 'farthing gift AMOUNT [--memo TEXT] [--qr]',
  about: 'Prints coins as text. Whoever takes it first has the money, and needs no account.',
  args: 1,
  options: { memo: { type: 'string' }, qr: { type: 'boolean' } },
  help: [
    ['AMOUNT', "such as '0.05 USD'"],
    ['--memo TEXT', 'a line to go with it'],
    ['--qr', 'show the text as a picture, too'],
  ],
  async run({ wallet, flags, args: [typed], out }) {
    const amountMicro = amountOf(typed ?? '', await currencyOf(wallet));
    const memo = text(flags, 'memo');
    const given = await wallet.coins.give({ amountMicro, ...(memo === undefined ? {} : { memo }) });
    out.fact('This text is the money. farthing gifts tells whether it was taken, and pulls it back.');
    if (flags['qr'] === true) showPicture(given.text ?? '', out);
    out.result(given, [given.text ?? '']);
  },
};

export const gifts: Command = {
  usage: 'farthing gifts [--back ID]',
  about: 'Lists gifts that were given, and whether they were taken.',
  args: 0,
  options: { back: { type: 'string' } },
  unlock: true,
  help: [['--back ID', 'pull this gift back, if nobody took it; its text is worth nothing then']],
  async run({ wallet, flags, out }) {
    const back = text(flags, 'back');
    if (back !== undefined) {
      const record = await wallet.coins.takeBack(back);
      out.result(record, [`${money(record.amountMicro, record.currency)} are back.`]);
      return;
    }
    const found = await wallet.coins.gifts({ refresh: true });
    out.result(found, found.length > 0 ? found.map(giftLine) : ['No gifts were given.']);
  },
};

function giftLine({ id, amountMicro, currency, state, atMs, memo }: GiftInfo): string {
  const when = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
  const note = memo === undefined ? '' : `  ${JSON.stringify(memo)}`;
  return `${when}  ${state.padEnd(11)} ${money(amountMicro, currency).padStart(12)}  ${id}${note}`;
}

export const take: Command = {
  usage: 'farthing take TEXT',
  about: 'Takes a gift in. Its coins are swapped at once, so that nobody else can have them.',
  args: 1,
  options: {},
  help: [['TEXT', 'what farthing gift printed, or - for standard input']],
  async run({ wallet, args: [typed], out }) {
    if (typed === undefined) throw new UsageError('whose text is the gift? farthing take TEXT');
    const taken = await wallet.coins.take(typed === '-' ? await input() : typed);
    const { record, memo, brokerAdded } = taken;
    if (brokerAdded) out.fact(`This wallet uses ${record.brokerName} from now on. farthing phrase shows its words.`);
    out.result(taken, [
      `Took ${money(record.amountMicro, record.currency)}${record.test ? ' of test money' : ''} in.`,
      ...(memo === undefined ? [] : [JSON.stringify(memo)]),
    ]);
  },
};

export const phrase: Command = {
  usage: 'farthing phrase [--show]',
  about: 'Shows the twelve words that this wallet comes back from. Whoever reads them has the money.',
  args: 0,
  options: { show: { type: 'boolean' } },
  help: [['--show', 'show them without asking']],
  async run({ wallet, flags, out }) {
    if (flags['show'] !== true && !out.json && !(await agreed())) throw new UsageError('--show shows the words');
    const found = await wallet.phrase();
    out.fact('Write these words on paper. Nobody needs them but you: who asks for them is a thief.');
    if (!found.account) {
      out.fact('They bring the coins back, not the account: this wallet began without words. Keep its files as well.');
    }
    out.result(found, [found.phrase]);
  },
};

/** At a terminal; a script says `--show`. */
async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await terminal.question('Whoever sees the words has the money. Show them here? [y/N] '));
  } finally {
    terminal.close();
  }
}

export const restore: Command = {
  usage: 'farthing restore [--broker URL]',
  about: 'Makes an empty wallet the one of a phrase, which is read from standard input.',
  args: 0,
  options: { broker: { type: 'string' } },
  help: [['--broker URL', 'where its money is; default: FARTHING_BROKER']],
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
