// From asking to content in a real Chromium with the real extension, beside the free page of the same site: navigation
// from the address to the text on the screen, and a page's own fetch.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Visit, visit } from '@farthing/e2e/browser';
import { firstPaidPage } from '@farthing/e2e/first-visit';
import type { Page } from 'playwright-core';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { notRun, type Row, row } from '../harness/rows.ts';
import { compare, type Pair } from '../harness/stats.ts';
import { METHODS, type MethodName, methodOf } from '../methods/index.ts';
import type { ShopApi } from '../shop.ts';

const WAYS = ['navigation', 'fetch'] as const;
type Way = (typeof WAYS)[number];
type Plan = { readonly method: MethodName; readonly ways: readonly Way[] };

const extension = join(import.meta.dirname, '..', '..', '..', 'extension');
/** Browsers are measured with what is for pages, and with what is by the unit. */
const inBrowsers = (name: MethodName): boolean => {
  const { wallets, pages, unit } = methodOf(name);
  return wallets && (pages || unit !== undefined);
};
const nameOf = (method: MethodName, way: Way): string => `wallet/chromium/${method}/${way}`;

export async function chromiumJob(context: Context): Promise<Row[]> {
  const plans = METHODS.filter(inBrowsers).map((method) => ({
    method,
    ways: WAYS.filter((way) => context.wants(nameOf(method, way))),
  }));
  const wanted = plans.filter(({ ways }) => ways.length > 0);
  if (wanted.length === 0) return [];
  const missing = (plan: Plan, why: string) => plan.ways.map((way) => notRun(nameOf(plan.method, way), 'ms', why));
  try {
    execFileSync(process.execPath, ['scripts/build.ts'], { cwd: extension, stdio: 'ignore' });
  } catch {
    return wanted.flatMap((plan) => missing(plan, 'the extension could not be built'));
  }
  const rows: Row[] = [];
  for (const plan of wanted) {
    const { pages } = methodOf(plan.method);
    const able = { ...plan, ways: plan.ways.filter((way) => pages || way === 'fetch') };
    const unable = { ...plan, ways: plan.ways.filter((way) => !able.ways.includes(way)) };
    rows.push(...missing(unable, 'a page is paid by a single charge, so that it can be read again for nothing'));
    if (able.ways.length === 0) continue;
    context.say(`wallet/chromium/${plan.method}…`);
    try {
      rows.push(...(await measured(context, able)));
    } catch (error) {
      rows.push(...missing(able, error instanceof Error ? error.message : 'unknown fault'));
    }
  }
  return rows;
}

async function measured(context: Context, plan: Plan): Promise<Row[]> {
  const visits = context.quick ? 6 : 16;
  const setup = await context.setup();
  await using shop = new Child<ShopApi>(join(import.meta.dirname, '..', 'shop.ts'));
  const { url } = await shop.call('start', { setup, method: plan.method, paths: 2 * visits, article: true });
  const article = `${url}/article`;
  const browser = await visit({ brokerUrl: setup.brokerUrl, demoUrl: article, profile: context.folder() });
  try {
    await firstPaidPage(browser, { article });
    return await rowsOf(browser, { url, visits, plan });
  } finally {
    await browser.close();
  }
}

async function rowsOf(
  { context }: Visit,
  { url, visits, plan }: { url: string; visits: number; plan: Plan },
): Promise<Row[]> {
  const page = await context.newPage();
  const go: Readonly<Record<Way, (path: string) => Promise<number>>> = {
    navigation: (path) => navigate(page, url + path),
    fetch: (path) => fetchIn(page, path),
  };
  await go.navigation('/free');
  const rows: Row[] = [];
  let path = 0;
  for (const way of plan.ways) {
    const asked: Pair[] = [];
    const ahead: Pair[] = [];
    for (let n = 0; n < visits; n++) {
      const free = await go[way](`/free?${way}${n}`);
      asked.push({ free, gated: await go[way](`/once/${path++}`) });
      ahead.push({ free, gated: await go[way](`/again/${way}${n}`) });
    }
    const [slow, fast] = [compare(asked.slice(2)), compare(ahead.slice(2))];
    const name = nameOf(plan.method, way);
    rows.push(
      row(name, 'ms, asked for money', slow),
      row(`${name}/added`, 'ms', { value: slow.added, baseline: slow.baseline }),
      row(`${name}/ahead`, 'ms, paid ahead where it could be', fast),
      row(`${name}/ahead/added`, 'ms', { value: fast.added, baseline: fast.baseline }),
    );
  }
  return rows;
}

async function navigate(page: Page, url: string): Promise<number> {
  const startMs = performance.now();
  // The page that asks for money is left while it loads: that is not a failure.
  await page.goto(url, { waitUntil: 'commit' }).catch(() => undefined);
  await page.locator('#content').waitFor();
  return performance.now() - startMs;
}

function fetchIn(page: Page, path: string): Promise<number> {
  return page.evaluate(async (target) => {
    const startMs = performance.now();
    const answer = await fetch(target);
    const text = await answer.text();
    if (answer.status !== 200 || text.length < 900) throw new Error(`${target}: ${answer.status}`);
    return performance.now() - startMs;
  }, path);
}
