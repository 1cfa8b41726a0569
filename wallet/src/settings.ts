// What the person set: rules of sites, the budget over all of them, the pause.
import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { placeOf } from './offers.ts';
import { FIRST_BUDGET, leftToday, ruleOf, toBudget, toSiteRule } from './rules.ts';
import { listDocs, readOne, type Transaction, transact } from './transaction.ts';
import type { Budget, Rule, SiteRule } from './types.ts';

export async function siteRules(ctx: Context): Promise<SiteRule[]> {
  const budget = await storedBudget(ctx);
  const { nowMs } = ctx.env();
  const sites = await listDocs(ctx.store, 'site', 'site/');
  return sites
    .filter(({ doc }) => doc.rule !== undefined || doc.lastPaidAtMs !== undefined)
    .map(({ key, doc }) => toSiteRule(key.slice('site/'.length), doc, budget, nowMs));
}

/** The rule in force: the site's own, or what the budget says of new sites (`changedAtMs` 0). */
export async function rule(ctx: Context, origin: string): Promise<SiteRule> {
  const site = await readOne(ctx.store, 'site', keys.site(origin));
  return toSiteRule(origin, site, await storedBudget(ctx), ctx.env().nowMs);
}

/** What the rules still allow on this site today. */
export async function leftHere(ctx: Context, origin: string): Promise<bigint> {
  const [site, stored] = await Promise.all([
    readOne(ctx.store, 'site', keys.site(origin)),
    readOne(ctx.store, 'budget', keys.budget),
  ]);
  const budget = stored ?? FIRST_BUDGET;
  return leftToday({ rule: ruleOf(site, budget), site, budget, nowMs: ctx.env().nowMs });
}

export async function setRule(ctx: Context, origin: string, rule: Rule): Promise<void> {
  placeOf({ url: origin, method: 'GET', site: origin });
  const { mode, perPageMicro, perDayMicro } = rule;
  if (perPageMicro < 0n || perDayMicro < 0n) throw new RangeError('limits are not negative');
  await write(ctx, [keys.site(origin)], (tx) => {
    const before = tx.get('site', keys.site(origin)) ?? { day: 0, spentMicro: 0n };
    const changedAtMs = ctx.env().nowMs;
    tx.put('site', keys.site(origin), { ...before, rule: { mode, perPageMicro, perDayMicro }, changedAtMs });
  });
}

/** The site counts as new again. Receipts stay, and so does what it was paid today. */
export async function forgetSite(ctx: Context, origin: string): Promise<void> {
  await write(ctx, [keys.site(origin), keys.fresh(origin)], (tx) => {
    const { day, spentMicro } = tx.get('site', keys.site(origin)) ?? { day: 0, spentMicro: 0n };
    tx.put('site', keys.site(origin), { day, spentMicro, changedAtMs: ctx.env().nowMs });
    tx.drop(keys.fresh(origin));
  });
}

export async function budget(ctx: Context): Promise<Budget> {
  return toBudget(await storedBudget(ctx), ctx.env().nowMs);
}

export function setBudget(
  ctx: Context,
  change: Partial<Pick<Budget, 'perDayMicro' | 'newSites' | 'newSitesUpToMicro' | 'prefer'>>,
): Promise<void> {
  if ((change.perDayMicro ?? 0n) < 0n || (change.newSitesUpToMicro ?? 0n) < 0n) {
    throw new RangeError('limits are not negative');
  }
  return write(ctx, [keys.budget], (tx) => {
    tx.put('budget', keys.budget, { ...(tx.get('budget', keys.budget) ?? FIRST_BUDGET), ...change });
  });
}

/** `forever`: until `resume()`. */
export function pause(ctx: Context, untilMs: number | 'forever'): Promise<void> {
  const pausedUntilMs = untilMs === 'forever' ? ('resumed' as const) : untilMs;
  return write(ctx, [keys.budget], (tx) => {
    tx.put('budget', keys.budget, { ...(tx.get('budget', keys.budget) ?? FIRST_BUDGET), pausedUntilMs });
  });
}

export function resume(ctx: Context): Promise<void> {
  return write(ctx, [keys.budget], (tx) => {
    const { pausedUntilMs: _, ...budget } = tx.get('budget', keys.budget) ?? FIRST_BUDGET;
    tx.put('budget', keys.budget, budget);
  });
}

async function storedBudget(ctx: Context): Promise<Doc<'budget'>> {
  return (await readOne(ctx.store, 'budget', keys.budget)) ?? FIRST_BUDGET;
}

async function write(ctx: Context, all: readonly string[], step: (tx: Transaction) => void): Promise<void> {
  await transact(ctx.store, all, step);
  ctx.changed();
}
