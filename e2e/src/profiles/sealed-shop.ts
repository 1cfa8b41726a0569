// A site that sells one sealed book, a reader whose wallet buys it, and a customer by hand: for the systems that sent the goods
// before the money.
import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { cheques, Person } from '@farthing/broker/testing';
import { fromBase64url, isKeyOf, Opener } from '@farthing/protocol';
import type { Wallet } from '@farthing/wallet';
import { type Got, getGoods } from '@farthing/wallet/node';
import { type Slip, sealedIn, write } from './cheque-book.ts';
import type { Shop, Town } from './town.ts';
import { challengeOf } from './visit.ts';

export const PRICE = 1000n;
export const FUNDS = 100_000n;
const book = randomBytes(150_000);

export const openBookshop = (town: Town): Promise<Shop> =>
  town.shop({
    vnd: 'books.example',
    options: { methods: ['cheque'] },
    sell: (app, pay) => {
      app.get(
        '/book',
        pay.sealed({ price: '0.001 USD', media: 'application/pdf' }, () => book),
      );
    },
  });

// ── by the wallet ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What stands between a wallet and a site. */
export type Wire = (request: Request) => Promise<Response>;

export class Reader {
  readonly wallet: Wallet;
  readonly #shop: Shop;
  readonly #file: string;

  private constructor(wallet: Wallet, shop: Shop, file: string) {
    this.wallet = wallet;
    this.#shop = shop;
    this.#file = file;
  }

  static async open(town: Town, shop: Shop): Promise<Reader> {
    const wallet = await town.wallet({ micro: FUNDS, trusts: [shop] });
    return new Reader(wallet, shop, town.newPath());
  }

  /** Buys the book as `farthing get` does; run again, it goes on where it stopped. */
  buy(wire: Wire = fetch): Promise<Got> {
    return getGoods({
      wallet: this.wallet,
      url: `${this.#shop.url}/book`,
      file: () => this.#file,
      fetch: (input, init) => wire(new Request(input, init)),
      paying: { tries: 1 },
    });
  }

  get hasBook(): boolean {
    return existsSync(this.#file) && readFileSync(this.#file).equals(book);
  }

  async spent(): Promise<bigint> {
    return FUNDS - (await this.wallet.balance({ refresh: true })).totalMicro;
  }
}

export const isPaid = ({ headers }: Request): boolean => headers.has('authorization');

/** The site is paid, and its answer never comes. `after`: what happens meanwhile. */
export const losingAnswers =
  (after: () => Promise<void> = async () => undefined): Wire =>
  async (request) => {
    const answer = await fetch(request);
    if (!isPaid(request)) return answer;
    await answer.body?.cancel();
    await after();
    throw new TypeError('the connection broke');
  };

// ── by hand ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export async function byHand({ bench }: Town): Promise<Person> {
  const alice = new Person(bench);
  await alice.faucet(FUNDS);
  return alice;
}

/** The ciphertext, which is free and what was offered, and the cheque for its key. */
export async function fetchSealed({ url }: Shop, alice: Person): Promise<Slip & { sealed: Buffer; kc: string }> {
  const challenge = await challengeOf(`${url}/book`);
  const offer = sealedIn(challenge);
  assert.ok(offer);
  const sealed = Buffer.from(await (await fetch(url + offer.url)).arrayBuffer());
  assert.equal(digest(sealed), offer.ct);
  const held = await cheques.openBook(alice, { vnd: '*' });
  return { challenge, book: held, cheque: write(challenge, held, alice), sealed, kc: offer.kc };
}

export const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url');

/** @throws {Error} the key does not open what was fetched, or it is another book */
export function mustOpen({ sealed, kc }: { sealed: Buffer; kc: string }, key: unknown): void {
  assert.ok(typeof key === 'string' && isKeyOf(key, kc));
  const opener = new Opener(fromBase64url(key) ?? new Uint8Array());
  const [parts, last] = [opener.push(sealed), opener.end()];
  assert.ok(parts && last && Buffer.concat([...parts, last]).equals(book));
}
