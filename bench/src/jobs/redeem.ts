// A site that comes back to very many payments which its broker has not paid yet: all of them in batches over HTTP, between a
// broker with its ledger on disk and a site with its store on disk. What it takes, and that neither of them grows with it.
import { Bench, Person, pieceOf, USD } from '@farthing/broker/testing';
import { limits } from '@farthing/protocol';
import type { BrokerApi } from '../broker-server.ts';
import type { BulkSiteApi, Pieces } from '../bulk-site.ts';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import type { Memory } from '../harness/memory.ts';
import { operate } from '../harness/operate.ts';
import { type Row, row } from '../harness/rows.ts';
import { forget } from '../harness/window.ts';
import { spread } from '../methods/method.ts';
import { send } from './broker.ts';

const MILLION = 1_000_000;
const MICRO_EACH = 1500;
const RICH_MICRO = 10n ** 15n;
/** Purchases that are signed, and lie in memory, at once. */
const PART = 2000;
/** Parts of the way at which both are looked at. */
const MARKS = [0.1, 0.5, 1];
const LOOK_MS = 50;

export async function redeemJob(context: Context): Promise<Row[]> {
  const count = context.full ? MILLION : context.quick ? MILLION / 50 : MILLION / 10;
  const name = `bulk/redeem/${count}`;
  if (!context.wants(name)) return [];
  return context.attempt(name, 'payments a second', () => redeemed(context, { name, count }));
}

type Part = { readonly name: string; readonly count: number };
type Broker = { readonly child: Child<BrokerApi>; readonly data: string; readonly url: string; readonly port: number };

async function redeemed(context: Context, { name, count }: Part): Promise<Row[]> {
  const data = context.folder();
  const folder = context.folder();
  await using child = new Child<BrokerApi>(server('broker-server'), ['--expose-gc']);
  const { url } = await child.call('start', { data, values: [1] });
  const broker: Broker = { child, data, url, port: Number(new URL(url).port) };
  try {
    const vnd = await earned(context, broker, { name, count, folder });
    await using site = new Child<BulkSiteApi>(server('bulk-site'), ['--expose-gc']);
    const startMs = performance.now();
    await site.call('open', { brokerUrl: url, folder });
    const openedMs = performance.now() - startMs;
    const rows = await run(context, { site, broker }, { name, count });
    await paid(broker, vnd, count);
    const problems = await site.call('problems', undefined);
    // The piece that nobody sold, and what a site is told when a million claims wait.
    if (problems['claim-alarm'] !== 1)
      throw new Error(`one claim was false, the site heard ${JSON.stringify(problems)}`);
    return [...rows, row(`${name}/start`, 's until the site goes on', { value: openedMs / 1000 })];
  } finally {
    forget(broker.port);
  }
}

const server = (file: string): string => new URL(`../${file}.ts`, import.meta.url).pathname;

/** The pieces are sold by the broker, to somebody who pays; then they are spent at the site, and one more that nobody sold. */
async function earned(context: Context, broker: Broker, { name, count, folder }: Part & { folder: string }) {
  await using site = new Child<BulkSiteApi>(server('bulk-site'));
  const vnd = await site.call('open', { brokerUrl: broker.url, folder });
  const pieces = await sold(context, broker, { name, count, vnd });
  for (let done = 0; done < count; done += MILLION / 10) {
    context.say(`${name}: ${done} of ${count} pieces spent at the site…`);
    const part = { kid: pieces.kid, first: pieces.first + done, count: Math.min(MILLION / 10, count - done) };
    await site.call('earn', { pieces: part, microEach: MICRO_EACH });
  }
  await site.call('earn', {
    pieces: { kid: pieces.kid, first: pieces.first + 10 * count, count: 1 },
    microEach: MICRO_EACH,
  });
  return vnd;
}

/** A licence numbers what is sold under it. */
async function sold(context: Context, broker: Broker, { name, count, vnd }: Part & { vnd: string }): Promise<Pieces> {
  await using bench = await new Bench().attach(broker.url);
  const rich = new Person(bench);
  await rich.faucet(RICH_MICRO);
  const each = { count: limits.scripBuyCount };
  const { scrip } = pieceOf(await rich.buy(vnd, BigInt(MICRO_EACH), each));
  const [kid = '', number] = scrip.root.split('.');
  for (let done = each.count; done < count; ) {
    context.say(`${name}: ${done} of ${count} pieces sold…`);
    const orders = Math.min(PART, Math.ceil((count - done) / each.count));
    const posts = Array.from({ length: orders }, () => {
      return { path: '/v1/scrip/buy', order: rich.buyOrder(vnd, BigInt(MICRO_EACH), each) };
    });
    await send(broker, spread(posts));
    done += orders * each.count;
  }
  return { kid, first: Number(number), count };
}

type Both = { readonly site: Child<BulkSiteApi>; readonly broker: Broker };
type Held = { readonly at: number; readonly site: Memory; readonly broker: Memory };

async function run(context: Context, { site, broker }: Both, { name, count }: Part): Promise<Row[]> {
  const before = await broker.child.call('cpuMicros', undefined);
  let isOver = false;
  const running = site.call('redeem', undefined).finally(() => {
    isOver = true;
  });
  const held: Held[] = [];
  const look = async () => {
    const { claims, waiting } = await site.call('progress', undefined);
    const [next] = MARKS.slice(held.length);
    if (next === undefined || (claims < next * count && !isOver)) return;
    const [ours, theirs] = [await site.call('memory', undefined), await broker.child.call('memory', undefined)];
    held.push({ at: next, site: ours, broker: theirs });
    context.say(`${name}: ${claims} paid, ${waiting} wait; site ${shown(ours)}, broker ${shown(theirs)}`);
  };
  while (!isOver) {
    await look();
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  const { ms, cpuMicros, batches } = await running;
  while (held.length < MARKS.length) await look();
  const theirs = (await broker.child.call('cpuMicros', undefined)) - before;
  return [
    row(name, 'payments a second, each a claim of its own', { value: (count * 1000) / ms }),
    row(`${name}/batches`, 'batches, of each of which the owner is told', { value: batches }),
    row(`${name}/site/cpu`, 'µs CPU of the site each', { value: cpuMicros / count }),
    row(`${name}/broker/cpu`, 'µs CPU of the broker each', { value: theirs / count }),
    ...(['site', 'broker'] as const).flatMap((who) =>
      (['heap', 'rss'] as const).flatMap((what) => memoryRows(`${name}/${who}/${what}`, held, (one) => one[who][what])),
    ),
  ];
}

/** Beside what it was at the first mark. */
function memoryRows(name: string, held: readonly Held[], bytesOf: (held: Held) => number): Row[] {
  const [first] = held;
  const baseline = first && bytesOf(first) / 2 ** 20;
  return held.map((one) => {
    const value = bytesOf(one) / 2 ** 20;
    const ratio = baseline && value / baseline;
    return row(`${name}/${one.at * 100}%`, 'MiB', { value, baseline, ratio });
  });
}

const shown = ({ heap, rss }: Memory): string =>
  `${(heap / 2 ** 20).toFixed(1)} MiB of heap, ${(rss / 2 ** 20).toFixed(0)} MiB in all`;

/** As the operator's command says. @throws {Error} the broker owes the site anything else than what was sold and spent */
async function paid({ data }: Broker, vnd: string, count: number): Promise<void> {
  const { stdout } = await operate(['vendors', '--data', data, '--json']);
  const { vendors } = JSON.parse(stdout) as { vendors: { vnd: string; cur: string; owed: string; alarms: number }[] };
  const owed = String(MICRO_EACH * count);
  const ours = vendors.find((one) => one.vnd === vnd && one.cur === USD);
  if (ours?.owed !== owed || ours.alarms !== 1) {
    throw new Error(`${owed} and one alarm expected, found ${ours?.owed} and ${ours?.alarms}`);
  }
}
