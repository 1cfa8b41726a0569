// Sites with a past: what a million spent serials or all the open sessions cost in memory, on disk, at start-up, and per
// request.
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Context, type Site, startSite } from '../harness/context.ts';
import { comparePages, type Sides, warmUp } from '../harness/measure.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare } from '../harness/stats.ts';
import { methodOf, storeOf } from '../methods/index.ts';
import { FARTHINGS, type FarthingName } from '../walls/index.ts';
import type { Setup } from '../walls/wall.ts';

const WINDOW_MS = 700;
const PAIRS = 3;
const COLLECT = ['--expose-gc'];
/** Each ten times the one before; the last is what the method calls many, or in a quick run a tenth of it. */
const STEPS = [100, 10, 1];
/** Loads and compiles what fills stores, so that it is not counted with what they hold. */
const FIRST = 100;

export async function pastJob(context: Context): Promise<Row[]> {
  const wanted: Wanted[] = [];
  for (const { name: wall, method, store } of FARTHINGS) {
    const past = await methodOf(method).past?.();
    if (!past) continue;
    const { thing, many } = past;
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

type Held = { readonly name: string; readonly thing: string; readonly count: number; readonly bytes: number };

const memoryRow = ({ name, thing, count, bytes }: Held): Row =>
  row(name, `bytes of heap a ${thing}, ${short(count)} of them`, { value: bytes / count });

/** What they cost the process that takes them. Fills a site that runs. */
async function fill(site: Site, { thing, names }: Wanted, count: number): Promise<Row> {
  await site.child.call('fill', FIRST);
  const before = await heapOf(site);
  const more = count - FIRST;
  await site.child.call('fill', more);
  return memoryRow({ name: names.memory, thing, count: more, bytes: (await heapOf(site)) - before });
}

/** Stores that forget with their process: all that they hold is memory, so that a tenth says enough. */
async function remembered(context: Context, one: Wanted): Promise<Row[]> {
  const site = await startSite(one.wall, await context.setup(), COLLECT);
  try {
    return [await fill(site, one, one.most / 10)];
  } finally {
    await site.child.end();
  }
}

// ── durable stores ──────────────────────────────────────────────────────────────────────────────────────────────────

/** A site that has its keys and licence, and what it was when it started with nothing to remember. */
type Old = Wanted & { readonly setup: Setup; readonly heap: number; readonly setupMs: number };

async function grown(context: Context, wanted: readonly Wanted[]): Promise<Row[]> {
  const rows: Row[] = [];
  const free = await startSite('free', await context.setup());
  try {
    if (wanted.some(({ names }) => context.wants(names.growth))) await warmUp(context, free, WINDOW_MS);
    const olds: Old[] = [];
    for (const one of wanted) olds.push(await open(context, one));
    for (const [i, step] of STEPS.entries()) {
      const before = STEPS[i - 1];
      const isLast = step === STEPS.at(-1);
      context.say(
        `memory, start, growth: ${olds.map(({ most, thing }) => `${short(most / step)} ${thing}`).join(', ')}…`,
      );
      const more = ({ most }: Old) => most / step - (before === undefined ? 0 : most / before);
      // Side by side: only bytes are counted meanwhile.
      const memory = await Promise.all(olds.map((old) => filled(old, more(old))));
      if (isLast) rows.push(...memory.flat().filter(({ name }) => context.wants(name)));
      for (const old of olds) rows.push(...(await again(context, { old, free, size: old.most / step })));
    }
    return rows;
  } finally {
    await free.child.end();
    await context.load.call('leave', free.port);
  }
}

async function open(context: Context, one: Wanted): Promise<Old> {
  const setup = await context.setup();
  const first = await startSite(one.wall, setup);
  await first.child.end();
  const second = await startSite(one.wall, setup, COLLECT);
  const heap = await heapOf(second);
  await second.child.end();
  return { ...one, setup, heap, setupMs: second.setupMs };
}

/** In a process that does nothing else. */
async function filled(old: Old, count: number): Promise<Row[]> {
  const { wall, setup, names, thing, file } = old;
  const at = file?.(setup) ?? '';
  const before = bytesAt(at);
  const site = await startSite(wall, setup, COLLECT);
  const memory = await fill(site, old, count);
  await site.child.end();
  return [memory, row(`${names.memory}/disk`, `bytes on disk a ${thing}`, { value: (bytesAt(at) - before) / count })];
}

/** The site as it is after a restart: what it holds then, and its paid requests. */
async function again(context: Context, { old, free, size }: { old: Old; free: Site; size: number }): Promise<Row[]> {
  const { names, thing, most } = old;
  const site = await startSite(old.wall, old.setup, COLLECT);
  try {
    const rows: Row[] = [];
    const memory = `${names.memory}/restarted`;
    const start = `${names.start}${short(size)}`;
    if (size === most && context.wants(memory)) {
      rows.push(memoryRow({ name: memory, thing, count: size, bytes: (await heapOf(site)) - old.heap }));
    }
    if (context.wants(start)) {
      const { setupMs } = site;
      rows.push(row(start, 'ms', { value: setupMs, baseline: old.setupMs, ratio: setupMs / old.setupMs }));
    }
    const growth = `${names.growth}${short(size)}`;
    if (!context.wants(growth)) return rows;
    return [
      ...rows,
      ...(await context.attempt(growth, 'requests/s', () => pages(context, growth, { gated: site, free }))),
    ];
  } finally {
    await site.child.end();
    await context.load.call('leave', site.port);
  }
}

async function pages(context: Context, name: string, sides: Sides): Promise<Row[]> {
  await warmUp(context, sides.gated, WINDOW_MS);
  const { perSecond, cpuMicros } = await comparePages(context, sides, { pairs: PAIRS, ms: WINDOW_MS });
  const cpu = compare(cpuMicros);
  return [
    row(name, 'requests/s', compare(perSecond)),
    row(`${name}/cpu-added`, 'µs CPU/request', { value: cpu.added, baseline: cpu.baseline, ratio: cpu.ratio }),
  ];
}

/** A database is more than one file. */
const bytesAt = (path: string): number =>
  readdirSync(dirname(path))
    .filter((name) => name.startsWith(basename(path)))
    .reduce((sum, name) => sum + statSync(join(dirname(path), name)).size, 0);

const short = (size: number): string =>
  size >= 1_000_000 ? `${size / 1_000_000}M` : size >= 1000 ? `${size / 1000}k` : String(size);
