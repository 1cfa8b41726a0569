// A paid request through Express, beside the same app ungated in the same run: every method on every store, and the peers.
import { type Context, type Site, startSite } from '../harness/context.ts';
import { type Compared, compareNeighbours, comparePages, halfOf, type PageFigure, warmUp } from '../harness/measure.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare, median, type Pair } from '../harness/stats.ts';
import { METHODS, methodOf } from '../methods/index.ts';
import type { Method } from '../methods/method.ts';
import { BARES, FARTHINGS, PEERS, type WallName } from '../walls/index.ts';

const WALLS: readonly WallName[] = [...FARTHINGS.map(({ name }) => name), ...BARES, ...PEERS];

export async function expressJob(context: Context): Promise<Row[]> {
  const walls = WALLS.filter((wall) => context.wants(`express/${wall}`));
  const alone = context.wants('express/ungated');
  if (walls.length === 0 && !alone) return [];
  const free = await startSite('free', await context.setup());
  try {
    await warmUp(context, free, fullMs(context));
    const rows = alone ? await ungated(context, free) : [];
    for (const wall of walls) {
      const name = `express/${wall}`;
      context.say(`${name}…`);
      rows.push(...(await context.attempt(name, 'requests/s', () => gated(context, { wall, free }))));
    }
    return rows;
  } finally {
    await free.child.end();
    await context.load.call('leave', free.port);
  }
}

const fullMs = ({ quick }: Context): number => (quick ? 500 : 700);
const halfMs = ({ quick }: Context): number => (quick ? 300 : 500);

/** The same app twice: how far from 1 the ratio of two equals comes out is the noise of everything below. */
async function ungated(context: Context, free: Site): Promise<Row[]> {
  context.say('express/ungated…');
  const twin = await startSite('free', await context.setup());
  try {
    await warmUp(context, twin, fullMs(context));
    const plan = { pairs: context.pairs, ms: fullMs(context) };
    const { perSecond, cpuMicros, p50Ms, p99Ms } = await comparePages(context, { gated: twin, free }, plan);
    const name = 'express/ungated';
    const cpu = compare(cpuMicros);
    return [
      row(name, 'requests/s', compare(perSecond)),
      row(`${name}/cpu`, 'µs CPU/request', cpu),
      row(`${name}/cpu-added`, 'µs CPU/request', { value: cpu.added, baseline: cpu.baseline }),
      row(`${name}/p50`, 'ms', compare(p50Ms)),
      row(`${name}/p99`, 'ms', compare(p99Ms)),
    ];
  } finally {
    await twin.child.end();
    await context.load.call('leave', twin.port);
  }
}

async function gated(context: Context, { wall, free }: { wall: WallName; free: Site }): Promise<Row[]> {
  const name = `express/${wall}`;
  const site = await startSite(wall, await context.setup());
  try {
    await warmUp(context, site, fullMs(context));
    await context.profile(name, (file) => site.child.call('profile', file));
    const sides = { gated: site, free };
    const { pairs } = context;
    const full = await comparePages(context, sides, { pairs, ms: fullMs(context) });
    const half = { pairs, ms: halfMs(context), perSecond: halfOf(full) };
    const rows = wallRows(name, full, await comparePages(context, sides, half));
    const proves = provesOf(wall);
    if (!proves) return rows;
    const { thing, each } = proves;
    const ofOne = (pairs: readonly Pair[]) => ({ value: compare(pairs).added / each });
    const [neighbours, few] = await besideNeighbours(context, site, [half.perSecond, FEW_PER_SECOND]);
    return [
      ...rows,
      row(`${name}/cpu-added/${thing}`, `µs CPU/${thing}`, ofOne(full.cpuMicros)),
      row(`${name}/cpu-added/${thing}/loop`, `µs CPU/${thing}, on the event loop`, ofOne(full.loopMicros)),
      row(`${name}/neighbours/p99`, 'ms, free pages of the same process', compare(neighbours.same)),
      row(`${name}/neighbours/elsewhere/p99`, 'ms, free pages of another process', compare(neighbours.elsewhere)),
      row(`${name}/neighbours/${FEW_PER_SECOND}/p99`, 'ms, free pages of the same process', compare(few.same)),
      row(
        `${name}/neighbours/${FEW_PER_SECOND}/elsewhere/p99`,
        'ms, free pages of another process',
        compare(few.elsewhere),
      ),
    ];
  } finally {
    await site.child.end();
    await context.load.call('leave', site.port);
  }
}

/** Seventeen million a day: more than most sites are paid, and far from what one process can take. */
const FEW_PER_SECOND = 200;

type Neighbours = Awaited<ReturnType<typeof compareNeighbours>>;

/** At each rate, beside a second site of the same wall, which stands for the machine without the process that is measured. */
async function besideNeighbours<const Rates extends readonly number[]>(
  context: Context,
  site: Site,
  rates: Rates,
): Promise<{ [Rate in keyof Rates]: Neighbours }> {
  const other = await startSite(site.wall, await context.setup());
  try {
    await warmUp(context, other, fullMs(context));
    const found: Neighbours[] = [];
    for (const perSecond of rates) {
      found.push(await compareNeighbours(context, { site, other }, { pairs: context.pairs, perSecond }));
    }
    return found as { [Rate in keyof Rates]: Neighbours };
  } finally {
    await other.child.end();
    await context.load.call('leave', other.port);
  }
}

/** What other threads check for it, if anything. */
function provesOf(wall: WallName): Method['proves'] {
  const bare = METHODS.find((method) => wall === `bare/${method}`);
  if (bare) return methodOf(bare).proves;
  const ours = FARTHINGS.find(({ name }) => name === wall);
  return ours && methodOf(ours.method).proves;
}

function wallRows(name: string, full: Compared<PageFigure>, half: Compared<PageFigure>): Row[] {
  const cpu = compare(full.cpuMicros);
  const evenCpu = compare(half.cpuMicros);
  const tail = compare(half.p99Ms);
  return [
    row(name, 'requests/s', compare(full.perSecond)),
    row(`${name}/cpu-added`, 'µs CPU/request', { value: cpu.added, baseline: cpu.baseline, ratio: cpu.ratio }),
    row(`${name}/p50`, 'ms', compare(full.p50Ms)),
    row(`${name}/p99`, 'ms', compare(full.p99Ms)),
    row(`${name}/half/cpu-added`, 'µs CPU/request', {
      value: evenCpu.added,
      baseline: evenCpu.baseline,
      ratio: evenCpu.ratio,
    }),
    row(`${name}/half/p50`, 'ms', compare(half.p50Ms)),
    row(`${name}/half/p99`, 'ms', tail),
    row(`${name}/half/p99-added`, 'ms', { value: tail.added, baseline: median(half.p99Ms.map(({ free }) => free)) }),
  ];
}
