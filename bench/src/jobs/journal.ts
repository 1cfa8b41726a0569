// A long journal, and what operators do with all of it: audits, settlements, exports. The time that a line takes, and whether memory
// stays what it was with a tenth of the lines.
import { newDatabase } from '@farthing/broker/testing';
import type { BooksApi, Made } from '../books-server.ts';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { type Operated, operate } from '../harness/operate.ts';
import { type Row, row } from '../harness/rows.ts';
import type { Place } from '../ledger-server.ts';
import { PLACES } from '../stores.ts';

const MILLION = 1_000_000;
const ENGINES = ['sqlite', 'postgres'] as const;
/** What is older may be archived. */
const KEPT_MS = 401 * 86_400_000;
const TELL_MS = 10_000;

export async function journalJob(context: Context): Promise<Row[]> {
  // Minutes: asked for by name, a quick run takes a tenth.
  if (context.quick && !context.isNamed('bulk')) return [];
  const most = context.full ? 10 * MILLION : context.quick ? MILLION / 10 : MILLION;
  const rows: Row[] = [];
  for (const engine of ENGINES) {
    const name = `bulk/journal/${engine}`;
    if (!context.wants(name)) continue;
    rows.push(...(await context.attempt(name, 's', () => both(context, { engine, name, most }))));
  }
  return rows;
}

type Part = { readonly engine: (typeof ENGINES)[number]; readonly name: string; readonly most: number };

/** A tenth of the lines first, to stand beside. */
async function both(context: Context, { engine, name, most }: Part): Promise<Row[]> {
  const rows: Row[] = [];
  let before: Figures | undefined;
  for (const lines of [most / 10, most]) {
    const title = `${name}/${lines}`;
    const server = await PLACES[engine](context.folder());
    try {
      const place = { data: context.folder() };
      const made = await make(context, { place, name: title, lines });
      const { place: store } = server;
      const moved =
        store.store === 'postgres' ? await move(context, place, { url: store.url, name: title }) : undefined;
      const figures = {
        ...moved?.figures,
        ...(await read(context, { place: moved?.place ?? place, name: title, made })),
      };
      rows.push(...rowsOf({ name: title, made, figures, before }));
      before = figures;
    } finally {
      await server.stop();
    }
  }
  return rows;
}

/** As an operator moves a live ledger: made in a file it is there sooner. */
async function move(context: Context, { data }: Place, { url, name }: { url: string; name: string }) {
  const database = await newDatabase(url);
  context.say(`${name}: broker migrate --from sqlite --to postgres…`);
  const moved = await operate([
    'migrate',
    '--from',
    'sqlite',
    '--to',
    'postgres',
    '--data',
    data,
    '--database',
    database,
  ]);
  return { place: { data, database }, figures: { move: moved } };
}

type At = { readonly place: Place; readonly name: string };

async function make(context: Context, { place, name, lines }: At & { lines: number }): Promise<Made> {
  await using child = new Child<BooksApi>(new URL('../books-server.ts', import.meta.url).pathname);
  const tell = async () => context.say(`${name}: ${await child.call('progress', undefined)} lines booked…`);
  const timer = setInterval(() => void tell().catch(() => {}), TELL_MS);
  try {
    return await child.call('make', { place, lines });
  } finally {
    clearInterval(timer);
  }
}

const JOBS = ['move', 'settlement', 'export', 'export-site', 'audit', 'archive', 'audit-left'] as const;
type Figures = Readonly<Partial<Record<(typeof JOBS)[number], Operated>>>;

/** The commands one after the other, as somebody would type them. @throws {Error} what they say is not what was booked */
async function read(context: Context, { place, name, made }: At & { made: Made }): Promise<Figures> {
  const books = ['--data', place.data, ...(place.database === undefined ? [] : ['--database', place.database])];
  const run = (...args: string[]) => {
    context.say(`${name}: broker ${args.join(' ')}…`);
    return operate([...args, ...books], { keep: args[0] !== 'export' });
  };
  const settlement = await run('settlement', '--json');
  const all = await run('export', '--format', 'csv');
  const site = await run('export', '--format', 'csv', '--site', made.site);
  expect(name, 'exported', [all.stderr, `${made.lines} lines\n`]);
  expect(name, 'exported of a site', [site.stderr, `${made.siteLines} lines\n`]);
  const settled = JSON.parse(settlement.stdout) as { settlement: { vnd: string; lines: number }[] };
  const there = settled.settlement.find(({ vnd }) => vnd === made.site)?.lines;
  expect(name, 'settled', [String(there), String(made.siteLines)]);
  const audit = await run('audit', '--json');
  const { ok, orders } = JSON.parse(audit.stdout) as { ok: boolean; orders: number };
  expect(name, 'audited', [`${ok} ${orders}`, `true ${made.orders}`]);
  const before = new Date(Date.now() - KEPT_MS).toISOString().slice(0, 10);
  const archive = await run('archive', '--before', before, '--to', context.folder(), '--json');
  const { periods, ...archived } = JSON.parse(archive.stdout) as { periods: unknown[]; orders: number };
  expect(name, 'archived', [`${periods.length > 0} ${archived.orders}`, `true ${made.orders}`]);
  const left = await run('audit', '--json');
  expect(name, 'audited without the archives', [left.stdout, audit.stdout]);
  return { settlement, export: all, 'export-site': site, audit, archive, 'audit-left': left };
}

function expect(name: string, what: string, [found, wanted]: readonly [string, string]): void {
  if (found !== wanted) throw new Error(`${name}: ${what}: ${wanted} expected, found ${found}`);
}

type Read = {
  readonly name: string;
  readonly made: Made;
  readonly figures: Figures;
  readonly before: Figures | undefined;
};

function rowsOf({ name, made, figures, before }: Read): Row[] {
  return JOBS.flatMap((job) => {
    const [now, then] = [figures[job], before?.[job]];
    if (!now) return [];
    const peak = now.peakBytes / 2 ** 20;
    const baseline = then && then.peakBytes / 2 ** 20;
    const beside = baseline === undefined ? {} : { baseline, ratio: peak / baseline };
    const title = `${name}/${job}`;
    return [
      row(title, `s, ${made.lines} lines of ${made.orders} orders`, { value: now.ms / 1000 }),
      row(`${title}/cpu`, 'µs CPU a line', { value: now.cpuMicros / made.lines }),
      row(`${title}/peak`, 'MiB in memory at most', { value: peak, ...beside }),
    ];
  });
}
