import type { PaymentRecord } from '../index.ts';
import {
  amountOf,
  type Command,
  currencyOf,
  type Flags,
  money,
  originOf,
  type Run,
  text,
  UsageError,
} from './command.ts';
import { presentPending } from './pay-command.ts';

const DEFAULT_BROKER = 'http://127.0.0.1:8402';

/** Where the broker is, as a flag or the environment says. */
export const brokerOf = (flags: Flags): string =>
  text(flags, 'broker') ?? process.env['FARTHING_BROKER'] ?? DEFAULT_BROKER;

export const NO_BROKER = {
  'broker-unreachable': 'Is it running there? --broker URL names another.',
  'insecure-origin': 'Expected https://…, or http:// on this machine.',
} as const;

export const init: Command = {
  usage: 'farthing init [--broker URL]',
  about: 'Makes the account and adds a broker. Repeating it is harmless.',
  args: 0,
  options: { broker: { type: 'string' } },
  help: [['--broker URL', `the broker; default: FARTHING_BROKER, else ${DEFAULT_BROKER}`]],
  mend: NO_BROKER,
  async run({ wallet, flags, out }) {
    const broker = await wallet.init({ brokerUrl: brokerOf(flags) });
    const account = wallet.accountId();
    out.result({ account, broker }, [
      `Account ${account} at ${broker.name} (${broker.url})${broker.test ? ', test money' : ''}.`,
      broker.faucetMicro === undefined ? 'Next: farthing top-up --voucher CODE' : 'Next: farthing top-up 1.00',
    ]);
  },
};

export const topUp: Command = {
  usage: 'farthing top-up AMOUNT | --voucher CODE',
  about: 'Puts money on the account: demo money from a test broker, or a voucher.',
  args: 1,
  options: { voucher: { type: 'string' } },
  help: [
    ['AMOUNT', "such as 1.00 or '1 USD'"],
    ['--voucher CODE', 'a code that the operator of the broker issued'],
  ],
  mend: {
    'request-malformed': 'More than the broker gives at once (it counts in millionths), or not the code of a voucher.',
  },
  async run({ wallet, flags, args: [typed], out }) {
    const voucher = text(flags, 'voucher');
    if ((typed === undefined) === (voucher === undefined)) throw new UsageError('name either an amount or a voucher');
    const currency = await currencyOf(wallet);
    const record = await wallet.topUp(
      voucher === undefined ? { amountMicro: amountOf(typed ?? '', currency) } : { voucher },
    );
    out.result(record, [
      `Topped up ${money(record.amountMicro, record.currency)}; balance ${money(record.balanceAfterMicro ?? 0n, record.currency)}.`,
    ]);
  },
};

export const balance: Command = {
  usage: 'farthing balance [--offline]',
  about: 'Shows the money on the account, in site coins, and set aside for payments without a known outcome.',
  args: 0,
  options: { offline: { type: 'boolean' } },
  help: [['--offline', 'as last known, without asking the broker']],
  async run({ wallet, flags, out }) {
    const found = await wallet.balance({ refresh: flags['offline'] !== true });
    if (wallet.password.state().locked) out.fact('The wallet is locked: the account is as last known.');
    const lines = found.brokers.flatMap(
      ({ name, test, currency, accountMicro, coinsMicro, cashMicro, heldMicro, owedMicro }) => [
        `${name}${test ? ' (test money)' : ''}`,
        `  account     ${money(accountMicro, currency)}`,
        `  site coins  ${money(coinsMicro, currency)}`,
        ...(cashMicro > 0n ? [`  coins       ${money(cashMicro, currency)}  (farthing coins)`] : []),
        ...(heldMicro > 0n ? [`  set aside   ${money(heldMicro, currency)}  (farthing recover)`] : []),
        ...(owedMicro > 0n ? [`  owed       -${money(owedMicro, currency)}  (farthing credit)`] : []),
      ],
    );
    const sessions = await wallet.sessions();
    const open = sessions.map(({ origin, leftMicro, currency, credit, state }) => {
      if (credit) return `  on credit   ${money(leftMicro, currency)}  ${origin} (promised, owed when used)`;
      const how = `${state === 'ended' ? 'ended by the site; ' : ''}farthing close ${origin}`;
      return `  session     ${money(leftMicro, currency)}  ${origin} (${how})`;
    });
    out.result({ ...found, sessions }, [...lines, ...open, `Total ${money(found.totalMicro, found.currency)}`]);
  },
};

export const history: Command = {
  usage: 'farthing history [--limit N] [--site SITE] [--csv]',
  about: 'Lists payments, purchases of site coins, top-ups and refunds, newest first.',
  args: 0,
  options: { limit: { type: 'string' }, site: { type: 'string' }, csv: { type: 'boolean' } },
  help: [
    ['--limit N', 'how many; default 20'],
    ['--site SITE', 'only those of one site'],
    ['--csv', 'all of them as CSV, oldest first'],
  ],
  async run({ wallet, flags, out }) {
    if (flags['csv'] === true) {
      process.stdout.write(await wallet.exportCsv());
      return;
    }
    const limit = Number(text(flags, 'limit') ?? 20);
    if (!Number.isSafeInteger(limit) || limit < 1) throw new UsageError('--limit takes a whole number from 1');
    const site = text(flags, 'site');
    const records = await wallet.history({ limit, ...(site === undefined ? {} : { site: originOf(site) }) });
    out.result(records, records.length > 0 ? records.map(line) : ['Nothing was paid or moved yet.']);
  },
};

const SIGN = { payment: '-', top_up: '+', purchase: ' ', refund: ' ' } as const;

function line({ atMs, kind, state, amountMicro, currency, units, unit, url, site, code }: PaymentRecord): string {
  const when = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
  const amount = `${SIGN[kind]}${money(amountMicro, currency)}`.padStart(12);
  const count = units === undefined ? '' : `  ${units} ${unit ?? 'units'}`;
  const told = code ? `  (${code})` : '';
  return `${when}  ${state.padEnd(18)} ${kind.padEnd(8)} ${amount}  ${url ?? site ?? ''}${count}${told}`;
}

export const refund: Command = {
  usage: 'farthing refund [SITE]',
  about: 'Gives site coins back, all or those of one site, and cashes them to the account.',
  unlock: true,
  args: 1,
  options: {},
  help: [['SITE', 'such as https://news.example; default: every site']],
  async run({ wallet, args: [site], out }) {
    const records = await wallet.refund(site === undefined ? {} : { origin: originOf(site) });
    out.result(records, records.length > 0 ? records.map(line) : ['There were no site coins to give back.']);
    return records.every(({ state }) => state === 'refunded') ? 0 : 1;
  },
};

export const sessions: Command = {
  usage: 'farthing sessions',
  about: 'Lists the money at sites that sell by the unit, and how to get it back.',
  args: 0,
  options: {},
  help: [],
  async run({ wallet, out }) {
    const found = await wallet.sessions();
    const lines = found.map(({ origin, leftMicro, currency, credit, expiresAtMs, state }) => {
      const until = new Date(expiresAtMs).toISOString().slice(0, 10);
      const close = state === 'new' ? 'returns then' : `farthing close ${origin}`;
      const back = credit ? 'on credit' : close;
      return `${state.padEnd(6)} ${money(leftMicro, currency).padStart(12)}  ${origin}  until ${until} (${back})`;
    });
    out.result(found, found.length > 0 ? lines : ['No site holds money of a session.']);
  },
};

export const close: Command = {
  usage: 'farthing close [SITE]',
  about: 'Closes sessions, all or those of one site: what was not used returns to the account.',
  unlock: true,
  args: 1,
  options: {},
  help: [['SITE', 'such as https://news.example; default: every site']],
  async run({ wallet, args: [site], out }) {
    const records = await wallet.closeSessions(site === undefined ? {} : { origin: originOf(site) });
    out.result(records, records.length > 0 ? records.map(line) : ['There was no session to close.']);
    return records.every(({ state }) => state === 'refunded') ? 0 : 1;
  },
};

export const recover: Command = {
  usage: 'farthing recover',
  about: 'Finishes what was cut off: presents payments again, repeats broker orders, goes on with refunds.',
  unlock: true,
  args: 0,
  options: {},
  help: [],
  async run({ wallet, out }: Run) {
    const { finished, open } = await wallet.recover();
    const payments = await presentPending(wallet);
    const unknown = payments.filter(({ outcome }) => outcome === 'unknown').length;
    out.result({ finished, open, payments }, [
      `Orders and moves: ${finished} finished, ${open} still open.`,
      `Payments: ${payments.length - unknown} settled, ${unknown} still unknown.`,
    ]);
    return open + unknown === 0 ? 0 : 1;
  },
};
