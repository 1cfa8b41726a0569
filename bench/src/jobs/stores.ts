// A site with a past: what a million spent serials cost in memory, on disk, at start-up, and per request.
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { limits } from '@farthing/protocol';
import { sqlite, type VendorStore } from '@farthing/vendor';
import { type Context, type Site, startSite } from '../harness/context.ts';
import { comparePairs, warmUp } from '../harness/measure.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare } from '../harness/stats.ts';
import { storePath } from '../walls/scrip.ts';
import type { Setup } from '../walls/wall.ts';
import { paidRequests, verify } from './scrip-world.ts';

const WINDOW_MS = 700;
const PAIRS = 3;
/** Change that these payments gave: numbers of their own. */
const FIRST_CHANGE = 10n ** 13n;
const COLLECT = ['--expose-gc'];

export async function storesJob(context: Context): Promise<Row[]> {
  const wants = { memory: context.wants('memory'), start: context.wants('start'), growth: context.wants('growth') };
  if (!wants.memory && !wants.start && !wants.growth) return [];
  const sizes = context.quick ? [1000, 10_000, 100_000] : [10_000, 100_000, 1_000_000];
  const last = sizes.at(-1);
  const setup = await context.setup();
  const rows: Row[] = [];
  const free = wants.growth ? await startSite('free', await context.setup()) : undefined;
  // The first start makes keys and asks for a licence; what is compared are starts of a site that has both.
  await look(await startSite('scrip/sqlite', setup));
  const empty = await look(await startSite('scrip/sqlite', setup, COLLECT));
  let spent = 0;
  try {
    if (free) await warmUp(context, free, WINDOW_MS);
    for (const size of sizes) {
      context.say(`memory, start, growth: ${size} spent serials…`);
      await spend(storePath(setup), size - spent);
      spent = size;
      if (free) rows.push(...(await growth(context, { size, setup, free })));
      if (size !== last) continue;
      const full = await look(await startSite('scrip/sqlite', setup, COLLECT));
      if (wants.memory) rows.push(...memoryRows(size, { empty, full, path: storePath(setup) }));
      if (wants.start) {
        rows.push(row(`start/scrip/${short(size)}`, 'ms', ratioed(full.setupMs, empty.setupMs)));
      }
    }
  } finally {
    await free?.child.end();
  }
  return rows;
}

type Look = { readonly rss: number; readonly heap: number; readonly setupMs: number };

async function look({ child, setupMs }: Site): Promise<Look> {
  const { rss, heap, external } = await child.call('memory', undefined);
  await child.end();
  return { rss, heap: heap + external, setupMs };
}

/** Target rows are named for a million; a quick run says in the name what it had. */
function memoryRows(size: number, { empty, full, path }: { empty: Look; full: Look; path: string }): Row[] {
  const name = size === 1_000_000 ? 'memory/scrip/spent' : `memory/scrip/spent-${short(size)}`;
  return [
    row(`${name}/process`, 'bytes of RSS a serial', ratioed((full.rss - empty.rss) / size, undefined)),
    row(`${name}/heap`, 'bytes of heap a serial', ratioed((full.heap - empty.heap) / size, undefined)),
    row(`${name}/database`, 'bytes on disk a serial', ratioed(statSync(path).size / size, undefined)),
  ];
}

const ratioed = (value: number, baseline: number | undefined) => ({
  value,
  baseline,
  ratio: baseline === undefined ? undefined : value / baseline,
});

async function growth(
  context: Context,
  { size, setup, free }: { size: number; setup: Setup; free: Site },
): Promise<Row[]> {
  const site = await startSite('scrip/sqlite', setup);
  try {
    await warmUp(context, site, WINDOW_MS);
    const { perSecond, cpuMicros } = await comparePairs(
      context,
      { gated: site, free },
      { pairs: PAIRS, ms: WINDOW_MS },
    );
    const name = `growth/scrip/sqlite/spent-${short(size)}`;
    const cpu = compare(cpuMicros);
    return [
      row(name, 'requests/s', compare(perSecond)),
      row(`${name}/cpu-added`, 'µs CPU/request', { value: cpu.added, baseline: cpu.baseline, ratio: cpu.ratio }),
    ];
  } finally {
    await site.child.end();
    await context.load.call('leave', site.port);
  }
}

/** Payments as they stand in the store once they are over: through its port, like real ones, only faster. */
async function spend(path: string, count: number): Promise<void> {
  const store = sqlite(path);
  const [header] = paidRequests(1);
  const outcome = verify(header ?? '');
  try {
    const first = await store.lease('serial', BigInt(count));
    for (let done = 0; done < count; done += 1000) {
      const part = Array.from({ length: Math.min(1000, count - done) }, (_, i) => first + BigInt(done + i));
      await Promise.all(part.map((serial) => reserve(store, { serial, outcome })));
    }
  } finally {
    await store.close();
  }
}

async function reserve(store: VendorStore, { serial, outcome }: { serial: bigint; outcome: string }): Promise<void> {
  const nowMs = Date.now();
  const untilMs = nowMs + limits.retentionMs;
  const reserved = await store.reserve({
    id: randomBytes(32).toString('base64url'),
    credential: randomBytes(32).toString('base64url'),
    target: randomBytes(32).toString('base64url'),
    owner: 'bench',
    atMs: nowMs,
    untilMs,
    outcome,
    state: 'committed',
    spends: [{ key: `scrip:v1.${serial}`, untilMs, code: 'scrip-spent' }],
    tallies: [],
    claims: [],
    mints: [`v1.${FIRST_CHANGE + serial}`],
  });
  if (reserved.kind !== 'won') throw new Error(`a serial was spent before: ${reserved.kind}`);
}

const short = (size: number): string => (size >= 1_000_000 ? `${size / 1_000_000}M` : `${size / 1000}k`);
