// From asking to content with the wallet's paying fetch, its purse on disk, beside the free page of the same site.
import { join } from 'node:path';
import { payingFetch, type Rule } from '@farthing/wallet';
import { openWallet } from '@farthing/wallet/node';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare, type Pair } from '../harness/stats.ts';
import { METHODS, type MethodName } from '../methods/index.ts';
import type { ShopApi } from '../shop.ts';

const RULE: Rule = { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 5_000_000n };

export async function walletJob(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const method of METHODS) {
    const name = `wallet/node/${method}`;
    if (!context.wants(name)) continue;
    context.say(`${name}…`);
    rows.push(...(await context.attempt(name, 'ms', () => visits(context, { name, method }))));
  }
  return rows;
}

async function visits(context: Context, { name, method }: { name: string; method: MethodName }): Promise<Row[]> {
  const count = context.quick ? 40 : 120;
  const setup = await context.setup();
  await using shop = new Child<ShopApi>(join(import.meta.dirname, '..', 'shop.ts'));
  const { url } = await shop.call('start', { setup, method, paths: count });
  const { wallet, close } = await openWallet(context.folder());
  try {
    await wallet.init({ brokerUrl: setup.brokerUrl });
    await wallet.topUp({ amountMicro: 5_000_000n });
    await wallet.setRule(url, RULE);
    const sent: boolean[] = [];
    const pay = payingFetch(fetch, wallet, {
      onEvent: (event) => {
        if (event.kind === 'sent') sent.push(event.preempted);
      },
    });
    const measure = async (path: (n: number) => string): Promise<Pair[]> => {
      const pairs: Pair[] = [];
      for (let n = 0; n < count; n++) {
        const free = await timed(fetch, `${url}/free`);
        pairs.push({ free, gated: await timed(pay, url + path(n)) });
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
  } finally {
    close();
  }
}

async function timed(get: typeof fetch, url: string): Promise<number> {
  const startMs = performance.now();
  const answer = await get(url);
  const text = await answer.text();
  if (answer.status !== 200 || text.length < 900) throw new Error(`${url}: ${answer.status}`);
  return performance.now() - startMs;
}
