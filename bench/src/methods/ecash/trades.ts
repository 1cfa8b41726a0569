// Coins at the broker: signed blindly for money of an account, and taken for a site. What is counted is coins.
import { randomBytes } from 'node:crypto';
import { Holder, Site } from '@farthing/broker/testing';
import { freshName, type Office, type Post, spread, type Trade, type Trades } from '../method.ts';

/** Coins of one withdrawal, and of one payment. */
const WITHDRAWN = 16;
const PAID = 2;

export function trades(office: Office): Trades {
  let opened: Promise<Party> | undefined;
  // One purse for all: two with the same seed would ask for the same coins.
  const party = () => {
    opened ??= open(office);
    return opened;
  };
  return { sales: withdrawals(office, party), others: [deposits(office, party)] };
}

/** The purse of an account that has money, and a site. */
type Party = { readonly one: Holder; readonly site: Site };

async function open({ rich }: Office): Promise<Party> {
  const one = new Holder(rich.bench, rich.seed);
  await one.learn();
  return { one, site: await new Site(rich.bench, freshName('ecash')).open() };
}

const drafts = (one: Holder, count: number) =>
  Array.from({ length: count }, () => one.draft(Array.from({ length: WITHDRAWN }, () => 1n)));

function withdrawals({ quick }: Office, party: () => Promise<Party>): Trade {
  const count = quick ? 100 : 300;
  return {
    name: 'withdraw',
    unit: `coins, ${WITHDRAWN} a withdrawal`,
    async round() {
      const { one } = await party();
      const posts = drafts(one, count).map(
        (made): Post => ({ path: '/v1/ecash/withdraw', order: one.withdrawOrder(made) }),
      );
      return { lanes: spread(posts), done: count * WITHDRAWN };
    },
  };
}

function deposits({ quick }: Office, party: () => Promise<Party>): Trade {
  const count = quick ? 50 : 150;
  return {
    name: 'deposit',
    unit: `coins, ${PAID} a payment`,
    async round() {
      const { one, site } = await party();
      for (const made of drafts(one, count)) {
        const { signatures } = await one.bench.send('/v1/ecash/withdraw', one.withdrawOrder(made));
        one.finish(made.planned, signatures);
      }
      const price = BigInt(PAID);
      const posts = Array.from({ length: (count * WITHDRAWN) / PAID }, (): Post => {
        const taken = one.take(price, { change: false });
        const payment = one.sign(taken, site, randomBytes(32).toString('base64url'), price);
        return { path: '/v1/ecash/deposit', order: site.order('ecash-deposit/1', { ...payment, hold: false }) };
      });
      return { lanes: spread(posts), done: count * WITHDRAWN };
    },
  };
}
