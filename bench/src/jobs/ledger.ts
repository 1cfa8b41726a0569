// What a broker's ledger takes by itself, in a file and in PostgreSQL: whole orders, from the check of the signature to the commit,
// by so many processes and callers. The network in front of it is measured under `broker/`.
import { cpus } from 'node:os';
import { newDatabase } from '@farthing/broker/testing';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import type { Batches, LedgerApi, Place, Work } from '../ledger-server.ts';
import { PLACES, type StorePlace } from '../stores.ts';

const PROCESSES = [1, 2, 4];
const CALLERS = [64, 256];
export const KINDS = ['sales', 'redemptions'] as const;
export const ENGINES = ['sqlite', 'postgres'] as const;
const ROUNDS = 5;
const COUNT = 6_000;
const QUICK_COUNT = 2_000;

export async function ledgerJob(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const engine of ENGINES) {
    const name = `ledger/${engine}`;
    if (!context.wants(name)) continue;
    rows.push(...(await context.attempt(name, 'a second', () => engineRows(context, engine))));
  }
  return rows;
}

async function engineRows(context: Context, engine: (typeof ENGINES)[number]): Promise<Row[]> {
  const store = await PLACES[engine](context.folder());
  const data = context.folder();
  const database = store.place.store === 'postgres' ? await newDatabase(store.place.url) : undefined;
  const rows: Row[] = [];
  const closing: Child<LedgerApi>[] = [];
  try {
    for (const processes of PROCESSES) {
      const wanted = KINDS.filter((kind) => context.wants(`ledger/${engine}/${kind}/${processes}`));
      if (wanted.length === 0) continue;
      const children = await openLedgers({ data, database }, processes);
      closing.push(...children);
      for (const what of wanted) {
        for (const callers of CALLERS) {
          const name = `ledger/${engine}/${what}/${processes}/${callers}`;
          if (!context.wants(name)) continue;
          context.say(`${name}…`);
          rows.push(
            ...(await speed({ context, store, name }, children, {
              what,
              callers,
              count: context.quick ? QUICK_COUNT : COUNT,
            })),
          );
        }
      }
      for (const child of closing.splice(0)) await child.end();
    }
    return rows;
  } finally {
    for (const child of closing) await child.end();
    await store.stop();
  }
}

let opened = 0;

/** One after the other: the first one makes the keys. */
export async function openLedgers(
  place: Place,
  processes: number,
  { buyers }: { buyers?: number } = {},
): Promise<Child<LedgerApi>[]> {
  const children: Child<LedgerApi>[] = [];
  for (let n = 0; n < processes; n++) {
    const child = new Child<LedgerApi>(new URL('../ledger-server.ts', import.meta.url).pathname, ['--expose-gc']);
    await child.call('open', { place, mark: `s${++opened}-`, buyers });
    children.push(child);
  }
  return children;
}

type Part = { readonly context: Context; readonly store: StorePlace; readonly name: string };

/** Medians of rounds, the first of which is thrown away: caches and code are cold. */
export async function speed(
  { context, store, name }: Part,
  children: readonly Child<LedgerApi>[],
  all: Work,
): Promise<Row[]> {
  const rounds: Round[] = [];
  const batches: Batches[] = [];
  const share = children.length;
  const work = { ...all, callers: all.callers / share, count: Math.ceil(all.count / share) };
  await context.profile(name, async (file) => void (await children[0]?.call('profile', file)));
  for (let n = 0; n <= (context.quick ? 2 : ROUNDS); n++) {
    for (const child of children) await child.call('prepare', work);
    const [before, busyBefore] = [store.cpuMicros(), machineTimes()];
    const done = await Promise.all(children.map((child) => child.call('work', work)));
    const total = done.reduce((sum, one) => sum + one.done, 0);
    const ms = Math.max(...done.map((one) => one.ms));
    const micros = done.reduce((sum, one) => sum + one.cpuMicros, 0) / total;
    if (n > 0) {
      batches.push(...done.map((one) => one.batches));
      rounds.push({
        perSecond: (total * 1000) / ms,
        micros,
        serverMicros: (store.cpuMicros() - before) / total,
        busy: busyShare(busyBefore, machineTimes()),
        held: done.reduce((sum, one) => sum + heldMs(one.batches), 0) / ms,
      });
    }
  }
  const server = median(rounds.map((one) => one.serverMicros));
  return [
    row(name, `${all.what} a second`, { value: median(rounds.map((one) => one.perSecond)) }),
    row(`${name}/cpu`, 'µs CPU of the broker each', { value: median(rounds.map((one) => one.micros)) }),
    ...(store.restart ? [row(`${name}/server-cpu`, 'µs CPU of the server each', { value: server })] : []),
    ...(store.restart ? limits(name, batches, rounds) : []),
  ];
}

/** `busy`: share of the machine's cores that did something, for whomever. `held`: share of the time that somebody had the turn. */
type Round = {
  readonly perSecond: number;
  readonly micros: number;
  readonly serverMicros: number;
  readonly busy: number;
  readonly held: number;
};

const machineTimes = () => {
  const times = cpus().map((cpu) => cpu.times);
  const all = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { all, idle: times.reduce((sum, { idle }) => sum + idle, 0) };
};
type Times = ReturnType<typeof machineTimes>;
const busyShare = (before: Times, after: Times): number =>
  1 - (after.idle - before.idle) / (after.all - before.all || 1);

const heldMs = ({ decide, server, commit }: Batches): number => decide + server + commit;

/** How much of the machine's cores ledger and server took together. */
const coresOf = (round: Round): number => (round.perSecond * (round.micros + round.serverMicros)) / 1e6;

const PARTS = {
  turn: 'ms until others have written',
  decide: 'ms of deciding',
  server: 'ms until the server has read and written',
  commit: 'ms of COMMIT',
} as const;

/** From this share on there is nothing left to take. */
const ALL = 0.85;
/** Of the turn: handing it over takes the rest. */
const TURN = 0.75;

/** Where more throughput would have to come from. */
function limitOf(
  { busy, held }: Pick<Round, 'busy' | 'held'>,
  batches: readonly Batches[],
): { unit: string; value: number } {
  if (busy >= ALL) return { unit: 'of the cores busy: they are the limit', value: busy };
  if (held < TURN) return { unit: 'of the time somebody has the turn: callers are the limit', value: held };
  const [decide, server] = [sumOf(batches, 'decide'), sumOf(batches, 'server') + sumOf(batches, 'commit')];
  const part = decide > server ? 'deciding' : 'the database';
  return { unit: `of the time somebody has the turn, most of it ${part}: it is the limit`, value: held };
}

const sumOf = (batches: readonly Batches[], part: keyof Batches): number =>
  batches.reduce((total, one) => total + one[part], 0);

function limits(name: string, batches: readonly Batches[], rounds: readonly Round[]): Row[] {
  const cores = median(rounds.map(coresOf));
  const shares = { busy: median(rounds.map(({ busy }) => busy)), held: median(rounds.map(({ held }) => held)) };
  const count = sumOf(batches, 'count');
  const { unit, value } = limitOf(shares, batches);
  return [
    row(`${name}/limit`, unit, { value }),
    row(`${name}/cores`, 'cores busy, broker and server', { value: cores }),
    row(`${name}/batch`, 'orders in a transaction', { value: sumOf(batches, 'orders') / count }),
    ...(['turn', 'decide', 'server', 'commit'] as const).map((part) =>
      row(`${name}/batch/${part}`, PARTS[part], { value: sumOf(batches, part) / count }),
    ),
  ];
}
