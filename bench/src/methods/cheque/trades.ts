// Cheques at the broker: decided one by one before their site delivers, and paid in batches after it has served them.
import { cheques, type Person, Site } from '@farthing/broker/testing';
import { objectHash } from '@farthing/protocol';
import { freshName, type Office, type Post, type Round, spread, type Trade, type Trades } from '../method.ts';

const PRICE_MICRO = 1_000n;
/** What a certificate allows in a day: more than a round spends. */
const DAY_MICRO = 1_000_000_000n;
/** Sites that redeem at once: the batches of one site follow each other. */
const SITES = 8;
const CLAIMS = 100;

export function trades(office: Office): Trades {
  return { sales: captures(office), others: [redemptions(office)] };
}

type Till = { readonly site: Site; readonly book: cheques.Book; prev: string };

async function open({ bench }: Person, customer: Person, limit: bigint): Promise<Till> {
  const site = await new Site(bench, freshName('cheque')).open();
  const book = await cheques.openBook(customer, { vnd: site.vnd, limit, perDay: DAY_MICRO });
  return { site, book, prev: '' };
}

function captures({ rich, quick, buyers }: Office): Trade {
  let opened: Promise<readonly Till[]> | undefined;
  let next = 0;
  const posts = quick ? 500 : 1200;
  return {
    name: 'capture',
    unit: 'captures',
    async round() {
      opened ??= Promise.all(buyers.slice(0, 50).map((buyer) => open(rich, buyer, 0n)));
      const tills = await opened;
      const orders = Array.from({ length: posts }, (): Post[] => {
        const till = tills[next++ % tills.length];
        if (!till) return [];
        const { site, book } = till;
        const order = cheques.captureOrder(site, cheques.write(site, book, PRICE_MICRO), book);
        return [{ path: '/v1/cheque/capture', order }];
      });
      return { lanes: spread(orders.flat()), done: posts };
    },
  };
}

function redemptions({ rich, quick, rounds, buyers }: Office): Trade {
  let opened: Promise<readonly Till[]> | undefined;
  const batches = quick ? 3 : 8;
  const limit = PRICE_MICRO * BigInt(CLAIMS * batches * (rounds + 1));
  return {
    name: 'claims',
    unit: `cheques, ${CLAIMS} a batch`,
    async round(): Promise<Round> {
      opened ??= Promise.all(buyers.slice(0, SITES).map((buyer) => open(rich, buyer, limit)));
      const tills = await opened;
      const lanes = tills.map((till) => Array.from({ length: batches }, () => batchOf(till)));
      return { lanes, done: tills.length * batches * CLAIMS };
    },
  };
}

function batchOf(till: Till): Post {
  const { site, book } = till;
  const served = Array.from({ length: CLAIMS }, () => {
    return { cheque: cheques.write(site, book, PRICE_MICRO, { capture: 'aggregated' }), book };
  });
  const order = cheques.chequesOrder(site, served, till.prev);
  till.prev = objectHash(order, site.bench.env().crypto);
  return { path: '/v1/cheque/redeem', order };
}
