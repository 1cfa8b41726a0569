// A process of a broker without HTTP: orders that were signed before, as fast as so many callers that each wait for their answer.
import { type Desk, openDesk, Person, pieceOf, Site, soldOf, USD } from '@farthing/broker/testing';
import type { BatchTimes } from '@farthing/node-kit';
import { type JsonObject, type Order, objectHash, parseJson } from '@farthing/protocol';
import { answerCalls } from './harness/child.ts';
import { type Memory, memoryNow } from './harness/memory.ts';
import { inParallel } from './harness/parallel.ts';
import { endProfile, startProfile } from './harness/profiler.ts';

export type Place = { readonly data: string; readonly database?: string | undefined };
export type Work = { readonly what: 'sales' | 'redemptions'; readonly callers: number; readonly count: number };
export type Done = {
  readonly done: number;
  readonly ms: number;
  readonly cpuMicros: number;
  readonly batches: Batches;
};
/** Transactions of `work`: how many, of how many orders, and where their time went. */
export type Batches = { count: number; orders: number; turn: number; decide: number; server: number; commit: number };

export type LedgerApi = {
  /** `mark`: no other process has it. `buyers`: accounts that sales go to in turn. */
  open(at: { place: Place; mark: string; buyers?: number | undefined }): Promise<void>;
  /** Signs orders for the next `work`. */
  prepare(work: Work): Promise<void>;
  work(work: Work): Promise<Done>;
  memory(nothing: undefined): Promise<Memory>;
  profile(file: string): Promise<void>;
};

const RICH = 10n ** 15n;
const BUYERS = 64;
/** Sites that sales go to in turn. Of redemptions each caller is a site of its own: its batches follow each other. */
const SITES = 16;
/** Pieces in one purchase, claims in one batch. */
const PIECES = 20;
/** Batches of each site, or more. */
const BATCHES = 4;

const none = (): Batches => ({ count: 0, orders: 0, turn: 0, decide: 0, server: 0, commit: 0 });

function observe({ operations, commitMs, parts }: BatchTimes): void {
  batches.count++;
  batches.orders += operations;
  batches.commit += commitMs;
  batches.turn += parts?.turnMs ?? 0;
  batches.decide += parts?.decideMs ?? 0;
  batches.server += parts?.serverMs ?? 0;
}

let batches = none();
let desk: Desk | undefined;
let buyers: Person[] = [];
const sites: Site[] = [];
let siteMark = '';
/** Orders of one site follow each other: each line is asked in its order. */
let lines: Order[][] = [];

const opened = (): Desk => {
  if (!desk) throw new Error('no ledger is open');
  return desk;
};

async function ask(order: Order): Promise<JsonObject> {
  const answer = parseJson(await opened().answer(order)) as { result: JsonObject };
  return answer.result;
}

const buyerAt = (n: number): Person => buyers[n % buyers.length] as Person;
const siteAt = (n: number): Site => sites[n % SITES] as Site;

async function openSites(count: number): Promise<void> {
  while (sites.length < count) {
    const site = new Site(opened().bench, `${siteMark}${sites.length}.example`);
    await ask(site.registerOrder());
    await ask(site.licenceOrder(site.licence()));
    sites.push(site);
  }
}

/** A batch that redeems pieces which were sold for this. */
async function redemption(site: Site, n: number): Promise<Order> {
  const sold = soldOf(await ask(buyerAt(n).buyOrder(site.vnd, 10n, { count: PIECES })));
  const order = site.redeemOrder(sold.pieces.map(({ scrip }) => ({ root: scrip.root, cum: 10n })));
  site.prev = objectHash(order, opened().bench.env().crypto);
  return order;
}

answerCalls<LedgerApi>(
  {
    async open({ place, mark, buyers: count = BUYERS }) {
      desk = await openDesk(place, { observe });
      const { bench } = desk;
      buyers = Array.from({ length: count }, () => new Person(bench));
      siteMark = mark;
      await inParallel(buyers, BUYERS, (buyer) => ask(buyer.order('faucet/1', { amount: RICH.toString(), cur: USD })));
      await openSites(SITES);
      pieceOf(soldOf(await ask(buyerAt(0).buyOrder(siteAt(0).vnd, 1n))));
    },
    async prepare({ what, callers, count }) {
      if (what === 'sales') {
        const all = Array.from({ length: count }, (_, n) => buyerAt(n).buyOrder(siteAt(n).vnd, 1n));
        lines = Array.from({ length: callers }, (_, caller) => all.filter((_, n) => n % callers === caller));
        return;
      }
      await openSites(callers);
      const batches = Math.max(BATCHES, Math.ceil(count / PIECES / callers));
      lines = await Promise.all(
        sites.slice(0, callers).map(async (site, at) => {
          const line: Order[] = [];
          for (let n = 0; n < batches; n++) line.push(await redemption(site, at + n));
          return line;
        }),
      );
    },
    async work({ what }) {
      batches = none();
      const { user, system } = process.cpuUsage();
      const startMs = performance.now();
      const caller = async (line: readonly Order[]) => {
        for (const order of line) await opened().answer(order);
      };
      await Promise.all(lines.map(caller));
      const orders = lines.reduce((sum, line) => sum + line.length, 0);
      const used = process.cpuUsage({ user, system });
      return {
        done: what === 'sales' ? orders : orders * PIECES,
        ms: performance.now() - startMs,
        cpuMicros: used.user + used.system,
        batches,
      };
    },
    memory: memoryNow,
    profile: startProfile,
  },
  async () => {
    await endProfile();
    await desk?.close();
  },
);
