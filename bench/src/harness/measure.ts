// One comparison: the gated and the ungated server take windows in turn, and each pair is compared with itself.

import type { LoadApi } from '../load.ts';
import type { Child } from './child.ts';
import type { Context, Site } from './context.ts';
import { gatedFirst, median, type Pair } from './stats.ts';
import type { Window } from './window.ts';

/** Callers at once at full load; at half load, the most that may be under way. */
const CONNECTIONS = 64;

export type Figure = 'perSecond' | 'cpuMicros' | 'p50Ms' | 'p99Ms';
export type Figures = Readonly<Record<Figure, number>>;
export type Compared = Readonly<Record<Figure, readonly Pair[]>> & { readonly busiest: number };

type Plan = { readonly pairs: number; readonly ms: number; readonly perSecond?: number };

export async function comparePairs(
  context: Context,
  sides: { gated: Site; free: Site },
  plan: Plan,
): Promise<Compared> {
  const { load } = context;
  const pairs: { gated: Figures; free: Figures }[] = [];
  let busiest = 0;
  const measure = async (site: Site) => {
    const { figures, window } = await measureWindow(load, site, plan);
    busiest = Math.max(busiest, window.busy);
    return figures;
  };
  for (let n = 0; n < plan.pairs; n++) {
    const early = gatedFirst(n) ? await measure(sides.gated) : undefined;
    const free = await measure(sides.free);
    pairs.push({ free, gated: early ?? (await measure(sides.gated)) });
  }
  const of = (figure: Figure): Pair[] => pairs.map(({ gated, free }) => ({ gated: gated[figure], free: free[figure] }));
  return { perSecond: of('perSecond'), cpuMicros: of('cpuMicros'), p50Ms: of('p50Ms'), p99Ms: of('p99Ms'), busiest };
}

/** Lets a server meet every path and its compiler settle: that takes thousands of requests, not one. */
export async function warmUp({ load, quick }: Context, site: Site, ms: number): Promise<void> {
  const { wall, url, port, setup } = site;
  await load.call('meet', { wall, url, port, setup });
  const endMs = performance.now() + (quick ? 1500 : 5000);
  for (let done = 0; done < (quick ? 5000 : 20_000) && performance.now() < endMs; ) {
    done += (await measureWindow(load, site, { ms })).window.requests;
  }
}

/** How many requests the last window took a second: so many are made ready for the next. */
const speeds = new Map<number, number>();
const FIRST_SPEED = 2500;

async function measureWindow(
  load: Child<LoadApi>,
  { port, child, wall }: Site,
  { ms, perSecond }: { ms: number; perSecond?: number },
): Promise<{ figures: Figures; window: Window }> {
  const speed = perSecond ?? (speeds.get(port) ?? FIRST_SPEED) * 1.3;
  await load.call('prepare', { port, count: Math.ceil((speed * ms) / 1000) + CONNECTIONS });
  const before = await child.call('cpuMicros', undefined);
  const window = await load.call('run', {
    port,
    ms,
    connections: CONNECTIONS,
    ...(perSecond === undefined ? {} : { perSecond }),
  });
  // What the traffic left to be done later, such as redeeming claims, is part of its price.
  await child.call('drain', undefined);
  const cpu = (await child.call('cpuMicros', undefined)) - before;
  const { requests, statuses, elapsedMs, p50Ms, p99Ms } = window;
  if (statuses[200] !== requests) throw new Error(`${wall}: not every answer was 200: ${JSON.stringify(statuses)}`);
  speeds.set(port, (requests * 1000) / elapsedMs);
  return { figures: { perSecond: (requests * 1000) / elapsedMs, cpuMicros: cpu / requests, p50Ms, p99Ms }, window };
}

/** Half of what the gated side can do. */
export const halfOf = ({ perSecond }: Compared): number => Math.floor(median(perSecond.map(({ gated }) => gated)) / 2);
