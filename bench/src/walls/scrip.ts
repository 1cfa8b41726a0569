// Farthing's own wall, as a site owner writes it. Each payment spends a fresh piece and gets change: a coin that the
// broker sold pays twenty pages, which is one spend of the coin itself and nineteen of change.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bench, Person } from '@farthing/broker/testing';
import { nodeEnv } from '@farthing/node-kit';
import {
  type Challenge,
  canonicalJson,
  challengeId,
  limits,
  type PaymentRequest,
  printCredential,
  readChallenges,
  readOpaque,
  readRequest,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import { certify, type Scrip } from '@farthing/protocol/broker';
import { type ScripPiece, scripWallet } from '@farthing/protocol/wallet';
import { farthing, memory, sqlite, type VendorStore } from '@farthing/vendor';
import { PAGE, type Setup, TARGET, type Wall } from './wall.ts';

export const PRICE_MICRO = 1500n;
const PAGES_OF_A_COIN = 20n;
/** Change of the load's own making is numbered far above what the site will ever lease, and never the same twice. */
const firstSerial = (): bigint => 10n ** 14n + BigInt(randomInt(2 ** 47));

export const storePath = ({ folder }: Pick<Setup, 'folder'>): string => join(folder, 'site.db');

const scripWall = (store: (setup: Setup) => VendorStore): Wall => ({
  async mount(app, page, setup) {
    const { brokerUrl: broker, folder: data, secret } = setup;
    const pay = await farthing({ broker, data, secret, store: store(setup), name: 'Benchmark' });
    app.get(PAGE, pay.wall({ price: '0.0015 USD', description: 'An article' }), page);
    app.use('/farthing', pay.routes());
    return { drain: () => pay.redeemNow(), close: () => pay.close() };
  },
  payer,
});

export const scripMemory = scripWall(() => memory());
export const scripSqlite = scripWall((setup) => sqlite(storePath(setup)));

async function payer(url: string, setup: Setup): Promise<(count: number) => Promise<string[]>> {
  const pieces = await purse(url, setup);
  return async (count) => {
    const offer = await offerOf(url);
    const paid: string[] = [];
    while (paid.length < count) {
      const { value: piece } = await pieces.next();
      paid.push(`Authorization: ${pay(piece, fresh(offer, setup.secret))}`);
    }
    return paid;
  };
}

/** Coins bought of the real broker, each followed by the change that it leaves page after page. */
async function* purse(url: string, { brokerUrl, folder }: Setup): AsyncGenerator<ScripPiece, never> {
  const { crypto } = nodeEnv();
  const { recipient: vnd } = readRequestOf(await offerOf(url));
  const change = changeSecret(folder);
  await using broker = await new Bench().attach(brokerUrl);
  let buyer = new Person(broker);
  let serial = firstSerial();
  for (let orders = 0; ; orders++) {
    // An account may ask the faucet for so much an hour; then somebody else comes.
    if (orders % 50 === 0) buyer = await rich(broker);
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
  await person.faucet(PRICE_MICRO * PAGES_OF_A_COIN * BigInt(limits.scripBuyCount) * 50n);
  return person;
}

/** The key that the site certifies its change with, as it lies in its data folder: 32 bytes, then those of customers. */
const changeSecret = (folder: string): Uint8Array =>
  new Uint8Array(Buffer.from(readFileSync(join(folder, 'keys', 'scrip-v1.secret'), 'utf8').trim(), 'base64url')).slice(
    0,
    32,
  );

async function offerOf(url: string): Promise<Challenge> {
  const answer = await fetch(url + TARGET);
  await answer.body?.cancel();
  const [offer] = readChallenges([answer.headers.get('www-authenticate') ?? '']);
  if (answer.status !== 402 || !offer) throw new Error(`${url}${TARGET} did not ask for money: ${answer.status}`);
  return offer;
}

/** The same offer with a nonce of its own, as the site would have made it for the next visitor. */
function fresh({ id: _, ...offer }: Challenge, secret: Uint8Array): Challenge {
  const { nowMs, random, crypto } = nodeEnv();
  const opaque = toBase64url(utf8(canonicalJson({ ...readOpaque({ id: '', ...offer }), n: toBase64url(random(12)) })));
  const expires = `${new Date(nowMs + limits.challengeLifeMs).toISOString().slice(0, 19)}Z`;
  const parts = { ...offer, expires, opaque };
  return { id: challengeId(parts, secret, crypto), ...parts };
}

export function pay(piece: ScripPiece, challenge: Challenge): string {
  const input = { challenge, request: readRequestOf(challenge), target: `GET ${TARGET}`, digest: '' };
  return printCredential({ challenge, payload: scripWallet.pay(piece, input, nodeEnv()) });
}

function readRequestOf(challenge: Challenge): PaymentRequest {
  const request = readRequest(challenge);
  if (!request) throw new Error('the offer cannot be read');
  return request;
}
