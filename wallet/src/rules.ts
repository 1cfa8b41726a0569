// What the person allowed: the rule of a site, the budget over all sites, and what a payment would break. Pure.
import { type Currency, formatMoney, type ProblemCode } from '@farthing/protocol';
import type { Doc } from './documents.ts';
import type { Approval, Budget, Rule, SiteRule } from './types.ts';

const DAY_MS = 86_400_000;
const CENT = 10_000n;

export const FIRST_BUDGET: Doc<'budget'> = {
  perDayMicro: 1_000_000n,
  newSites: 'ask',
  newSitesUpToMicro: CENT,
  day: 0,
  spentMicro: 0n,
};

/** Days since 1970, UTC. */
export const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS);

/** Spent today. A clock that went back does not open a day again. */
export const spentOn = (doc: { day: number; spentMicro: bigint } | undefined, day: number): bigint =>
  doc && doc.day >= day ? doc.spentMicro : 0n;

export function debit<Doc extends { day: number; spentMicro: bigint }>(doc: Doc, day: number, amount: bigint): Doc {
  return { ...doc, day: Math.max(day, doc.day), spentMicro: spentOn(doc, day) + amount };
}

/** Gives back what was debited on `day`; after midnight there is nothing to give back. */
export function giveBack<Doc extends { day: number; spentMicro: bigint }>(doc: Doc, day: number, amount: bigint): Doc {
  if (doc.day !== day) return doc;
  return { ...doc, spentMicro: doc.spentMicro > amount ? doc.spentMicro - amount : 0n };
}

/** The site's own rule, or what the budget says of new sites. */
export function ruleOf(site: Doc<'site'> | undefined, budget: Doc<'budget'>): Rule {
  if (site?.rule) return site.rule;
  const perPageMicro = budget.newSitesUpToMicro;
  return { mode: budget.newSites, perPageMicro, perDayMicro: perPageMicro * 50n };
}

/** What not even a person's approval overrides. */
export function forbidden(rule: Rule, budget: Doc<'budget'>, nowMs: number): ProblemCode | undefined {
  if (rule.mode === 'never') return 'site-never';
  const until = budget.pausedUntilMs;
  return until === 'resumed' || (until !== undefined && until > nowMs) ? 'paused' : undefined;
}

type Spending = {
  readonly rule: Rule;
  readonly site: Doc<'site'> | undefined;
  readonly budget: Doc<'budget'>;
  readonly amount: bigint;
  readonly nowMs: number;
};

/**
 * The first limit that this payment would break, or why a person is needed. A person's yes to this price overrides all
 * of them, a flag of the command line all but the limits of the day, a rule none.
 */
export function limitBroken(spending: Spending, by: Approval['by']): ProblemCode | undefined {
  const { rule, site, budget, amount, nowMs } = spending;
  if (by === 'person') return undefined;
  const day = dayOf(nowMs);
  // A site that nobody made a rule for, and that must ask anyway, has no limits of its own yet.
  if (site?.rule || rule.mode === 'auto') {
    if (by === 'rule' && amount > rule.perPageMicro) return 'over-page-limit';
    if (spentOn(site, day) + amount > rule.perDayMicro) return 'over-day-limit';
  }
  if (spentOn(budget, day) + amount > budget.perDayMicro) return 'over-day-limit';
  return by === 'rule' && rule.mode !== 'auto' ? 'approval-needed' : undefined;
}

/** What the rules still allow on this site today. */
export function leftToday({ rule, site, budget, nowMs }: Omit<Spending, 'amount'>): bigint {
  const day = dayOf(nowMs);
  const here = rule.perDayMicro - spentOn(site, day);
  const everywhere = budget.perDayMicro - spentOn(budget, day);
  const left = here < everywhere ? here : everywhere;
  return left > 0n ? left : 0n;
}

/** Page limit: 5 × the price rounded up to 1-2-5, at least a cent. Day limit: 50 × that. */
export function suggestedRule(priceMicro: bigint, test: boolean): Rule {
  const least = priceMicro * 5n > CENT ? priceMicro * 5n : CENT;
  let step = CENT;
  while (step * 10n < least) step *= 10n;
  const perPageMicro = [1n, 2n, 5n, 10n].map((n) => n * step).find((value) => value >= least) ?? least;
  return { mode: test ? 'auto' : 'ask', perPageMicro, perDayMicro: perPageMicro * 50n };
}

/** The rule in words, as the journal keeps it. */
export function describeRule(site: Doc<'site'> | undefined, rule: Rule, currency: Currency): string {
  const money = (amount: bigint) => formatMoney({ amount, currency });
  const whose = site?.rule ? '' : 'new sites: ';
  return `${whose}${rule.mode}, up to ${money(rule.perPageMicro)} a page, ${money(rule.perDayMicro)} a day`;
}

export function toSiteRule(
  origin: string,
  site: Doc<'site'> | undefined,
  budget: Doc<'budget'>,
  nowMs: number,
): SiteRule {
  return {
    ...ruleOf(site, budget),
    origin,
    spentTodayMicro: spentOn(site, dayOf(nowMs)),
    ...(site?.lastPaidAtMs === undefined ? {} : { lastPaidAtMs: site.lastPaidAtMs }),
    changedAtMs: site?.changedAtMs ?? 0,
  };
}

export function toBudget(budget: Doc<'budget'>, nowMs: number): Budget {
  const { perDayMicro, newSites, newSitesUpToMicro, pausedUntilMs, prefer = 'cheapest' } = budget;
  const over = typeof pausedUntilMs === 'number' && pausedUntilMs <= nowMs;
  return {
    perDayMicro,
    spentTodayMicro: spentOn(budget, dayOf(nowMs)),
    newSites,
    newSitesUpToMicro,
    pausedUntilMs: over ? undefined : pausedUntilMs,
    prefer,
  };
}
