// From asking to content with the wallet's paying fetch, its purse on disk, beside the free page of the same site.
import { join } from 'node:path';
import { payingFetch, type Rule, type Wallet } from '@farthing/wallet';
import { openWallet } from '@farthing/wallet/node';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare, type Pair } from '../harness/stats.ts';
import { METHODS, type MethodName, methodOf } from '../methods/index.ts';
import type { ShopApi } from '../shop.ts';
import { TICK } from '../walls/content.ts';
import { type Setup, streamTarget } from '../walls/wall.ts';

const UNITS = 1000;
const RULE: Rule = { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 5_000_000n };

export async function walletJob(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const method of METHODS) {
    const name = `wallet/node/${method}`;
    if (!methodOf(method).wallets || !context.wants(name)) continue;
    context.say(`${name}…`);
    rows.push(...(await context.attempt(name, 'ms', () => visits(context, { name, method }))));
  }
  return rows;
}

type Visit = { readonly name: string; readonly url: string };
type Fetch = typeof globalThis.fetch;

async function visits(context: Context, { name, method }: { name: string; method: MethodName }): Promise<Row[]> {
  const count = context.quick ? 40 : 120;
  const setup = await context.setup();
  await using shop = new Child<ShopApi>(join(import.meta.dirname, '..', 'shop.ts'));
  const { url } = await shop.call('start', { setup, method, paths: count });
  const rows = await withWallet(context, { setup, url }, async (wallet) => {
    const sent: boolean[] = [];
    const pay = payingFetch(fetch, wallet, {
      onEvent: (event) => {
        if (event.kind === 'sent') sent.push(event.preempted);
      },
    });
    return pages({ name, url }, { count, pay, sent });
  });
  if (!methodOf(method).streams) return rows;
  const more = await withWallet(context, { setup, url }, (wallet) =>
    streams({ name, url }, { pay: payingFetch(fetch, wallet), rounds: context.pairs }),
  );
  return [...rows, ...more];
}

/** One that is new, with money and a rule for the shop. */
async function withWallet<Result>(
  context: Context,
  { setup, url }: { setup: Setup; url: string },
  use: (wallet: Wallet) => Promise<Result>,
): Promise<Result> {
  const { wallet, close } = await openWallet(context.folder());
  try {
    await wallet.init({ brokerUrl: setup.brokerUrl });
    await wallet.topUp({ amountMicro: 5_000_000n });
    await wallet.setRule(url, RULE);
    return await use(wallet);
  } finally {
    close();
  }
}

async function pages(
  { name, url }: Visit,
  { count, pay, sent }: { count: number; pay: Fetch; sent: boolean[] },
): Promise<Row[]> {
  const measure = async (path: (n: number) => string): Promise<Pair[]> => {
    const pairs: Pair[] = [];
    for (let n = 0; n < count; n++) {
      const free = await timed(fetch, `${url}/free`, 900);
      pairs.push({ free, gated: await timed(pay, url + path(n), 900) });
    }
    return pairs.slice(count / 4);
  };
  const asked = await measure((n) => `/once/${n}`);
  if (sent.some((preempted) => preempted)) throw new Error('a page was paid before it asked for money');
  sent.length = 0;
  const ahead = await measure((n) => `/again/${n}`);
  const first = sent.filter((preempted) => preempted).length;
  const [slow, fast] = [compare(asked), compare(ahead)];
  return [
    row(name, 'ms, asked for money (two requests)', slow),
    row(`${name}/added`, 'ms', { value: slow.added, baseline: slow.baseline }),
    row(`${name}/ahead`, 'ms, paid with the first request', fast),
    row(`${name}/ahead/share`, 'of pages paid ahead', { value: first / count }),
  ];
}

/** The wallet pays while it listens, a few units ahead: what a stream comes to that is as fast as its money. */
async function streams({ name, url }: Visit, { pay, rounds }: { pay: Fetch; rounds: number }): Promise<Row[]> {
  const path = streamTarget(UNITS);
  const perSecond = async (get: Fetch, target: string) =>
    (UNITS * 1000) / (await timed(get, target, UNITS * TICK.length));
  const pairs: Pair[] = [];
  for (let n = 0; n <= rounds; n++) {
    const free = await perSecond(fetch, `${url}/free${path}`);
    pairs.push({ free, gated: await perSecond(pay, url + path) });
  }
  return [row(`${name}/stream`, `units/s, ${UNITS} of them, paid as they come`, compare(pairs.slice(1)))];
}

/** @param least bytes that the content has */
async function timed(get: Fetch, url: string, least: number): Promise<number> {
  const startMs = performance.now();
  const answer = await get(url);
  const text = await answer.text();
  if (answer.status !== 200 || text.length < least) throw new Error(`${url}: ${answer.status}, ${text.length} bytes`);
  return performance.now() - startMs;
}
