// PayWord at the broker: chains sold and allotted, claims of sites, and sessions that end.
import { type Person, payword, Site } from '@farthing/broker/testing';
import { decode, objectHash } from '@farthing/protocol';
import { makeChain, type OwnChain, paywordTicketsResult, type Ticket } from '@farthing/protocol/wallet';
import { inParallel } from '../../harness/parallel.ts';
import {
  freshName,
  LANES,
  type Office,
  PAYMENTS_OF_A_CLAIM,
  type Post,
  type Round,
  spread,
  type Trade,
  type Trades,
} from '../method.ts';
import { mustPay } from '../paid.ts';

const UNIT_MICRO = 1500n;
/** Words of a chain that is sold and closed again. */
const WORDS = 100;
const SITES = 16;

export function trades(office: Office): Trades {
  return {
    sales: sales(office),
    others: [
      redemptions(office, { name: 'redemptions', unit: 'claims, 100 a batch', claims: 100, batches: 8 }),
      redemptions(office, { name: 'batches', unit: 'batches of one claim', claims: 1, batches: 40 }),
      closings(office),
    ],
  };
}

async function openSite(person: Person): Promise<Site> {
  const site = await new Site(person.bench, freshName('payword')).open();
  await person.bench.send('/v1/payword/keys', payword.keyOrder(site));
  return site;
}

/** A sale is two orders: one buys the chain, the next allots it. They follow each other on one connection. */
function sales(office: Office): Trade {
  let site: Promise<Site> | undefined;
  let next = 0;
  const count = office.quick ? 400 : 1000;
  return {
    name: 'sales',
    unit: 'sales of two orders',
    async round() {
      site ??= openSite(office.rich);
      const { vnd } = await site;
      const pairs = Array.from({ length: count }, (): Post[] => {
        const buyer = office.buyers[next++ % office.buyers.length] ?? office.rich;
        const own = makeChain(WORDS, { locked: false }, buyer.bench.env());
        return [
          { path: '/v1/payword/buy', order: payword.chainOrder(buyer, own, UNIT_MICRO) },
          { path: '/v1/payword/tickets', order: allotment(buyer, own, vnd) },
        ];
      });
      return { lanes: spread(pairs).map((lane) => lane.flat()), done: count };
    },
  };
}

const allotment = (buyer: Person, own: OwnChain, vnd: string) =>
  payword.ticketOrder(buyer, own, { vnd, first: 1, last: own.anchor.n, auth: 'hmac' });

async function buy(buyer: Person, vnd: string, n: number): Promise<{ own: OwnChain; ticket: Ticket }> {
  const own = await payword.buyChain(buyer, n, UNIT_MICRO, false);
  const result = await buyer.bench.send('/v1/payword/tickets', allotment(buyer, own, vnd));
  return { own, ticket: decode(paywordTicketsResult, result, 'broker-untrusted').ticket };
}

// ── claims ──────────────────────────────────────────────────────────────────────────────────────────────────────────

type Plan = { readonly name: string; readonly unit: string; readonly claims: number; readonly batches: number };

/** Each batch claims more words of every session, and names the batch before it: one lane a site. */
function redemptions({ rich, rounds }: Office, { name, unit, claims, batches }: Plan): Trade {
  let sites: Promise<Redeemer[]> | undefined;
  const words = (rounds * batches + 1) * PAYMENTS_OF_A_CLAIM;
  return {
    name,
    unit,
    ...(claims > 1 ? { also: { name: 'payments', unit: 'payments', each: PAYMENTS_OF_A_CLAIM } } : {}),
    async round(): Promise<Round> {
      sites ??= Promise.all(Array.from({ length: SITES }, () => redeemer(rich, claims, words)));
      const lanes = (await sites).map((one) =>
        Array.from({ length: batches }, () => ({ path: '/v1/payword/redeem', order: batchOf(one) })),
      );
      return { lanes, done: lanes.length * batches * claims };
    },
  };
}

type Redeemer = { readonly site: Site; readonly sessions: readonly Sold[]; sent: number };
type Sold = { readonly id: string; readonly words: readonly { i: number; w: string }[] };

async function redeemer(buyer: Person, claims: number, words: number): Promise<Redeemer> {
  const site = await openSite(buyer);
  const sessions: Sold[] = [];
  while (sessions.length < claims) {
    const { own, ticket } = await buy(buyer, site.vnd, words);
    sessions.push({ id: objectHash(ticket, buyer.bench.env().crypto), words: everyFew(own, PAYMENTS_OF_A_CLAIM) });
  }
  const one = { site, sessions, sent: 0 };
  const result = await buyer.bench.send('/v1/payword/redeem', batchOf(one));
  mustPay(result, BigInt(claims * PAYMENTS_OF_A_CLAIM) * UNIT_MICRO);
  return one;
}

/** Some words of a chain, lowest first. Each is the tip of the chain below it, so that all cost one walk. */
function everyFew({ anchor, tip }: OwnChain, few: number): Sold['words'] {
  const words = [{ i: anchor.n, w: tip }];
  for (let i = anchor.n - few; i > 0; i -= few) {
    const { i: n, w } = words.at(-1) ?? { i: anchor.n, w: tip };
    words.push({ i, w: payword.wordOf({ anchor: { ...anchor, n }, tip: w }, i) });
  }
  return words.reverse();
}

function batchOf(one: Redeemer) {
  const { site, sessions, sent } = one;
  const claims = sessions.map(({ id, words }) => {
    const { i, w } = words[sent] ?? { i: 0, w: '' };
    return { session: id, cum: (BigInt(i) * UNIT_MICRO).toString(), last: [{ a: 0, i, w }] };
  });
  one.sent++;
  const order = payword.wordsOrder(site, claims, site.prev);
  site.prev = objectHash(order, site.bench.env().crypto);
  return order;
}

// ── closing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A customer cashes what the site signed: the session ends, and the rest of its chain is paid back. */
function closings(office: Office): Trade {
  let site: Promise<Site> | undefined;
  const count = office.quick ? 200 : 500;
  return {
    name: 'close',
    unit: 'sessions closed and refunded',
    async round() {
      const { rich } = office;
      site ??= openSite(rich);
      const { vnd } = await site;
      const signer = await site;
      const turns = Array.from({ length: count }, (_, i) => i);
      const posts = await inParallel(turns, LANES, async () => {
        const { own, ticket } = await buy(rich, vnd, WORDS);
        const spent = WORDS / 2;
        const session = payword.ticketSession(rich.bench, own, ticket);
        const closing = payword.closing(signer, session, BigInt(spent) * UNIT_MICRO, spent);
        return { path: '/v1/payword/close', order: payword.closeOrder(rich, [closing], own) };
      });
      return { lanes: spread(posts), done: count };
    },
  };
}
