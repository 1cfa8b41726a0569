// A customer who writes cheques and a site that presents them, over real HTTP, for tests.
import { createHash, randomBytes } from 'node:crypto';
import { nativeAead } from '@farthing/node-kit';
import {
  contentKey,
  type DayCert,
  type JsonObject,
  keyCommitment,
  type Order,
  objectHash,
  Sealer,
  toBase64url,
} from '@farthing/protocol';
import { type Cheque, type ChequeReceipt, chequeCertsResult, chequeHash } from '@farthing/protocol/broker';
import { signCheque } from '@farthing/protocol/wallet';
import * as v from 'valibot';
import { type Bench, type Person, type Reply, type Site, USD } from './client.ts';

/** A certificate with its day key. */
export type Book = { readonly cert: DayCert; readonly seed: Uint8Array };
export type Wish = { vnd: string; limit?: bigint; perDay?: bigint; pk?: string };

export const challenge = (): string => randomBytes(32).toString('base64url');

export const certsOrder = (person: Person, wishes: readonly (Wish & { pk: string })[], level?: number): Order =>
  person.order('cheque-certs/1', {
    cur: USD,
    ...(level === undefined ? {} : { level }),
    keys: wishes.map(({ vnd, limit = 0n, perDay = 1_000_000n, pk }) => {
      return { vnd, limit: limit.toString(), perDay: perDay.toString(), pk };
    }),
  });

/** Day keys, certified in one order. */
export async function openBooks(person: Person, wishes: readonly Wish[], level?: number): Promise<Book[]> {
  const { crypto, random } = person.bench.env();
  const seeds = wishes.map(() => random(32));
  const keyed = wishes.map((wish, i) => ({ ...wish, pk: toBase64url(crypto.publicKey(seeds[i] ?? random(32))) }));
  const result = await person.bench.send('/v1/cheque/certs', certsOrder(person, keyed, level));
  const { certs } = v.parse(chequeCertsResult, result);
  return certs.map((cert, i) => ({ cert, seed: seeds[i] ?? random(32) }));
}

export async function openBook(person: Person, wish: Wish, level?: number): Promise<Book> {
  const [book] = await openBooks(person, [wish], level);
  if (!book) throw new Error('no certificate');
  return book;
}

export function write({ bench, vnd }: Site, { cert, seed }: Book, amount: bigint, more: Partial<Cheque> = {}): Cheque {
  const { sig: _, ...over } = more;
  const now = Math.floor(bench.env().nowMs / 1000);
  const unsigned = {
    typ: 'cheque/1' as const,
    ...{ epoid: challenge(), brk: cert.brk, sub: cert.sub, vnd, amount: amount.toString(), cur: USD },
    capture: 'now' as const,
    exp: Math.min(now + 300, cert.exp),
    ...over,
  };
  return signCheque(unsigned, seed, bench.env().crypto);
}

export const captureOrder = (site: Site, cheque: Cheque, { cert }: Book, more: JsonObject = {}): Order =>
  site.order('cheque-capture/1', { cheque: { ...cheque }, cert: { ...cert }, hold: false, ...more });

/** What became of a cheque that a site presented. */
export async function present(site: Site, cheque: Cheque, book: Book, more: JsonObject = {}): Promise<ChequeReceipt> {
  const { receipt } = await site.bench.send('/v1/cheque/capture', captureOrder(site, cheque, book, more));
  return receipt as unknown as ChequeReceipt;
}

export const settleOrder = (site: Site, ends: { capture?: string[]; void?: string[] }): Order =>
  site.order('cheque-settle/1', { vnd: site.vnd, cur: USD, capture: [], void: [], ...ends });

export const settle = (site: Site, ends: { capture?: string[]; void?: string[] }): Promise<JsonObject> =>
  site.bench.send('/v1/cheque/settle', settleOrder(site, ends));

export const authorizeOrder = (site: Site, { cert }: Book, spent: bigint, amount: bigint): Order =>
  site.order('cheque-authorize/1', {
    ...{ vnd: site.vnd, sub: cert.sub, certExp: cert.exp, cur: USD },
    spent: spent.toString(),
    amount: amount.toString(),
  });

export const outcomeOrder = (person: Person, cheque: Cheque, { cert }: Book): Order =>
  person.order('cheque-outcome/1', { cheque: { ...cheque }, certExp: cert.exp });

/** The yes of a person to a cheque, for five minutes. */
export const approveOrder = (person: Person, cheque: Cheque): Order => {
  const { crypto, nowMs } = person.bench.env();
  const exp = Math.floor(nowMs / 1000) + 300;
  return person.order('cheque-approve/1', { cheque: chequeHash(cheque, crypto), amount: cheque.amount, exp });
};

export const refundOrder = (site: Site, { epoid }: Cheque, amount: bigint): Order =>
  site.order('cheque-refund/1', { vnd: site.vnd, epoid, amount: amount.toString(), cur: USD });

export type Served = { readonly cheque: Cheque; readonly book: Book };
const heads = new WeakMap<Site, string>();

export const chequesOrder = (site: Site, served: readonly Served[], prev = heads.get(site) ?? ''): Order =>
  site.order('cheque-redeem/1', {
    vnd: site.vnd,
    prev,
    claims: served.map(({ cheque, book }) => ({
      cheque: { ...cheque },
      certExp: book.cert.exp,
      certSig: book.cert.sig,
    })),
  });

export type RedeemedCheques = { cheques: { epoid: string; credited: string; alarm?: string }[]; balance: string };

/** Claims what was served, after the last batch. */
export async function redeemCheques(site: Site, ...served: Served[]): Promise<RedeemedCheques> {
  const order = chequesOrder(site, served);
  const result = await site.bench.send('/v1/cheque/redeem', order);
  heads.set(site, objectHash(order, site.bench.env().crypto));
  return result as unknown as RedeemedCheques;
}

/** Sealed goods: what is fetched, and what a cheque says of it. `promised`: the plaintext that the site swears to. */
export function sealGoods(plain: Uint8Array, promised = plain) {
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64url');
  const key = contentKey(randomBytes(32), { item: 'map', pt: hash(promised) });
  const sealer = new Sealer(key, nativeAead);
  const ciphertext = Buffer.concat([...sealer.push(plain), sealer.end()]);
  const goods = { ct: hash(ciphertext), kc: keyCommitment(key), pt: hash(promised) };
  return { key: toBase64url(key), ciphertext, goods };
}

/** Sends back the ciphertext of a payment. */
export function dispute(person: Person, cheque: Cheque, { cert }: Book, ciphertext: Buffer): Promise<Reply> {
  const order = person.order('cheque-dispute/1', { cheque: { ...cheque }, certExp: cert.exp });
  return sendDispute(person.bench, order, ciphertext);
}

export const sendDispute = (bench: Bench, order: Order, ciphertext: Buffer): Promise<Reply> =>
  bench.post('/v1/cheque/dispute', ciphertext, {
    'content-type': 'application/octet-stream',
    'farthing-order': Buffer.from(JSON.stringify(order)).toString('base64url'),
  });
