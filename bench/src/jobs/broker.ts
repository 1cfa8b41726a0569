// The broker through its real HTTP API, its ledger on disk: what each method asks of it, and sales with more customers.
import { Bench, Person, USD } from '@farthing/broker/testing';
import type { BrokerApi } from '../broker-server.ts';
import type { Child } from '../harness/child.ts';
import { type Context, startBroker } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import { forget, run } from '../harness/window.ts';
import { TO_BUYERS, TRADES, type TradesName, tradesOf } from '../methods/index.ts';
import { type Office, type Post, spread, type Trade } from '../methods/method.ts';

const MONEY_MICRO = 10n ** 12n;
const RICH_MICRO = 10n ** 15n;
const BUYERS = 200;
const GROWTH_ROUNDS = 3;

export async function brokerJob(context: Context): Promise<Row[]> {
  const wanted = TRADES.filter((name) => context.wants(`broker/${name}`));
  const grows = context.wants('growth/broker');
  if (wanted.length === 0 && !grows) return [];
  const { child, url } = await startBroker(context.folder());
  const port = Number(new URL(url).port);
  try {
    await using bench = await new Bench().attach(url);
    await context.profile('broker', (file) => child.call('profile', file));
    const rich = new Person(bench);
    await rich.faucet(RICH_MICRO);
    const desk: Desk = { context, child, port, bench };
    const office = { rich, buyers: await customers(desk, BUYERS), quick: context.quick, rounds: roundsOf(context) + 1 };
    const rows: Row[] = [];
    for (const name of wanted) rows.push(...(await trade(desk, name, office)));
    if (grows) rows.push(...(await growth(desk, office)));
    return rows;
  } finally {
    forget(port);
    await child.end();
  }
}

type Desk = {
  readonly context: Context;
  readonly child: Child<BrokerApi>;
  readonly port: number;
  readonly bench: Bench;
};

type Speed = { readonly perSecond: number; readonly cpuMicros: number };

const roundsOf = ({ quick }: Context): number => (quick ? 3 : 5);

async function trade(desk: Desk, method: TradesName, office: Office): Promise<Row[]> {
  const { sales, others } = (await tradesOf(method))(office);
  const rows: Row[] = [];
  for (const one of [sales, ...others]) {
    const name = `broker/${method}/${one.name}`;
    if (!desk.context.wants(name)) continue;
    desk.context.say(`${name}…`);
    const { perSecond, cpuMicros } = await speedOf(desk, one, roundsOf(desk.context));
    rows.push(row(name, `${one.unit}, a second`, { value: perSecond }));
    rows.push(row(`${name}/cpu`, 'µs CPU each', { value: cpuMicros }));
    if (one.also) {
      const { name: other, unit, each } = one.also;
      rows.push(row(`${name}/${other}`, `${unit} a second`, { value: perSecond * each }));
    }
  }
  return rows;
}

/** Sales again with 1, 10 and 100 times as many accounts in the ledger, each buying in turn. */
async function growth(desk: Desk, office: Office): Promise<Row[]> {
  const rows: Row[] = [];
  const buyers: Person[] = [];
  const trades = await Promise.all(
    TO_BUYERS.map(async (method) => ({ method, ...(await tradesOf(method))({ ...office, buyers }) })),
  );
  // A broker's faucet serves 10,000 accounts an hour, the buyers of the other rows among them.
  for (const size of desk.context.quick ? [50, 500, 5000] : [90, 900, 9000]) {
    buyers.push(...(await customers(desk, size - buyers.length)));
    for (const { method, sales } of trades) {
      const name = `growth/broker/${method}/customers-${size}`;
      desk.context.say(`${name}…`);
      const { perSecond, cpuMicros } = await speedOf(desk, sales, GROWTH_ROUNDS);
      rows.push(row(name, `${sales.unit}, a second`, { value: perSecond }));
      rows.push(row(`${name}/cpu`, 'µs CPU each', { value: cpuMicros }));
    }
  }
  return rows;
}

/** New accounts with demo money. */
async function customers(desk: Desk, count: number): Promise<Person[]> {
  const people = Array.from({ length: count }, () => new Person(desk.bench));
  const posts = people.map((person) => ({
    path: '/v1/faucet',
    order: person.order('faucet/1', { amount: MONEY_MICRO.toString(), cur: USD }),
  }));
  await send(desk, spread(posts));
  return people;
}

/** Medians of rounds, the first of which is thrown away: caches and code are cold. */
async function speedOf(desk: Desk, { round }: Trade, rounds: number): Promise<Speed> {
  const speeds: Speed[] = [];
  for (let n = 0; n <= rounds; n++) {
    const { lanes, done } = await round();
    const { elapsedMs, cpuMicros } = await send(desk, lanes);
    if (n > 0) speeds.push({ perSecond: (done * 1000) / elapsedMs, cpuMicros: cpuMicros / done });
  }
  return {
    perSecond: median(speeds.map(({ perSecond }) => perSecond)),
    cpuMicros: median(speeds.map(({ cpuMicros }) => cpuMicros)),
  };
}

/** All of it as fast as the broker answers, a lane to a connection. @throws {Error} an answer was not 200 */
export async function send({ child, port }: Pick<Desk, 'child' | 'port'>, lanes: readonly (readonly Post[])[]) {
  const queues = lanes.map((lane) => lane.map((post) => requestOf(post, port)).values());
  const before = await child.call('cpuMicros', undefined);
  const take = (lane: number) => queues[lane]?.next().value;
  const { requests, statuses, elapsedMs } = await run(take, { port, connections: lanes.length, ms: 60_000 });
  const cpuMicros = (await child.call('cpuMicros', undefined)) - before;
  const due = lanes.reduce((sum, lane) => sum + lane.length, 0);
  if (statuses[200] !== due) {
    throw new Error(`${lanes[0]?.[0]?.path}: ${requests} of ${due} answered, by status ${JSON.stringify(statuses)}`);
  }
  return { elapsedMs, cpuMicros };
}

function requestOf({ path, order }: Post, port: number): Buffer {
  const body = JSON.stringify(order);
  const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json`;
  return Buffer.from(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
