// Pays with scrip: each payment spends a fresh piece and gets change. A coin that the broker sold pays twenty pages,
// which is one spend of the coin itself and nineteen of change.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bench, Person } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import { type Challenge, limits, printCredential } from '@farthing/protocol';
import { certify, type Scrip } from '@farthing/protocol/broker';
import { type ScripPiece, scripWallet } from '@farthing/protocol/wallet';
import { type Payer, type Setup, TARGET } from '../../walls/wall.ts';
import { PAYMENTS_OF_A_CLAIM } from '../method.ts';
import { fresh, offerOf, requestOf } from '../offer.ts';

const PRICE_MICRO = 1500n;
const PAGES_OF_A_COIN = BigInt(PAYMENTS_OF_A_CLAIM);
/** An account may ask the faucet for so much an hour; then somebody else comes. */
const ORDERS_OF_ONE = 50;
/** Change of the load's own making is numbered far above what the site will ever lease, and never the same twice. */
const firstSerial = (): bigint => 10n ** 14n + BigInt(randomInt(2 ** 47));

export async function payer(url: string, setup: Setup): Promise<Payer> {
  const broker = await new Bench().attach(setup.brokerUrl);
  const pieces = purse(url, setup, broker);
  return {
    async pages(count) {
      const { challenge } = await offerOf(url + TARGET);
      const paid: string[] = [];
      while (paid.length < count) {
        const { value: piece } = await pieces.next();
        paid.push(`Authorization: ${pay(piece, fresh(challenge, setup.secret))}`);
      }
      return paid;
    },
    close: () => broker[Symbol.asyncDispose](),
  };
}

/** Coins bought of the real broker, each followed by the change that it leaves page after page. */
async function* purse(url: string, { folder }: Setup, broker: Bench): AsyncGenerator<ScripPiece, never> {
  const { crypto } = nodeEnv();
  const { recipient: vnd } = (await offerOf(url + TARGET)).request;
  const change = changeSecret(folder);
  let buyer = new Person(broker);
  let serial = firstSerial();
  for (let orders = 0; ; orders++) {
    if (orders % ORDERS_OF_ONE === 0) buyer = await rich(broker);
    const sold = await buyer.buy(vnd, PRICE_MICRO * PAGES_OF_A_COIN, { count: limits.scripBuyCount });
    for (const { scrip: coin, csec } of sold.pieces) {
      for (let left = PAGES_OF_A_COIN; left > 0n; left--) {
        const { mac: _, ...blank } = coin;
        const val = (PRICE_MICRO * left).toString();
        const scrip: Scrip =
          left === PAGES_OF_A_COIN ? coin : certify({ ...blank, id: `v1.${serial++}`, val }, change, crypto);
        yield { scrip, csec, brk: broker.public.brk };
      }
    }
  }
}

async function rich(broker: Bench): Promise<Person> {
  const person = new Person(broker);
  await person.faucet(PRICE_MICRO * PAGES_OF_A_COIN * BigInt(limits.scripBuyCount * ORDERS_OF_ONE));
  return person;
}

/** The key that the site certifies its change with, as it lies in its data folder: 32 bytes, then those of customers. */
const changeSecret = (folder: string): Uint8Array =>
  new Uint8Array(Buffer.from(readFileSync(join(folder, 'keys', 'scrip-v1.secret'), 'utf8').trim(), 'base64url')).slice(
    0,
    32,
  );

function pay(piece: ScripPiece, challenge: Challenge): string {
  const input = { challenge, request: requestOf(challenge), target: `GET ${TARGET}`, digest: '' };
  return printCredential({ challenge, payload: scripWallet.pay(piece, input, nodeEnv()) });
}
