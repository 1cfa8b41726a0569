// Pays with coins, of the site or of everywhere. Those of the site are withdrawn as such: a wallet swaps them once more
// beforehand, so that nobody knows whose they are, which is nothing to the site.
import { Bench, Holder } from '@farthing/broker/testing';
import { type Challenge, limits, printCredential } from '@farthing/protocol';
import { type Payer, type Setup, TARGET } from '../../walls/wall.ts';
import { fresh, offerOf } from '../offer.ts';
import { COINS, PRICE_MICRO } from './coins.ts';

const FUNDS_MICRO = 10n ** 12n;
/** Payments whose coins are withdrawn with one order. */
const TOGETHER = Math.floor(limits.coinsByReference / COINS.length);

type Terms = { readonly locked: boolean };

export const payer =
  (terms: Terms) =>
  async (url: string, setup: Setup): Promise<Payer> => {
    const broker = await new Bench().attach(setup.brokerUrl);
    const { vnd, one } = await open(broker, url, terms);
    return payerOf(url, setup, { broker, payments: purse(one, vnd, terms) });
  };

type Purse = AsyncGenerator<(challenge: Challenge) => string, never>;

function payerOf(url: string, { secret }: Setup, { broker, payments }: { broker: Bench; payments: Purse }): Payer {
  return {
    async pages(count) {
      const { challenge } = await offerOf(url + TARGET);
      const paid: string[] = [];
      while (paid.length < count) {
        const { value: sign } = await payments.next();
        paid.push(`Authorization: ${sign(fresh(challenge, secret))}`);
      }
      return paid;
    },
    close: () => broker[Symbol.asyncDispose](),
  };
}

async function open(broker: Bench, url: string, { locked }: Terms): Promise<{ vnd: string; one: Holder }> {
  const { recipient: vnd } = (await offerOf(url + TARGET)).request;
  const one = new Holder(broker);
  await one.faucet(FUNDS_MICRO);
  if (locked) await one.learn(`/v1/vendors/${vnd}/keysets`);
  else await one.learn();
  return { vnd, one };
}

/** Each pays once. Coins are withdrawn when they are needed, the next while the last are spent. */
async function* purse(one: Holder, vnd: string, { locked }: Terms): Purse {
  const lock = locked ? { vnd } : {};
  const values = Array.from({ length: TOGETHER }, () => COINS).flat();
  const withdraw = async () => {
    const { planned, outputs } = one.draft(values, lock.vnd);
    const { signatures } = await one.bench.send('/v1/ecash/withdraw', one.withdrawOrder({ outputs }));
    return { planned, signatures };
  };
  for (let next = withdraw(); ; ) {
    const { planned, signatures } = await next;
    next = withdraw();
    one.finish(planned, signatures);
    for (let n = 0; n < TOGETHER; n++) {
      const taken = one.take(PRICE_MICRO, { ...lock, change: false });
      yield (challenge) => {
        const { coins, exp } = one.sign(taken, { vnd }, challenge.id, PRICE_MICRO);
        const payload = { brk: one.bench.public.brk, exp: Number(exp), coins };
        return printCredential({ challenge, payload });
      };
    }
  }
}
