// Proofs for third parties: of a payment or gift of this wallet, or of one of its coins. Their one-time keys ask the broker.
import { canonicalJson, type JsonObject, makeOrder, type Order, PaymentProblem, toBase64url } from '@farthing/protocol';
import { type CoinProof, checkCoinProof, coinSecret, nonceFor, type purse as purses } from '@farthing/protocol/wallet';
import { post } from '../broker.ts';
import type { Context } from '../context.ts';
import { keys } from '../documents.ts';
import { readOne } from '../transaction.ts';
import { bundleIn } from './bundle.ts';
import { bothMints, knownMint } from './keysets.ts';
import { type CoinDoc, ECASH } from './purse.ts';

/** `id`: of a payment with coins, of a gift, or the key `pk` of a coin in this wallet. `for`: whom it is for. */
export type Proving = { readonly id: string; readonly for?: string };

type Found = { readonly brk: string; readonly vnd?: string; readonly coins: readonly CoinDoc[] };

export async function prove(ctx: Context, { id, for: whom }: Proving): Promise<CoinProof> {
  const { crypto, random } = ctx.env();
  const { brk, vnd, coins } = await coinsOf(ctx, id);
  const free = await knownMint(ctx, brk);
  const mint = vnd === undefined ? free : bothMints(free, await knownMint(ctx, brk, vnd));
  const named = [...new Set(coins.map(({ ks }) => ks))].map((ks) => mint.keysets.get(ks)?.record);
  const keysets = named.flatMap((record) => (record ? [record] : []));
  if (keysets.length < named.length) {
    throw new PaymentProblem('keyset-unknown', { detail: 'its broker does not list the key of these coins any more' });
  }
  const nonce = whom === undefined ? toBase64url(random(16)) : nonceFor(whom, crypto);
  const told = [];
  for (const coin of coins) told.push(await ask(ctx, { brk, coin, nonce, mint }));
  const { keys: broker } = ctx.broker(brk);
  const proof: CoinProof = {
    ...{ typ: 'coin-proof/1', broker, keysets, nonce, coins: told },
    ...(whom === undefined ? {} : { for: whom }),
  };
  // Nobody is handed a proof that does not hold.
  checkCoinProof(proof, { crypto, ...(mint.rsa ? { rsa: mint.rsa } : {}) });
  return proof;
}

/** @throws {PaymentProblem} `not-found` */
async function coinsOf(ctx: Context, id: string): Promise<Found> {
  ctx.needAccount();
  const journal = await readOne(ctx.store, 'journal', keys.journal(id));
  if (journal?.sending && journal.record.method === ECASH) {
    const purse = await readOne(ctx.store, 'purse', journal.sending.purse);
    if (purse) return { brk: purse.brk, vnd: purse.vnd, coins: bundleIn(journal.sending.coin.piece).coins };
  }
  const gift = await readOne(ctx.store, 'gift', keys.gift(id));
  if (gift) return { brk: gift.brk, coins: gift.coins };
  for (const brk of ctx.brokers.keys()) {
    const coin = await readOne(ctx.store, 'coin', keys.coin(brk, id));
    if (coin) return { brk, coins: [coin] };
  }
  throw new PaymentProblem('not-found', { detail: `no payment with coins, gift or coin ${id} in this wallet` });
}

type Asking = { brk: string; coin: CoinDoc; nonce: string; mint: purses.Mint };

/** @throws {PaymentProblem} `broker-unreachable`, `broker-untrusted`, `wallet-locked` */
async function ask(ctx: Context, { brk, coin, nonce, mint }: Asking) {
  const { ks, pk, sig, counter } = coin;
  const seed = coinSecret({ seed: mint.seed, ks, counter });
  const order: Order = makeOrder('ecash-prove/1', { nonce }, seed, ctx.env());
  const posted = await post(ctx, ctx.broker(brk), { path: '/v1/ecash/prove', body: canonicalJson(order) });
  if (posted.kind === 'refused') throw posted.problem;
  // `post` has read it as an object.
  return { coin: { ks, pk, sig }, order, answer: posted.answer as JsonObject };
}
