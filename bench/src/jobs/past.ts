// Sites with a past: what a million spent serials or all the open sessions cost in memory, on disk, at start-up, and per
// request.
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Context, type Site, startSite } from '../harness/context.ts';
import { comparePages, warmUp } from '../harness/measure.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare } from '../harness/stats.ts';
import { methodOf, storeOf } from '../methods/index.ts';
import { FARTHINGS, type FarthingName } from '../walls/index.ts';

const WINDOW_MS = 700;
const PAIRS = 3;
const COLLECT = ['--expose-gc'];
/** Each ten times the one before; the last is what the method calls many, or in a quick run a tenth of it. */
const STEPS = [100, 10, 1];
/** Loads and compiles what fills stores, so that it is not counted with what they hold. */
const FIRST = 1000;

export async function pastJob(context: Context): Promise<Row[]> {
  const wanted: Wanted[] = [];
  for (const { name: wall, method, store } of FARTHINGS) {
    const { thing, many } = await methodOf(method).past();
    const names = {
      memory: `memory/${method}/${thing}/${store}`,
      start: `start/${wall}/${thing}-`,
      growth: `growth/${wall}/${thing}-`,
    };
    const { file } = storeOf(store);
    if (!file && !context.wants(names.memory)) continue;
    if (!Object.values(names).some((name) => context.wants(name))) continue;
    wanted.push({ wall, thing, names, file, most: context.quick ? many / 10 : many });
  }
  const durable = wanted.filter(({ file }) => file);
  const rows: Row[] = [];
  if (durable.length > 0) rows.push(...(await context.attempt('growth', '', () => grown(context, durable))));
  for (const one of wanted.filter(({ file }) => !file)) {
    context.say(`${one.names.memory}…`);
    rows.push(...(await context.attempt(one.names.memory, '', () => remembered(context, one))));
  }
  return rows;
}

type Wanted = {
  readonly wall: FarthingName;
  readonly thing: string;
  readonly most: number;
  readonly names: Readonly<Record<'memory' | 'start' | 'growth', string>>;
  readonly file: ReturnType<typeof storeOf>['file'];
};

const heapOf = ({ child }: Site): Promise<number> => child.call('heap', undefined);

/** Stores that forget with their process: all that they hold is memory, so that a tenth says enough. */
async function remembered(context: Context, { wall, thing, names, most }: Wanted): Promise<Row[]> {
  const site = await startSite(wall, await context.setup(), COLLECT);
  try {
    await site.child.call('fill', FIRST);
    const before = await heapOf(site);
    const count = most / 10;
    await site.child.call('fill', count);
    return [memoryRow({ name: names.memory, thing, count, bytes: (await heapOf(site)) - before })];
  } finally {
    await site.child.end();
  }
}

type Held = { readonly name: string; readonly thing: string; readonly count: number; readonly bytes: number };

const memoryRow = ({ name, thing, count, bytes }: Held): Row =>
  row(name, `bytes of heap a ${thing}, ${short(count)} of them`, { value: bytes / count });

// ── durable stores ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A site that was opened before, so that it has its keys and licence, and what it was when it started. */
type Old = Wanted & { site: Site; readonly empty: { readonly heap: number; readonly setupMs: number } };

async function grown(context: Context, wanted: readonly Wanted[]): Promise<Row[]> {
  const rows: Row[] = [];
  const free = await startSite('free', await context.setup());
  const olds: Old[] = [];
  try {
    if (wanted.some(({ names }) => context.wants(names.growth))) await warmUp(context, free, WINDOW_MS);
    for (const one of wanted) olds.push(await open(context, one));
    for (const [i, step] of STEPS.entries()) {
      const before = STEPS[i - 1];
      const isLast = step === STEPS.at(-1);
      context.say(
        `memory, start, growth: ${olds.map(({ most, thing }) => `${short(most / step)} ${thing}`).join(', ')}…`,
      );
      const heaps = await Promise.all(olds.map(({ site }) => heapOf(site)));
      const more = ({ most }: Old) => most / step - (before === undefined ? 0 : most / before);
      // Side by side: nothing is measured meanwhile.
      await Promise.all(olds.map((old) => old.site.child.call('fill', more(old))));
      for (const [n, old] of olds.entries()) {
        const { names, thing, site } = old;
        const bytes = (await heapOf(site)) - (heaps[n] ?? 0);
        const wants = isLast && context.wants(names.memory);
        if (wants) rows.push(memoryRow({ name: names.memory, thing, count: more(old), bytes }));
      }
      for (const old of olds) rows.push(...(await growth(context, { old, free, size: old.most / step })));
    }
    for (const old of olds) rows.push(...(await restarted(context, old)));
    return rows;
  } finally {
    for (const { site } of [...olds, { site: free }]) {
      await site.child.end();
      await context.load.call('leave', site.port);
    }
  }
}

async function open(context: Context, one: Wanted): Promise<Old> {
  const setup = await context.setup();
  const first = await startSite(one.wall, setup);
  await first.child.end();
  const site = await startSite(one.wall, setup, COLLECT);
  return { ...one, site, empty: { heap: await heapOf(site), setupMs: site.setupMs } };
}

async function growth(context: Context, { old, free, size }: { old: Old; free: Site; size: number }): Promise<Row[]> {
  const name = `${old.names.growth}${short(size)}`;
  if (!context.wants(name)) return [];
  return context.attempt(name, 'requests/s', async () => {
    await warmUp(context, old.site, WINDOW_MS);
    const plan = { pairs: PAIRS, ms: WINDOW_MS };
    const { perSecond, cpuMicros } = await comparePages(context, { gated: old.site, free }, plan);
    const cpu = compare(cpuMicros);
    return [
      row(name, 'requests/s', compare(perSecond)),
      row(`${name}/cpu-added`, 'µs CPU/request', { value: cpu.added, baseline: cpu.baseline, ratio: cpu.ratio }),
    ];
  });
}

async function restarted(context: Context, old: Old): Promise<Row[]> {
  const { wall, names, thing, empty, file, most } = old;
  const start = `${names.start}${short(most)}`;
  if (!context.wants(names.memory) && !context.wants(start)) return [];
  await old.site.child.end();
  const { setup } = old.site;
  old.site = await startSite(wall, setup, COLLECT);
  const { setupMs } = old.site;
  const bytes = (await heapOf(old.site)) - empty.heap;
  const onDisk = file ? bytesAt(file(setup)) : 0;
  const memory = [
    memoryRow({ name: `${names.memory}/restarted`, thing, count: most, bytes }),
    row(`${names.memory}/disk`, `bytes on disk a ${thing}`, { value: onDisk / most }),
  ];
  return [
    ...(context.wants(names.memory) ? memory : []),
    row(start, 'ms', { value: setupMs, baseline: empty.setupMs, ratio: setupMs / empty.setupMs }),
  ];
}

/** A database is more than one file. */
const bytesAt = (path: string): number =>
  readdirSync(dirname(path))
    .filter((name) => name.startsWith(basename(path)))
    .reduce((sum, name) => sum + statSync(join(dirname(path), name)).size, 0);

const short = (size: number): string =>
  size >= 1_000_000 ? `${size / 1_000_000}M` : size >= 1000 ? `${size / 1000}k` : String(size);
