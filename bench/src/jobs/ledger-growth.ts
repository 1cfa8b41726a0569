// What years do to a broker's ledger: sales and redemptions with ever more accounts in it, and with ever more pieces that were spent.
import { addAccounts, addSpent, newDatabase } from '@farthing/broker/testing';
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import type { Place } from '../ledger-server.ts';
import { PLACES, type StorePlace } from '../stores.ts';
import { ENGINES, KINDS, openLedgers, speed } from './ledger.ts';

const MILLION = 1_000_000;
const CALLERS = 64;
/** Orders of a round, and accounts that they come from: far apart in the tables. */
const COUNT = 3_000;
const QUICK_COUNT = 1_000;
const BUYERS = 1_000;

type Engine = (typeof ENGINES)[number];
type Kind = { readonly thing: string; readonly sizes: readonly number[]; readonly add: typeof addSpent };
type Part = { readonly context: Context; readonly store: StorePlace; readonly place: Place };

export async function ledgerGrowthJob(context: Context): Promise<Row[]> {
  const { full, quick } = context;
  const kinds: readonly Kind[] = [
    {
      thing: 'accounts',
      sizes: full ? [1_000, 100_000, MILLION] : quick ? [1_000, 10_000] : [1_000, 100_000],
      add: addAccounts,
    },
    { thing: 'spent', sizes: full ? [0, MILLION, 10 * MILLION] : quick ? [] : [0, MILLION], add: addSpent },
  ];
  const rows: Row[] = [];
  for (const engine of ENGINES) {
    for (const kind of kinds) {
      const name = `growth/ledger/${engine}/${kind.thing}`;
      if (kind.sizes.length === 0 || !context.wants(name)) continue;
      rows.push(...(await context.attempt(name, 'a second', () => grown(context, { engine, kind, name }))));
    }
  }
  return rows;
}

async function grown(context: Context, { engine, kind, name }: { engine: Engine; kind: Kind; name: string }) {
  const store = await PLACES[engine](context.folder());
  try {
    const database = store.place.store === 'postgres' ? await newDatabase(store.place.url) : undefined;
    const part: Part = { context, store, place: { data: context.folder(), database } };
    // The first one makes the tables.
    for (const child of await openLedgers(part.place, 1, { buyers: 1 })) await child.end();
    const first = new Map<string, number>();
    const rows: Row[] = [];
    let there = 0;
    for (const size of kind.sizes) {
      context.say(`${name}-${size}: ${size - there} more…`);
      await kind.add(part.place, size - there, there);
      there = size;
      rows.push(...(await at(part, `${name}-${size}`)).map((one) => beside(one, `${name}-${size}`, first)));
    }
    return rows;
  } finally {
    await store.stop();
  }
}

async function at({ context, store, place }: Part, name: string): Promise<Row[]> {
  const children = await openLedgers(place, 1, { buyers: BUYERS });
  try {
    const rows: Row[] = [];
    for (const what of KINDS) {
      context.say(`${name}/${what}…`);
      const work = { what, callers: CALLERS, count: context.quick ? QUICK_COUNT : COUNT };
      rows.push(...(await speed({ context, store, name: `${name}/${what}` }, children, work)));
    }
    for (const child of children) {
      const { heap, rss } = await child.call('memory', undefined);
      rows.push(row(`${name}/heap`, 'MiB of values and buffers of the broker', { value: heap / 2 ** 20 }));
      rows.push(row(`${name}/rss`, 'MiB of the broker', { value: rss / 2 ** 20 }));
    }
    return rows;
  } finally {
    for (const child of children) await child.end();
  }
}

/** What the same figure was with the least behind it. */
function beside(one: Row, prefix: string, first: Map<string, number>): Row {
  const figure = one.name.slice(prefix.length);
  if (one.value === null) return one;
  const baseline = first.get(figure);
  first.set(figure, baseline ?? one.value);
  const ratio = baseline === undefined ? {} : { baseline, ratio: one.value / baseline };
  return row(one.name, one.unit, { value: one.value, ...ratio });
}
