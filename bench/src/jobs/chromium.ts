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
import type { ShopApi } from '../shop.ts';

const NAMES = ['wallet/chromium/navigation', 'wallet/chromium/fetch'] as const;
const extension = join(import.meta.dirname, '..', '..', '..', 'extension');

export async function chromiumJob(context: Context): Promise<Row[]> {
  const names = NAMES.filter((name) => context.wants(name));
  if (names.length === 0) return [];
  context.say('wallet/chromium…');
  try {
    execFileSync(process.execPath, ['scripts/build.ts'], { cwd: extension, stdio: 'ignore' });
  } catch {
    return names.map((name) => notRun(name, 'ms', 'the extension could not be built'));
  }
  try {
    return await measured(context, names);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown fault';
    return names.map((name) => notRun(name, 'ms', why));
  }
}

async function measured(context: Context, names: readonly (typeof NAMES)[number][]): Promise<Row[]> {
  const visits = context.quick ? 6 : 16;
  const setup = await context.setup();
  await using shop = new Child<ShopApi>(join(import.meta.dirname, '..', 'shop.ts'));
  const { url } = await shop.call('start', { setup, paths: 2 * visits });
  const article = `${url}/again/0`;
  const browser = await visit({ brokerUrl: setup.brokerUrl, demoUrl: article, profile: context.folder() });
  try {
    await firstPaidPage(browser, { article });
    return await rowsOf(browser, { url, visits, names });
  } finally {
    await browser.close();
  }
}

async function rowsOf(
  { context }: Visit,
  { url, visits, names }: { url: string; visits: number; names: readonly (typeof NAMES)[number][] },
): Promise<Row[]> {
  const page = await context.newPage();
  const ways = {
    'wallet/chromium/navigation': (path: string) => navigate(page, url + path),
    'wallet/chromium/fetch': (path: string) => fetchIn(page, path),
  };
  await ways['wallet/chromium/navigation']('/free');
  const rows: Row[] = [];
  let path = 0;
  for (const name of names) {
    const asked: Pair[] = [];
    const ahead: Pair[] = [];
    for (let n = 0; n < visits; n++) {
      const free = await ways[name](`/free?${name}${n}`);
      asked.push({ free, gated: await ways[name](`/once/${path++}`) });
      ahead.push({ free, gated: await ways[name](`/again/${name.length}${n}`) });
    }
    const [slow, fast] = [compare(asked.slice(2)), compare(ahead.slice(2))];
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
