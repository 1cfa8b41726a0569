// Commands for money from hand to hand: gift, gifts, take, request, requests.

import type { GiftInfo, RequestInfo, Wallet } from '../index.ts';
import { NO_COINS } from './coin-commands.ts';
import { amountOf, type Command, currencyOf, type Flags, money, type Output, text, UsageError } from './command.ts';
import { showPicture } from './picture.ts';
import { agreed, input } from './typed.ts';

const SHOWN = { link: { type: 'boolean' }, qr: { type: 'boolean' } } as const;
const SHOWN_HELP = [
  ['--link', 'print an address instead, which opens a page that says what to do'],
  ['--qr', 'show the address as a picture, too'],
] as const;

const COPIED = { ...NO_COINS, 'payload-invalid': 'Copy the whole text, as the other wallet printed it.' } as const;

export const gift: Command = {
  usage: 'farthing gift AMOUNT [--for REQUEST] [--memo TEXT] [--link] [--qr]',
  mend: COPIED,
  about: 'Prints coins as text. Whoever takes it first has the money, and needs no account.',
  args: 1,
  options: { for: { type: 'string' }, memo: { type: 'string' }, ...SHOWN },
  help: [
    ['AMOUNT', "such as '0.05 USD'; with --for at a terminal you are asked instead"],
    ['--for REQUEST', 'what farthing request printed: only who asked can take the coins'],
    ['--memo TEXT', 'a line to go with it'],
    ...SHOWN_HELP,
  ],
  async run({ wallet, flags, args: [typed], out }) {
    const [memo, request] = [text(flags, 'memo'), text(flags, 'for')];
    const amountMicro =
      request !== undefined && typed === undefined
        ? await askedFor(wallet, request)
        : amountOf(typed ?? '', await currencyOf(wallet));
    const given = await wallet.coins.give({
      amountMicro,
      ...(memo === undefined ? {} : { memo }),
      ...(request === undefined ? {} : { request }),
      few: flags['qr'] === true,
    });
    const whose = request === undefined ? 'This text is the money.' : 'Only who asked for it can take this.';
    out.fact(`${whose} farthing gifts tells whether it was taken, and pulls it back.`);
    show(given, flags, out);
  },
};

/** The amount of a request that a person said yes to. @throws {UsageError} nobody can be asked, or said no */
async function askedFor(wallet: Wallet, request: string): Promise<bigint> {
  const { amountMicro, currency, memo, brokerName, words } = await wallet.coins.readRequest(request);
  const what = `${money(amountMicro, currency)}${memo === undefined ? '' : ` for ${JSON.stringify(memo)}`}`;
  const from = `in coins of ${brokerName ?? 'a broker that this wallet does not use'}`;
  const yes = await agreed(`It asks for ${what}, ${from}. Its words: ${words}. Give it?`);
  if (!yes) throw new UsageError(`it asks for ${what}: farthing gift '${money(amountMicro, currency)}' --for …`);
  return amountMicro;
}

function show(made: GiftInfo | RequestInfo, flags: Flags, out: Output): void {
  const { text: plain = '', link = '' } = made;
  if (flags['qr'] === true) showPicture(link, out);
  out.result(made, [flags['link'] === true ? link : plain]);
}

export const request: Command = {
  usage: 'farthing request AMOUNT [--memo TEXT] [--link] [--qr]',
  about: 'Asks somebody for money, by a text to send. Nobody but this wallet can take what answers it.',
  args: 1,
  options: { memo: { type: 'string' }, ...SHOWN },
  help: [['AMOUNT', "such as '0.05 USD'"], ['--memo TEXT', 'what it is for'], ...SHOWN_HELP],
  async run({ wallet, flags, args: [typed], out }) {
    const amountMicro = amountOf(typed ?? '', await currencyOf(wallet));
    const memo = text(flags, 'memo');
    const made = await wallet.coins.request({ amountMicro, ...(memo === undefined ? {} : { memo }) });
    out.fact(`Its words are: ${made.words}. Who gives sees the same, unless somebody changed it on the way.`);
    out.fact('The answer is a text: farthing take it. farthing requests tells what came.');
    show(made, flags, out);
  },
};

export const requests: Command = {
  usage: 'farthing requests',
  about: 'Lists what was asked for, and what came.',
  args: 0,
  options: {},
  help: [],
  async run({ wallet, out }) {
    const found = await wallet.coins.requests();
    out.result(found, found.length > 0 ? found.map(requestLine) : ['Nobody was asked for money.']);
  },
};

function requestLine({ amountMicro, receivedMicro, currency, state, atMs, memo, words }: RequestInfo): string {
  const came = receivedMicro > 0n ? `  came ${money(receivedMicro, currency)}` : '';
  const note = memo === undefined ? '' : `  ${JSON.stringify(memo)}`;
  const named = words === undefined ? '' : `  ${words}`;
  return `${whenOf(atMs)}  ${state.padEnd(7)} ${money(amountMicro, currency).padStart(12)}${came}${note}${named}`;
}

const whenOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');

export const gifts: Command = {
  usage: 'farthing gifts [--back ID]',
  about: 'Lists gifts that were given, and whether they were taken.',
  args: 0,
  options: { back: { type: 'string' } },
  unlock: true,
  help: [['--back ID', 'pull this gift back, if nobody took it; its text is worth nothing then']],
  mend: { 'not-found': 'farthing gifts lists them with their ids.' },
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
  const note = memo === undefined ? '' : `  ${JSON.stringify(memo)}`;
  return `${whenOf(atMs)}  ${state.padEnd(11)} ${money(amountMicro, currency).padStart(12)}  ${id}${note}`;
}

export const take: Command = {
  usage: 'farthing take TEXT',
  about: 'Takes a gift in. Its coins are swapped at once, so that nobody else can have them.',
  args: 1,
  options: {},
  help: [['TEXT', 'what farthing gift printed, or - for standard input']],
  mend: COPIED,
  async run({ wallet, args: [typed], out }) {
    if (typed === undefined) throw new UsageError('whose text is the gift? farthing take TEXT');
    const taken = await wallet.coins.take(typed === '-' ? await input() : typed);
    const { record, memo, brokerAdded, request: answered } = taken;
    if (brokerAdded) out.fact(`This wallet uses ${record.brokerName} from now on. farthing phrase shows its words.`);
    out.result(taken, [
      `Took ${money(record.amountMicro, record.currency)}${record.test ? ' of test money' : ''} in.`,
      ...(memo === undefined ? [] : [JSON.stringify(memo)]),
      ...(answered ? [`It answers your request: ${requestLine(answered)}`] : []),
    ]);
  },
};
