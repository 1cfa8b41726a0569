// The broker through its real HTTP API, its ledger on disk: sales, redemptions, and how both stand with more customers.
import { Bench, Person, Site, USD } from '@farthing/broker/testing';
import { limits, type Order, objectHash } from '@farthing/protocol';
import type { BrokerApi } from '../broker-server.ts';
import type { Child } from '../harness/child.ts';
import { type Context, startBroker } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import { forget, run, type Take } from '../harness/window.ts';

const CONNECTIONS = 64;
/** Sites that redeem at once: the batches of one site follow each other. */
const SITES = 16;
const CLAIMS = 100;
const COIN_MICRO = 30_000n;

export async function brokerJob(context: Context): Promise<Row[]> {
  const wants = {
    sales: context.wants('broker/sales'),
    redemptions: context.wants('broker/redemptions'),
    growth: context.wants('growth'),
  };
  if (!wants.sales && !wants.redemptions && !wants.growth) return [];
  const { child, url } = await startBroker(context.folder());
  const port = Number(new URL(url).port);
  try {
    await using bench = await new Bench().attach(url);
    const office: Office = { context, bench, child, port, vnd: 'bench.example' };
    await new Site(bench, office.vnd).open({ last: 1_000_000_000 });
    await sell(office, { customers: await customers(office, 64), count: 1, rounds: 3 });
    return [
      ...(wants.sales ? await sales(office) : []),
      ...(wants.redemptions ? await redemptions(office) : []),
      ...(wants.growth ? await growth(office) : []),
    ];
  } finally {
    forget(port);
    await child.end();
  }
}

type Office = {
  readonly context: Context;
  readonly bench: Bench;
  readonly child: Child<BrokerApi>;
  readonly port: number;
  readonly vnd: string;
};

type Speed = { readonly perSecond: number; readonly cpuMicros: number };

const roundsOf = ({ quick }: Context): number => (quick ? 3 : 5);

async function sales(office: Office): Promise<Row[]> {
  office.context.say('broker/sales…');
  const rounds = roundsOf(office.context);
  const buyers = await customers(office, 200);
  const one = await sell(office, { customers: buyers, count: 1, rounds });
  const many = await sell(office, { customers: buyers, count: limits.scripBuyCount, rounds });
  return [
    row('broker/sales', 'orders/s', { value: one.perSecond }),
    row('broker/sales/cpu', 'µs CPU/order', { value: one.cpuMicros }),
    row('broker/sales/pieces', `pieces/s, ${limits.scripBuyCount} an order`, {
      value: many.perSecond * limits.scripBuyCount,
    }),
  ];
}

async function redemptions(office: Office): Promise<Row[]> {
  office.context.say('broker/redemptions…');
  const sites = await redeemers(office);
  const rounds = roundsOf(office.context);
  const full = await redeem(office, { sites, claims: CLAIMS, batches: 8, rounds });
  const single = await redeem(office, { sites, claims: 1, batches: 40, rounds });
  return [
    row('broker/redemptions', `claims/s, ${CLAIMS} a batch`, { value: full.perSecond * CLAIMS }),
    row('broker/redemptions/cpu', 'µs CPU/claim', { value: full.cpuMicros / CLAIMS }),
    row('broker/redemptions/batches', 'batches/s of one claim', { value: single.perSecond }),
    row('broker/redemptions/batches/cpu', 'µs CPU/batch', { value: single.cpuMicros }),
  ];
}

/** Sales again with 1, 10 and 100 times as many accounts in the ledger, each buying in turn. */
async function growth(office: Office): Promise<Row[]> {
  const rows: Row[] = [];
  const all: Person[] = [];
  // A broker's faucet serves 10,000 accounts an hour, the buyers of the other rows among them.
  for (const size of office.context.quick ? [50, 500, 5000] : [80, 800, 8000]) {
    office.context.say(`growth: ${size} customers…`);
    all.push(...(await customers(office, size - all.length)));
    const { perSecond, cpuMicros } = await sell(office, { customers: all, count: 1, rounds: 3 });
    rows.push(
      row(`growth/broker/customers-${size}`, 'sales/s', { value: perSecond }),
      row(`growth/broker/customers-${size}/cpu`, 'µs CPU/order', { value: cpuMicros }),
    );
  }
  return rows;
}

/** New accounts with demo money. */
async function customers(office: Office, count: number): Promise<Person[]> {
  const people = Array.from({ length: count }, () => new Person(office.bench));
  const orders = people.map((person) => person.order('faucet/1', { amount: (10n ** 12n).toString(), cur: USD }));
  await window(office, { path: '/v1/faucet', take: queue(office, '/v1/faucet', orders), connections: CONNECTIONS });
  return people;
}

async function sell(
  office: Office,
  { customers: buyers, count, rounds }: { customers: readonly Person[]; count: number; rounds: number },
): Promise<Speed> {
  const orders = office.context.quick ? 500 : 1200;
  const speeds: Speed[] = [];
  let next = 0;
  for (let round = 0; round < rounds; round++) {
    const made = Array.from({ length: orders }, () => {
      const buyer = buyers[next++ % buyers.length];
      if (!buyer) throw new Error('nobody buys');
      return buyer.buyOrder(office.vnd, COIN_MICRO, { count });
    });
    const take = queue(office, '/v1/scrip/buy', made);
    speeds.push(await window(office, { path: '/v1/scrip/buy', take, connections: CONNECTIONS }));
  }
  return middle(speeds);
}

type Redeemer = { readonly site: Site; readonly roots: readonly string[]; total: bigint };

async function redeemers({ bench }: Office): Promise<Redeemer[]> {
  const buyer = new Person(bench);
  await buyer.faucet(10n ** 15n);
  return Promise.all(
    Array.from({ length: SITES }, async (_, n) => {
      const site = await new Site(bench, `site${n}.example`).open();
      const roots: string[] = [];
      while (roots.length < CLAIMS) {
        const { pieces } = await buyer.buy(site.vnd, COIN_MICRO, { count: limits.scripBuyCount });
        roots.push(...pieces.map(({ scrip }) => scrip.root));
      }
      return { site, roots, total: 0n };
    }),
  );
}

/** Each batch claims one base unit more of every root, and names the batch before it: one lane a site. */
async function redeem(
  office: Office,
  plan: { sites: readonly Redeemer[]; claims: number; batches: number; rounds: number },
): Promise<Speed> {
  const { crypto } = office.bench.env();
  const path = '/v1/scrip/redeem';
  const speeds: Speed[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const lanes = plan.sites.map((redeemer) => {
      const orders = Array.from({ length: plan.batches }, () => {
        redeemer.total++;
        const claims = redeemer.roots.slice(0, plan.claims).map((root) => ({ root, cum: redeemer.total }));
        const order = redeemer.site.redeemOrder(claims);
        redeemer.site.prev = objectHash(order, crypto);
        return order;
      });
      return queue(office, path, orders);
    });
    speeds.push(await window(office, { path, take: (lane) => lanes[lane]?.(lane), connections: plan.sites.length }));
  }
  return middle(speeds);
}

/** The orders one after the other, to whichever lane asks. */
function queue({ port }: Office, path: string, orders: readonly Order[]): Take {
  const requests = orders.map((order) => {
    const body = JSON.stringify(order);
    const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json`;
    return Buffer.from(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });
  let next = 0;
  return () => requests[next++];
}

async function window(
  { child, port }: Office,
  { path, take, connections }: { path: string; take: Take; connections: number },
): Promise<Speed> {
  const before = await child.call('cpuMicros', undefined);
  const { requests, statuses, elapsedMs } = await run(take, { port, connections, ms: 60_000 });
  const cpu = (await child.call('cpuMicros', undefined)) - before;
  if (statuses[200] !== requests) throw new Error(`${path}: not every answer was 200: ${JSON.stringify(statuses)}`);
  return { perSecond: (requests * 1000) / elapsedMs, cpuMicros: cpu / requests };
}

const middle = (speeds: readonly Speed[]): Speed => ({
  perSecond: median(speeds.map(({ perSecond }) => perSecond)),
  cpuMicros: median(speeds.map(({ cpuMicros }) => cpuMicros)),
});
