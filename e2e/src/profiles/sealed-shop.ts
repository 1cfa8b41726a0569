// A site that sells one sealed book, and a customer with an account: for the systems that sent the goods before the money.
import { strict as assert } from 'node:assert';
import { createHash, randomBytes } from 'node:crypto';
import { cheques, Person } from '@farthing/broker/testing';
import { fromBase64url, isKeyOf, Opener } from '@farthing/protocol';
import { type Slip, sealedIn, write } from './cheque-book.ts';
import type { Shop, Town } from './town.ts';
import { challengeOf } from './visit.ts';

export const PRICE = 1000n;
export const FUNDS = 100_000n;
const book = randomBytes(150_000);

export async function openBookshop(town: Town): Promise<{ shop: Shop; alice: Person }> {
  const shop = await town.shop({
    vnd: 'books.example',
    options: { methods: ['cheque'] },
    sell: (app, pay) => {
      app.get(
        '/book',
        pay.sealed({ price: '0.001 USD', media: 'application/pdf' }, () => book),
      );
    },
  });
  const alice = new Person(town.bench);
  await alice.faucet(FUNDS);
  return { shop, alice };
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
