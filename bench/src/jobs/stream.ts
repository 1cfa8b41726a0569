// Ticks of one open stream on one connection that was paid ahead, beside the same stream free.
import { type Context, type Site, startSite } from '../harness/context.ts';
import { compareStreams, meet } from '../harness/measure.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare } from '../harness/stats.ts';
import { methodOf } from '../methods/index.ts';
import { TICK } from '../walls/content.ts';
import { FARTHINGS, type FarthingName } from '../walls/index.ts';

const nameOf = (wall: FarthingName): string => `stream/ticks/${wall}`;

export async function streamJob(context: Context): Promise<Row[]> {
  const walls = FARTHINGS.filter(({ name, method }) => methodOf(method).streams && context.wants(nameOf(name)));
  if (walls.length === 0) return [];
  const free = await startSite('free', await context.setup());
  try {
    await meet(context, free);
    const rows: Row[] = [];
    for (const { name: wall } of walls) {
      const name = nameOf(wall);
      context.say(`${name}…`);
      rows.push(...(await context.attempt(name, 'units/s', () => ticks(context, { wall, free }))));
    }
    return rows;
  } finally {
    await free.child.end();
    await context.load.call('leave', free.port);
  }
}

async function ticks(context: Context, { wall, free }: { wall: FarthingName; free: Site }): Promise<Row[]> {
  const name = nameOf(wall);
  const site = await startSite(wall, await context.setup());
  try {
    await meet(context, site);
    await context.profile(name, (file) => site.child.call('profile', file));
    const plan = { pairs: context.pairs, ms: context.quick ? 300 : 600, unitBytes: TICK.length };
    const { perSecond, cpuMicros } = await compareStreams(context, { gated: site, free }, plan);
    const cpu = compare(cpuMicros);
    return [
      row(name, 'units/s on one connection', compare(perSecond)),
      row(`${name}/cpu-added`, 'µs CPU/unit', { value: cpu.added, baseline: cpu.baseline, ratio: cpu.ratio }),
    ];
  } finally {
    await site.child.end();
    await context.load.call('leave', site.port);
  }
}
