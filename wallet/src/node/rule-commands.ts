// Commands about what may be paid: budget and limits.
import { type Currency, describeLimits } from '@farthing/protocol';
import type { Budget, Mode, SiteRule, Wallet } from '../index.ts';
import { amountOf, type Command, currencyOf, type Flags, money, originOf, text, UsageError } from './command.ts';

const modes: readonly Mode[] = ['auto', 'ask', 'never'];
const preferences: readonly Budget['prefer'][] = ['cheapest', 'private'];

export const budget: Command = {
  usage: 'farthing budget [SITE] [--mode auto|ask|never] [--per-page AMOUNT] [--per-day AMOUNT]',
  about: 'Shows or sets what may be paid: on one site, or over all sites and on sites without a rule.',
  args: 1,
  options: {
    mode: { type: 'string' },
    'per-page': { type: 'string' },
    'per-day': { type: 'string' },
    pause: { type: 'boolean' },
    resume: { type: 'boolean' },
    forget: { type: 'boolean' },
    prefer: { type: 'string' },
  },
  help: [
    ['SITE', 'such as https://news.example; without it: all sites'],
    ['--mode MODE', 'auto pays within the limits, ask asks, never refuses; for all sites: the mode of new ones'],
    ['--per-page AMOUNT', 'the most for one page'],
    ['--per-day AMOUNT', 'the most for one day, from midnight UTC'],
    ['--pause, --resume', 'stop all payments, and go on'],
    ['--forget', 'with SITE: drop its rule'],
    ['--prefer WHAT', 'where a site takes several kinds of money: cheapest, or private (anonymous coins first)'],
  ],
  async run({ wallet, flags, args: [site], out }) {
    if (flags['pause'] === true && flags['resume'] === true) throw new UsageError('either --pause or --resume');
    const currency = await currencyOf(wallet);
    const wish = wishOf(flags, currency);
    if (site === undefined) await setAll(wallet, wish, flags);
    else await setSite(wallet, originOf(site), { wish, flags });
    const all = await wallet.budget();
    const rules = site === undefined ? await wallet.siteRules() : [await wallet.rule(originOf(site))];
    out.result({ budget: all, rules }, [
      ...budgetLines(all, currency),
      ...rules.map((rule) => ruleLine(rule, currency)),
    ]);
  },
};

type Wish = { mode?: Mode; perPageMicro?: bigint; perDayMicro?: bigint };

function wishOf(flags: Flags, currency: Currency): Wish {
  const [typed, perPage, perDay] = ['mode', 'per-page', 'per-day'].map((name) => text(flags, name));
  const mode = modes.find((known) => known === typed);
  if (typed !== undefined && mode === undefined) throw new UsageError('--mode takes auto, ask or never');
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(perPage === undefined ? {} : { perPageMicro: amountOf(perPage, currency) }),
    ...(perDay === undefined ? {} : { perDayMicro: amountOf(perDay, currency) }),
  };
}

async function setAll(wallet: Wallet, { mode, perPageMicro, perDayMicro }: Wish, flags: Flags): Promise<void> {
  if (mode === 'never') throw new UsageError('all sites cannot be never: use --pause');
  if (flags['forget'] === true) throw new UsageError('--forget needs a SITE');
  const typed = text(flags, 'prefer');
  const prefer = preferences.find((known) => known === typed);
  if (typed !== undefined && prefer === undefined) throw new UsageError('--prefer takes cheapest or private');
  const change = {
    ...(prefer === undefined ? {} : { prefer }),
    ...(mode === undefined ? {} : { newSites: mode }),
    ...(perPageMicro === undefined ? {} : { newSitesUpToMicro: perPageMicro }),
    ...(perDayMicro === undefined ? {} : { perDayMicro }),
  };
  if (Object.keys(change).length > 0) await wallet.setBudget(change);
  if (flags['pause'] === true) await wallet.pause('forever');
  if (flags['resume'] === true) await wallet.resume();
}

async function setSite(wallet: Wallet, origin: string, { wish, flags }: { wish: Wish; flags: Flags }): Promise<void> {
  if (flags['pause'] === true || flags['resume'] === true) throw new UsageError('--pause and --resume stop all sites');
  if (flags['prefer'] !== undefined) throw new UsageError('--prefer is for all sites');
  if (flags['forget'] === true) return wallet.forgetSite(origin);
  if (Object.keys(wish).length === 0) return;
  const { mode, perPageMicro, perDayMicro } = await wallet.rule(origin);
  await wallet.setRule(origin, { mode, perPageMicro, perDayMicro, ...wish });
}

function budgetLines(
  { perDayMicro, spentTodayMicro, newSites, newSitesUpToMicro, pausedUntilMs, prefer }: Budget,
  currency: Currency,
): string[] {
  const paused =
    pausedUntilMs === undefined
      ? []
      : [`Paused until ${pausedUntilMs === 'resumed' ? 'you resume' : new Date(pausedUntilMs).toISOString()}.`];
  return [
    ...paused,
    `All sites: ${money(spentTodayMicro, currency)} of ${money(perDayMicro, currency)} today.`,
    `New sites: ${newSites}${newSites === 'auto' ? ` up to ${money(newSitesUpToMicro, currency)} a page` : ''}.`,
    `Where a site takes several kinds of money: ${prefer === 'private' ? 'anonymous coins' : 'the cheapest'} first.`,
  ];
}

function ruleLine({ origin, mode, perPageMicro, perDayMicro, spentTodayMicro }: SiteRule, currency: Currency): string {
  const [page, day, today] = [perPageMicro, perDayMicro, spentTodayMicro].map((amount) => money(amount, currency));
  return `${origin}: ${mode}, up to ${page} a page; ${today} of ${day} today`;
}

export const limits: Command = {
  plain: true,
  usage: 'farthing limits',
  about: 'Prints every bound that Farthing puts on what comes from outside, and why.',
  args: 0,
  options: {},
  help: [],
  async run({ out }) {
    const table = describeLimits();
    out.result(
      table,
      table.map(({ name, value, unit, why }) => `${name.padEnd(22)} ${value.padStart(20)} ${unit.padEnd(12)} ${why}`),
    );
  },
};
