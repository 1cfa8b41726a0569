// Coins of a site come back when it can claim them no more: from then until the end of their keyset the broker swaps them for coins
// that go everywhere (NetCash's window). Those that the site has claimed after all are gone.
import { phaseOf, purse as purses } from '@farthing/protocol/wallet';
import type { Context } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import { ownRecord } from '../journal.ts';
import { listDocs, type Transaction } from '../transaction.ts';
import { bundleIn } from './bundle.ts';
import { advanceJob, beginJob } from './jobs.ts';
import { bothMints, knownMint, type ListedMint } from './keysets.ts';
import { type CoinDoc, denominationsOf, ECASH, handyValues, MOST_COINS, sumOf, toPurseCoin } from './purse.ts';
import { readyMint } from './withdraw.ts';

/** @throws {PaymentProblem} as `advanceJob` */
export async function unlockCoins(ctx: Context, brk: string): Promise<void> {
  for (const { key, doc } of await listDocs(ctx.store, 'purse', keys.purse(ECASH, brk, ''))) {
    if (doc.coins.length === 0) continue;
    const site = await knownMint(ctx, brk, doc.vnd);
    const coins = reclaimable(doc, site, ctx.env().nowMs);
    if (coins.length > 0) await unlock(ctx, { brk, key, purse: doc, coins, site });
  }
}

function reclaimable({ coins }: Doc<'purse'>, { keysets }: ListedMint, nowMs: number): CoinDoc[] {
  const free = coins.filter(({ holder }) => holder === undefined).flatMap(({ piece }) => bundleIn(piece).coins);
  const isBack = ({ ks }: CoinDoc) => {
    const keyset = keysets.get(ks);
    return keyset !== undefined && phaseOf(keyset.record, nowMs) === 'reclaim';
  };
  return free.filter(isBack).slice(0, MOST_COINS);
}

type Locked = {
  readonly brk: string;
  readonly key: string;
  readonly purse: Doc<'purse'>;
  readonly coins: readonly CoinDoc[];
  readonly site: ListedMint;
};

async function unlock(ctx: Context, { brk, key, purse: { vnd, origin, api }, coins, site }: Locked): Promise<void> {
  const mint = bothMints(await readyMint(ctx, brk), site);
  const env = ctx.env();
  const micro = sumOf(coins);
  const values = handyValues(micro, denominationsOf(mint, env.nowMs));
  const own = coins.map(toPurseCoin);
  const record = ownRecord(ctx, brk, { kind: 'refund', amountMicro: micro, site: origin, method: ECASH });
  const id = await beginJob(ctx, brk, ({ purse }) => {
    const draft = purses.draft(purse, { values }, mint, env);
    const spent = purses.signedForSwap(own, draft.outputs, mint, env);
    return {
      ...{ kind: 'unlock' as const, draft, coins, micro, lock: { purse: key, vnd, origin, api } },
      ...{ journal: { ...record, why: 'unlock' }, members: { coins: spent.map((coin) => ({ ...coin })) } },
      also: { keys: [key], step: (tx) => takeOut(tx, key, coins) },
    };
  });
  await advanceJob(ctx, id);
}

/** @returns false: one of them was set aside meanwhile */
function takeOut(tx: Transaction, key: string, coins: readonly CoinDoc[]): boolean {
  const purse = tx.need('purse', key);
  const wanted = new Set(coins.map(({ pk }) => pk));
  const isIt = ({ holder, piece }: Doc<'purse'>['coins'][number]) =>
    holder === undefined && bundleIn(piece).coins.every(({ pk }) => wanted.has(pk));
  const rest = purse.coins.filter((coin) => !isIt(coin));
  if (purse.coins.length - rest.length !== coins.length) return false;
  tx.put('purse', key, { ...purse, coins: rest });
  return true;
}
