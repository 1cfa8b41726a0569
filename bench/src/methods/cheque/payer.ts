// Customers who write a cheque for each page, in turn, each on a certificate of the day that the site knows after their first.
import { Bench, cheques, Person } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import { printCredential, toBase64url } from '@farthing/protocol';
import { cheque as rules } from '@farthing/protocol/wallet';
import { type Payer, type Setup, TARGET } from '../../walls/wall.ts';
import { fresh, offerOf } from '../offer.ts';

const PRICE_MICRO = 1500n;
const CUSTOMERS = 64;
/** Fifty thousand pages for each of them. */
const LIMIT_MICRO = 75_000_000n;
const LIFE_SECONDS = 300;

export async function payer(url: string, { brokerUrl, secret }: Setup): Promise<Payer> {
  const broker = await new Bench().attach(brokerUrl);
  const { recipient: vnd } = (await offerOf(url + TARGET)).request;
  const books = await Promise.all(Array.from({ length: CUSTOMERS }, () => openBook(broker, vnd)));
  let next = 0;
  return {
    async pages(count) {
      const { challenge } = await offerOf(url + TARGET);
      return Array.from({ length: count }, () => {
        const book = books[next++ % books.length];
        if (!book) throw new Error('nobody has a certificate');
        const own = fresh(challenge, secret);
        const { nowMs } = nodeEnv();
        const wanted = {
          ...{ challengeId: own.id, vnd, amount: PRICE_MICRO, cur: book.cert.cur, capture: 'deferred' as const },
          exp: Math.floor(nowMs / 1000) + LIFE_SECONDS,
        };
        const cheque = rules.writeCheque({ cert: book.cert, seed: toBase64url(book.seed) }, wanted, nodeEnv());
        const payload = { cheque: { ...cheque }, cert: { ...book.cert } };
        return `Authorization: ${printCredential({ challenge: own, payload })}`;
      });
    },
    close: () => broker[Symbol.asyncDispose](),
  };
}

async function openBook(broker: Bench, vnd: string): Promise<cheques.Book> {
  const customer = new Person(broker);
  await customer.faucet(LIMIT_MICRO);
  return cheques.openBook(customer, { vnd, limit: LIMIT_MICRO, perDay: LIMIT_MICRO });
}
