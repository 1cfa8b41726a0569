// Scrip at the broker: pieces sold, and claims of sites.
import { type Person, Site } from '@farthing/broker/testing';
import { limits, objectHash } from '@farthing/protocol';
import { freshName, type Office, PAYMENTS_OF_A_CLAIM, type Round, spread, type Trade, type Trades } from '../method.ts';
import { mustPay } from '../paid.ts';

const COIN_MICRO = 30_000n;
/** Sites that redeem at once: the batches of one site follow each other. */
const SITES = 16;

export function trades(office: Office): Trades {
  return {
    sales: sales(office, { name: 'sales', unit: 'sales', count: 1, posts: 4800 }),
    others: [
      sales(office, { name: 'sales/256', unit: 'sales', count: 1, posts: 4800, lanes: 256 }),
      sales(office, {
        ...{ name: 'pieces', unit: `pieces, ${limits.scripBuyCount} a sale` },
        ...{ count: limits.scripBuyCount, posts: 1200 },
      }),
      redemptions(office, { name: 'redemptions', unit: 'claims, 100 a batch', claims: 100, batches: 8 }),
      redemptions(office, { name: 'batches', unit: 'batches of one claim', claims: 1, batches: 40 }),
    ],
  };
}

type Sales = {
  readonly name: string;
  readonly unit: string;
  /** Pieces in a sale. */
  readonly count: number;
  /** Sales in a round; a quick run has half of them. */
  readonly posts: number;
  readonly lanes?: number;
};

function sales(office: Office, { name, unit, count, posts: most, lanes }: Sales): Trade {
  let site: Promise<Site> | undefined;
  let next = 0;
  const posts = office.quick ? most / 2 : most;
  return {
    name,
    unit,
    async round() {
      site ??= new Site(office.rich.bench, freshName('scrip')).open({ last: 1_000_000_000 });
      const { vnd } = await site;
      const orders = Array.from({ length: posts }, () => {
        const buyer = office.buyers[next++ % office.buyers.length] ?? office.rich;
        return { path: '/v1/scrip/buy', order: buyer.buyOrder(vnd, COIN_MICRO, { count }) };
      });
      return { lanes: spread(orders, lanes), done: posts * count };
    },
  };
}

type Plan = { readonly name: string; readonly unit: string; readonly claims: number; readonly batches: number };

/** Each batch claims more of every root, and names the batch before it: one lane a site. */
function redemptions({ rich }: Office, { name, unit, claims, batches }: Plan): Trade {
  let sites: Promise<Redeemer[]> | undefined;
  return {
    name,
    unit,
    ...(claims > 1 ? { also: { name: 'payments', unit: 'payments', each: PAYMENTS_OF_A_CLAIM } } : {}),
    async round(): Promise<Round> {
      sites ??= redeemers(rich, claims);
      const lanes = (await sites).map((redeemer) => Array.from({ length: batches }, () => batchOf(redeemer)));
      return { lanes, done: lanes.length * batches * claims };
    },
  };
}

type Redeemer = { readonly site: Site; readonly roots: readonly string[]; total: bigint };

function redeemers(buyer: Person, claims: number): Promise<Redeemer[]> {
  return Promise.all(
    Array.from({ length: SITES }, async () => {
      const site = await new Site(buyer.bench, freshName('scrip')).open();
      const roots: string[] = [];
      while (roots.length < claims) {
        const count = Math.min(limits.scripBuyCount, claims - roots.length);
        const { pieces } = await buyer.buy(site.vnd, COIN_MICRO, { count });
        roots.push(...pieces.map(({ scrip }) => scrip.root));
      }
      const redeemer = { site, roots, total: 0n };
      mustPay(await buyer.bench.send('/v1/scrip/redeem', batchOf(redeemer).order), BigInt(claims) * redeemer.total);
      return redeemer;
    }),
  );
}

function batchOf(redeemer: Redeemer) {
  const { site, roots } = redeemer;
  redeemer.total += BigInt(PAYMENTS_OF_A_CLAIM);
  const order = site.redeemOrder(roots.map((root) => ({ root, cum: redeemer.total })));
  site.prev = objectHash(order, site.bench.env().crypto);
  return { path: '/v1/scrip/redeem', order };
}
