// What the stores of vendors take by themselves: durable claims a second by so many processes and callers, with ever more behind them,
// and how soon a site can go on after a restart.
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { notRun, type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import type { Done, StoreApi } from '../store-server.ts';
import { PLACES, type Place, type StorePlace } from '../stores.ts';

const PROCESSES = [1, 2, 4];
const CALLERS = [64, 256];
const ROUNDS = 5;
const WINDOW_MS = 2000;
const MILLION = 1_000_000;
/** Spent serials behind the claims that are measured; in a quick run a tenth. */
const GROWTH = [0, MILLION, 10 * MILLION];
/** The most payments without a verdict that a process may have, and what ten processes leave that are killed at once. */
const IN_SERVICE = 10_000;
const LEFT_OPEN = 100_000;
/** Where the bare engine is measured beside a store. */
const FLOOR = { processes: 1, callers: 256 } as const;
/** How often filling says how far it is. */
const STEP = MILLION / 4;

export async function storesJob(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, open] of Object.entries(PLACES)) {
    const parts = [
      { name: `store/${name}/claims`, measure: claims },
      { name: `store/${name}/restart`, measure: restarts },
      ...(context.full ? [{ name: `store/${name}/growth`, measure: growth }] : []),
    ];
    for (const { name: part, measure } of parts) {
      // What is forgotten with its process has nothing to come back to.
      const isPointless = name === 'memory' && measure === restarts;
      if (!context.wants(part) || isPointless) continue;
      const found = await context.attempt(part, 'claims a second', async () => {
        const at = await open(context.folder());
        try {
          return await measure({ context, at, name: part });
        } finally {
          await at.stop();
        }
      });
      rows.push(...found);
    }
  }
  return rows;
}

type Part = {
  readonly context: Context;
  readonly at: StorePlace;
  readonly name: string;
  readonly kind?: 'claim' | 'delivered';
};

async function claims({ context, at, name }: Part): Promise<Row[]> {
  const rows: Row[] = [];
  for (const processes of PROCESSES) {
    if (at.place.store === 'memory' && processes > 1) {
      rows.push(notRun(`${name}/${processes}`, 'claims a second', 'what is in memory belongs to one process'));
      continue;
    }
    const sites = await Promise.all(Array.from({ length: processes }, () => openSite(at.place)));
    for (const callers of CALLERS) {
      const part = `${name}/${processes}/${callers}`;
      if (!context.wants(part)) continue;
      context.say(`${part}…`);
      rows.push(...(await speed({ context, at, name: part }, sites, callers)));
      const delivered = { context, at, name: `${name}/delivered/${processes}/${callers}`, kind: 'delivered' } as const;
      if (callers === FLOOR.callers) rows.push(...(await speed(delivered, sites, callers)));
      if (processes === FLOOR.processes && callers === FLOOR.callers)
        rows.push(...(await floor({ context, at, name: part })), ...(await load(part, sites)));
    }
    for (const site of sites) await site.end();
  }
  return rows;
}

/** The same bytes, callers and rounds on the bare engine: what no store on it can pass here and now. */
async function floor({ context, at, name }: Part): Promise<Row[]> {
  if (at.place.store === 'memory' || at.place.store === 'redis-cluster') return [];
  const child = new Child<StoreApi>(SERVER);
  await child.call('openFloor', { place: at.place, mark: `site${++sites}.` });
  const rows = await speed({ context, at, name: `${name}/floor` }, [child], FLOOR.callers);
  await child.end();
  return rows;
}

/** What the callers that are measured cost the process of the site themselves. */
async function load(name: string, [site]: readonly Site[]): Promise<Row[]> {
  const done = await site?.call('claim', { callers: FLOOR.callers, ms: WINDOW_MS / 2, kind: 'none' });
  return done ? [row(`${name}/load`, 'µs CPU of the callers each', { value: done.cpuMicros / done.claims })] : [];
}

type Site = Child<StoreApi>;
let sites = 0;
const SERVER = new URL('../store-server.ts', import.meta.url).pathname;

async function openSite(place: Place): Promise<Site> {
  const child = new Child<StoreApi>(SERVER);
  await child.call('open', { place, mark: `site${++sites}.` });
  return child;
}

/** Medians of rounds, the first of which is thrown away: caches and code are cold. */
async function speed(
  { context, at, name, kind = 'claim' }: Part,
  children: readonly Site[],
  callers: number,
): Promise<Row[]> {
  const rounds: { perSecond: number; siteMicros: number; serverMicros: number; cores: number }[] = [];
  await context.profile(name, async (file) => void (await children[0]?.call('profile', file)));
  for (let n = 0; n <= (context.quick ? 3 : ROUNDS); n++) {
    const before = at.cpuMicros();
    const work = { callers: callers / children.length, ms: context.quick ? WINDOW_MS / 2 : WINDOW_MS, kind };
    const done = await Promise.all(children.map((child) => child.call('claim', work)));
    const total = done.reduce((sum, one) => sum + one.claims, 0);
    const siteMicros = done.reduce((sum, one) => sum + one.cpuMicros, 0) / total;
    const perSecond = done.reduce((sum, one: Done) => sum + (one.claims * 1000) / one.ms, 0);
    const serverMicros = (at.cpuMicros() - before) / total;
    // As many as there are: their speed is the limit.
    const cores = ((siteMicros + serverMicros) * perSecond) / 1e6;
    if (n > 0) rounds.push({ perSecond, siteMicros, serverMicros, cores });
  }
  const own = row(`${name}/cpu`, 'µs CPU of the site each', { value: median(rounds.map((one) => one.siteMicros)) });
  const server = median(rounds.map((one) => one.serverMicros));
  return [
    row(name, 'claims a second', { value: median(rounds.map((one) => one.perSecond)) }),
    own,
    ...(at.restart ? [row(`${name}/server-cpu`, 'µs CPU of the server each', { value: server })] : []),
    row(`${name}/cores`, 'cores busy with sites and server', { value: median(rounds.map((one) => one.cores)) }),
  ];
}

/** A site that comes back to instruments that were spent and have not ended; and where there is a server, that it comes back. */
async function restarts({ context, at, name }: Part): Promise<Row[]> {
  const filler = await openSite(at.place);
  await fill(context, filler, { name, count: MILLION, open: false });
  await fill(context, filler, { name, count: IN_SERVICE, open: true });
  const unit = 's until a site goes on';
  const rows = [row(`${name}/live-${MILLION}`, unit, { value: await restart(at.place, IN_SERVICE) })];
  await fill(context, filler, { name, count: LEFT_OPEN - IN_SERVICE, open: true });
  rows.push(row(`${name}/open-${LEFT_OPEN}`, unit, { value: await restart(at.place, LEFT_OPEN) }));
  await filler.end();
  if (!at.restart) return rows;
  const startMs = performance.now();
  await at.restart();
  rows.push(
    row(`${name}/server`, 's until its server is back, killed', { value: (performance.now() - startMs) / 1000 }),
  );
  return rows;
}

/** The median of three, in seconds. @param open that there are without a verdict */
async function restart(place: Place, open: number): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 3; n++) {
    const child = new Child<StoreApi>(SERVER);
    const found = await child.call('open', { place, mark: `site${++sites}.`, most: open });
    if (found.open !== open) throw new Error(`${found.open} of ${open} payments without a verdict were found`);
    times.push(found.ms / 1000);
    await child.end();
  }
  return median(times);
}

async function growth({ context, at, name }: Part): Promise<Row[]> {
  const rows: Row[] = [];
  let spent = 0;
  const site = await openSite(at.place);
  for (const wanted of GROWTH.map((count) => (context.quick ? count / 10 : count))) {
    await fill(context, site, { name, count: wanted - spent, open: false });
    spent = wanted;
    rows.push(...(await speed({ context, at, name: `${name}/${wanted}` }, [site], 256)));
    const rss = await site.call('rss', undefined);
    rows.push(row(`${name}/${wanted}/rss`, 'MiB of the site', { value: rss / 2 ** 20 }));
  }
  await site.end();
  return rows;
}

type Filling = { readonly name: string; readonly count: number; readonly open: boolean };

async function fill(context: Context, site: Site, { name, count, open }: Filling): Promise<void> {
  for (let done = 0; done < count; done += STEP) {
    context.say(`${name}: ${done} of ${count} ${open ? 'open' : 'spent'}…`);
    await site.call('fill', { count: Math.min(STEP, count - done), open });
  }
}
