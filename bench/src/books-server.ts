// Makes a ledger as long as it is wanted, by whole signed orders: pieces that are bought, and claims that grow batch by batch.
import { type Desk, openDesk, Person, Site, soldOf, USD } from '@farthing/broker/testing';
import { type JsonObject, limits, type Order, objectHash, parseJson } from '@farthing/protocol';
import { answerCalls } from './harness/child.ts';
import { inParallel } from './harness/parallel.ts';
import type { Place } from './ledger-server.ts';

export type BooksApi = {
  /** So many lines of the journal, or a few more. */
  make(what: { place: Place; lines: number }): Promise<Made>;
  /** Lines so far. */
  progress(nothing: undefined): number;
};
/** `site`, `account`: one of those whose lines these are, and how many it has. */
export type Made = {
  readonly lines: number;
  readonly orders: number;
  readonly site: string;
  readonly siteLines: number;
};

/** So long ago that it may be archived. */
const AGO_MS = 440 * 86_400_000;
const RICH_MICRO = 10n ** 15n;
const SITES = 16;
/** Claims in one batch, and how often each piece is claimed: what is spent at a site a little each day. */
const CLAIMS = 100;
const TIMES = 9;
const WIDTH = 8;

let lines = 0;
let orders = 0;

async function ask(desk: Desk, order: Order): Promise<JsonObject> {
  orders++;
  const answer = parseJson(await desk.answer(order)) as { result: JsonObject };
  return answer.result;
}

async function opened(desk: Desk, n: number): Promise<Site> {
  const site = new Site(desk.bench, `site${n}.example`);
  await ask(desk, site.registerOrder());
  await ask(desk, site.licenceOrder(site.licence({ last: 1_000_000_000 })));
  return site;
}

/** Buys pieces of a site, and redeems each of them so many times. @returns how many lines the site's own account has */
async function trade(desk: Desk, { buyer, site, pieces }: { buyer: Person; site: Site; pieces: number }) {
  const each = limits.scripBuyCount;
  const bought = await inParallel(Array.from({ length: Math.ceil(pieces / each) }), WIDTH, async () => {
    const sold = soldOf(await ask(desk, buyer.buyOrder(site.vnd, BigInt(TIMES), { count: each })));
    lines += each + 1;
    return sold.pieces.map(({ scrip }) => scrip.root);
  });
  const roots = bought.flat();
  let own = 0;
  for (let cum = 1n; cum <= TIMES; cum++) {
    for (let from = 0; from < roots.length; from += CLAIMS) {
      const order = site.redeemOrder(roots.slice(from, from + CLAIMS).map((root) => ({ root, cum })));
      site.prev = objectHash(order, desk.bench.env().crypto);
      await ask(desk, order);
      lines += Math.min(CLAIMS, roots.length - from) + 1;
      own++;
    }
  }
  return own;
}

answerCalls<BooksApi>({
  async make({ place, lines: wanted }) {
    const desk = await openDesk(place, { offsetMs: -AGO_MS });
    try {
      const buyers = Array.from({ length: SITES }, () => new Person(desk.bench));
      for (const buyer of buyers) await ask(desk, buyer.order('faucet/1', { amount: RICH_MICRO.toString(), cur: USD }));
      lines += 2 * SITES;
      const pieces = Math.ceil(wanted / SITES / (TIMES + 1));
      const parties = await inParallel(buyers, 1, async (buyer, n) => ({ buyer, site: await opened(desk, n), pieces }));
      const own = await inParallel(parties, SITES, (party) => trade(desk, party));
      return { lines, orders, site: parties[0]?.site.vnd ?? '', siteLines: own[0] ?? 0 };
    } finally {
      await desk.close();
    }
  },
  progress: () => lines,
});
