// One comparison: the gated and the ungated server take windows in turn, and each pair is compared with itself.
import type { Context, Site } from './context.ts';
import { gatedFirst, median, type Pair } from './stats.ts';
import type { Window } from './window.ts';

/** Callers at once at full load; at half load, the most that may be under way. */
const CONNECTIONS = 64;

export type Sides = { readonly gated: Site; readonly free: Site };
export type Compared<Figure extends string> = Readonly<Record<Figure, readonly Pair[]>>;
export type PageFigure = 'perSecond' | 'cpuMicros' | 'loopMicros' | 'p50Ms' | 'p99Ms';
export type StreamFigure = 'perSecond' | 'cpuMicros';

/** Any figures of one window: `measure` is asked for each side in turn, the order changing with each pair. */
async function inPairs<Figure extends string>(
  pairs: number,
  sides: Sides,
  measure: (site: Site) => Promise<Record<Figure, number>>,
): Promise<(figure: Figure) => Pair[]> {
  const measured: Record<keyof Sides, Record<Figure, number>>[] = [];
  for (let n = 0; n < pairs; n++) {
    const early = gatedFirst(n) ? await measure(sides.gated) : undefined;
    const free = await measure(sides.free);
    measured.push({ free, gated: early ?? (await measure(sides.gated)) });
  }
  return (figure) => measured.map(({ gated, free }) => ({ gated: gated[figure], free: free[figure] }));
}

// ── pages ───────────────────────────────────────────────────────────────────────────────────────────────────────────

type Plan = { readonly pairs: number; readonly ms: number; readonly perSecond?: number };

export async function comparePages(context: Context, sides: Sides, plan: Plan): Promise<Compared<PageFigure>> {
  const of = await inPairs(plan.pairs, sides, async (site) => (await pages(context, site, plan)).figures);
  return {
    perSecond: of('perSecond'),
    cpuMicros: of('cpuMicros'),
    loopMicros: of('loopMicros'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
  };
}

/** Lets a server meet every path and its compiler settle: that takes thousands of requests, not one, however long they are made. */
export async function warmUp(context: Context, site: Site, ms: number): Promise<void> {
  await meet(context, site);
  const { count, mostMs } = context.quick ? WARM.quick : WARM.full;
  const endMs = performance.now() + mostMs;
  for (let done = 0; done < count && performance.now() < endMs; ) {
    done += (await pages(context, site, { ms })).window.requests;
  }
}

const WARM = { quick: { count: 8000, mostMs: 20_000 }, full: { count: 50_000, mostMs: 90_000 } } as const;

/** The load learns of a site, and how it is paid there. */
export async function meet({ load }: Context, { wall, url, port, setup }: Site): Promise<void> {
  await load.call('meet', { wall, url, port, setup });
}

/** How many requests the last window took a second: so many are made ready for the next. */
const speeds = new Map<number, number>();
const FIRST_SPEED = 2500;

type Pace = Pick<Plan, 'ms' | 'perSecond'>;

async function pages(
  context: Context,
  site: Site,
  pace: Pace,
): Promise<{ figures: Record<PageFigure, number>; window: Window }> {
  const { child, port } = site;
  await makeReady(context, site, pace);
  const before = await child.call('cpuMicros', undefined);
  const window = await sendPages(context, site, pace);
  // What the traffic left to be done later, such as redeeming claims, is part of its price.
  await child.call('drain', undefined);
  const after = await child.call('cpuMicros', undefined);
  const { requests, elapsedMs, p50Ms, p99Ms } = window;
  const perSecond = (requests * 1000) / elapsedMs;
  speeds.set(port, perSecond);
  const cpuMicros = (after.all - before.all) / requests;
  const loopMicros = (after.loop - before.loop) / requests;
  return { figures: { perSecond, cpuMicros, loopMicros, p50Ms, p99Ms }, window };
}

async function makeReady({ load }: Context, { port }: Site, { ms, perSecond }: Pace): Promise<void> {
  const speed = perSecond ?? (speeds.get(port) ?? FIRST_SPEED) * 1.3;
  await load.call('prepare', { port, count: Math.ceil((speed * ms) / 1000) + CONNECTIONS });
}

/** @throws {Error} an answer was not 200 */
async function sendPages({ load }: Context, { port, wall }: Site, { ms, perSecond }: Pace): Promise<Window> {
  const pace = perSecond === undefined ? { ms } : { ms, perSecond };
  return good(wall, await load.call('run', { port, connections: CONNECTIONS, ...pace }));
}

function good(wall: string, window: Window): Window {
  const { requests, statuses } = window;
  if (statuses[200] !== requests) throw new Error(`${wall}: not every answer was 200: ${JSON.stringify(statuses)}`);
  return window;
}

/**
 * What free pages of a process take beside so many paid ones of the same process, without them, and while as many are paid to
 * another process of the same kind: that is the part of the machine, whose cores are shared by whoever pays, serves and asks.
 */
export async function compareNeighbours(
  context: Context,
  { site, other }: { readonly site: Site; readonly other: Site },
  { pairs, perSecond }: Required<Pick<Plan, 'pairs' | 'perSecond'>>,
): Promise<Record<'same' | 'elsewhere', readonly Pair[]>> {
  const { bystander } = context;
  const { port, wall } = site;
  const ms = context.quick ? 600 : 1000;
  // Claims go to the broker between the windows, and not beside pages that are to be alone.
  const drain = () => Promise.all([site, other].map(({ child }) => child.call('drain', undefined)));
  const free = async () => {
    const at = { port, ms, connections: FREE_CONNECTIONS, perSecond: FREE_PER_SECOND };
    return good(wall, await bystander.call('runFree', at)).p99Ms;
  };
  const beside = async (paid: Site) => {
    await makeReady(context, paid, { ms, perSecond });
    const [p99Ms] = await Promise.all([free(), sendPages(context, paid, { ms, perSecond })]);
    await drain();
    return p99Ms;
  };
  const measured: { alone: number; same: number; elsewhere: number }[] = [];
  for (let n = 0; n < pairs; n++) {
    const early = gatedFirst(n) ? await beside(site) : undefined;
    const [alone, elsewhere] = [await free(), await beside(other)];
    measured.push({ alone, elsewhere, same: early ?? (await beside(site)) });
  }
  return {
    same: measured.map(({ alone, same }) => ({ gated: same, free: alone })),
    elsewhere: measured.map(({ alone, elsewhere }) => ({ gated: elsewhere, free: alone })),
  };
}

/** Enough for a 99th percentile, and few beside what a server can do. */
const FREE_PER_SECOND = 1000;
const FREE_CONNECTIONS = 16;

/** Half of what the gated side can do. */
export const halfOf = ({ perSecond }: Compared<PageFigure>): number =>
  Math.floor(median(perSecond.map(({ gated }) => gated)) / 2);

// ── streams ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const FIRST_UNITS = 500;
const MOST_UNITS = 500_000;

/** One stream at a time on one connection, long enough to take about `ms`. `unitBytes`: what a unit is at least. */
export async function compareStreams(
  context: Context,
  sides: Sides,
  plan: { pairs: number; ms: number; unitBytes: number },
): Promise<Compared<StreamFigure>> {
  const lengths = new Map<Site, number>();
  const measure = async (site: Site) => {
    const units = lengths.get(site) ?? FIRST_UNITS;
    const figures = await stream(context, site, { units, unitBytes: plan.unitBytes });
    lengths.set(site, Math.min(MOST_UNITS, Math.max(FIRST_UNITS, Math.round((figures.perSecond * plan.ms) / 1000))));
    return figures;
  };
  await inPairs(plan.pairs > 3 ? 5 : 3, sides, measure);
  const of = await inPairs(plan.pairs, sides, measure);
  return { perSecond: of('perSecond'), cpuMicros: of('cpuMicros') };
}

async function stream(
  { load }: Context,
  { child, port, wall }: Site,
  { units, unitBytes }: { units: number; unitBytes: number },
): Promise<Record<StreamFigure, number>> {
  const before = await child.call('cpuMicros', undefined);
  const { status, bytes, elapsedMs } = await load.call('stream', { port, units });
  await child.call('drain', undefined);
  const cpu = (await child.call('cpuMicros', undefined)).all - before.all;
  if (status !== 200 || bytes < units * unitBytes) {
    throw new Error(`${wall}: a stream of ${units} units ended with ${status} after ${bytes} bytes`);
  }
  return { perSecond: (units * 1000) / elapsedMs, cpuMicros: cpu / units };
}
