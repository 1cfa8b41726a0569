// The till of coins: a payment takes several, locked to the site or good everywhere, and plans the coins of its change in the same
// step. The broker is not asked, and neither is anybody else.
import {
  canonicalJson,
  type Env,
  type JsonObject,
  type PayInput,
  PaymentProblem,
  readRequest,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import { changeOf, coinSecret, payWithCoins, type purse as purses } from '@farthing/protocol/wallet';
import { type Context, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import type { Found } from '../offers.ts';
import { loseCoin } from '../orders.ts';
import type { Sent, Taken, Taking, Till } from '../till.ts';
import { readOne, type Transaction } from '../transaction.ts';
import { bundled, bundleIn, lockedIn, unbundled } from './bundle.ts';
import { type Choice, choose, listsOf, termsOf } from './choice.ts';
import { fundCoins } from './fund.ts';
import { mintIn } from './keysets.ts';
import { LOCK_WITHIN_MS, randomTime } from './later.ts';
import { mendLater } from './mend.ts';
import { coinKeysOf, putCoins, sumOf, toDocs } from './purse.ts';

export const coinTill: Till = {
  async able(ctx, found) {
    const { brk, price } = found;
    const [purse, money, choice] = await Promise.all([
      readOne(ctx.store, 'purse', found.purse),
      readOne(ctx.store, 'money', keys.money(brk)),
      choose(ctx, found),
    ]);
    if (choice) return { ready: true, shortMicro: 0n };
    const here = sumOf(lockedIn(purse?.coins ?? []).map(({ coin }) => coin));
    const all = (money?.accountMicro ?? 0n) + (money?.cashMicro ?? 0n) + here;
    return { ready: false, shortMicro: price > all ? price - all : 0n };
  },

  async plan(ctx, found, shown) {
    const choice = await choose(ctx, found);
    return choice ? takingOf(ctx, found, { choice, shown }) : { keys: [], take: () => 'short' };
  },

  fund: fundCoins,

  keysOf(ctx, { id, sending }) {
    const { lock, coins, planned } = bundleIn(sending.coin.piece);
    const brk = brokerOf(sending.purse);
    const restoring = keys.restoring(brk);
    const wish = keys.later(brk, purseVnd(sending.purse));
    if (lock === 'vendor') return [restoring];
    const change = ctx.hasWords ? planned.map((place) => ({ pk: pkOf(ctx, brk, place) })) : [];
    return [restoring, wish, keys.mint(brk), keys.coinJob(id), ...coinKeysOf(brk, [...coins, ...change])];
  },

  accept(tx, ctx, { sent: { id, record, sending }, input: { receipt } }) {
    const { lock, planned } = bundleIn(sending.coin.piece);
    const purse = tx.need('purse', sending.purse);
    const { brk } = purse;
    const mint = planned.length > 0 ? mintIn(tx, ctx, brk) : undefined;
    const change = mint ? toDocs(changeOf(receipt, planned, mint, ctx.env()), mint) : [];
    const backMicro = sumOf(change);
    const put = () => {
      tx.put('purse', sending.purse, { ...purse, coins: purse.coins.filter(({ holder }) => holder !== id) });
      putCoins(tx, brk, change);
      move(tx, brk, { heldMicro: -sending.coin.micro, cashMicro: backMicro });
      if (lock === 'none') wishForLocked(tx, ctx, { purse, record, sending });
    };
    return { backMicro, put };
  },

  release(tx, ctx, sent, { status }) {
    if (bundleIn(sent.sending.coin.piece).lock === 'vendor') return freeLocked(tx, sent);
    // What was sent may have reached the broker: it says what the coins are worth now.
    if (status !== undefined) return mendLater(tx, ctx, sent);
    const purse = tx.need('purse', sent.sending.purse);
    const { coins } = bundleIn(sent.sending.coin.piece);
    tx.put('purse', sent.sending.purse, { ...purse, coins: purse.coins.filter(({ holder }) => holder !== sent.id) });
    putCoins(tx, purse.brk, coins);
    move(tx, purse.brk, { heldMicro: -sumOf(coins), cashMicro: sumOf(coins) });
  },

  lose(tx, ctx, sent) {
    const { coin, purse } = sent.sending;
    const { lock, coins } = bundleIn(coin.piece);
    // Nobody but a copy of this wallet could have spent them: the broker is asked after all coins before more are made.
    tx.put('restoring', keys.restoring(brokerOf(purse)), { atMs: ctx.env().nowMs });
    if (lock === 'none') mendLater(tx, ctx, sent);
    else if (coins.length === 1) return loseCoin(tx, purse, sent.id);
    // Which of them it was only the broker knows, once the site has claimed it. They pay nobody until it says.
    else freeLocked(tx, sent, { ended: true });
    return 0n;
  },
};

const pkOf = (ctx: Context, brk: string, place: purses.Planned): string =>
  toBase64url(ctx.env().crypto.publicKey(coinSecret({ seed: ctx.coinSeed(brk), ...place })));

const brokerOf = (purse: string): string => purse.split('/')[2] ?? '';
const purseVnd = (purse: string): string => purse.split('/')[3] ?? '';

/** A site that has coins of its own was paid with others: some for the next payments are had when nobody waits. */
function wishForLocked(
  tx: Transaction,
  ctx: Context,
  { purse: { brk, vnd }, record, sending }: Pick<Sent, 'record' | 'sending'> & { purse: Doc<'purse'> },
): void {
  const request = readRequest(sending.challenge);
  const key = keys.later(brk, vnd);
  if (!request || listsOf({ request, brk }).locked === undefined || tx.has(key)) return;
  const lock = { purse: sending.purse, site: record.site ?? '', challenge: sending.challenge };
  tx.put('later', key, { dueAtMs: randomTime(ctx.env(), LOCK_WITHIN_MS), lock });
}

function takingOf(ctx: Context, found: Found, { choice, shown }: { choice: Choice; shown: PayInput }): Taking {
  const { brk, purse: purseKey } = found;
  const { coins, change, mint, lock } = choice;
  const { challenge, request } = shown;
  const outputs = change?.outputs ?? [];
  const own = coins.map(({ ks, pk, sig, counter }) => ({ coin: { ks, pk, sig }, counter }));
  const env = ctx.env();
  const { payload } = payWithCoins({ challenge, request, brk, coins: own, change: outputs }, mint, env);
  const planned = (change?.planned ?? []).map((place) => ({ ...place }));
  const held = bundled({ lock, coins: [...coins], planned }, mint);
  const ends = coins.map(({ ks }) => (mint.keysets.get(ks)?.record.spendUntil ?? 0) * 1000);
  const isShort = coins.length + planned.length <= termsOf(found).maxCoins;
  const shownAs = isShort ? { payload } : byReference(payload, env);
  const taken: Taken = { amount: found.price, held, ...shownAs, repeatUntilMs: Math.min(...ends) };
  const generic = [keys.counters(brk), keys.restoring(brk), ...coinKeysOf(brk, coins)];
  return {
    keys: [purseKey, ...(lock === 'none' ? generic : [])],
    take(tx, { id }) {
      const taker = lock === 'vendor' ? takeLocked : takeFree;
      return taker(tx, found, { choice, holding: { ...held, holder: id } }) ? taken : 'moved';
    },
  };
}

function byReference(payload: JsonObject, { crypto }: Env): Pick<Taken, 'payload' | 'posted'> {
  const posted = canonicalJson(payload);
  return { posted, payload: { ref: toBase64url(crypto.sha256(utf8(posted))) } };
}

type Take = { readonly choice: Choice; readonly holding: Doc<'purse'>['coins'][number] };

/** Coins out of the site's purse. @returns false: others took one of them */
function takeLocked(tx: Transaction, { purse: key, brk }: Found, { choice, holding }: Take): boolean {
  const purse = tx.get('purse', key);
  if (!purse) return false;
  const wanted = new Set(choice.coins.map(({ pk }) => pk));
  const found = new Set(
    lockedIn(purse.coins)
      .filter(({ coin }) => wanted.has(coin.pk))
      .map(({ stored }) => stored),
  );
  if (found.size !== wanted.size) return false;
  tx.put('purse', key, { ...purse, coins: [...purse.coins.filter((one) => !found.has(one)), holding] });
  move(tx, brk, { coinsMicro: -holding.micro, heldMicro: holding.micro });
  return true;
}

/** Coins that go everywhere, and the counters of the change. @returns false: others took one of them, or used a counter */
function takeFree(tx: Transaction, found: Found, { choice, holding }: Take): boolean {
  const { brk, purse: key, method, origin, api } = found;
  const { recipient: vnd, currency } = found.request;
  const next = tx.get('counters', keys.counters(brk))?.next ?? {};
  const used = choice.coins.map(({ pk }) => keys.coin(brk, pk));
  const isMoved = choice.change !== undefined && canonicalJson(next) !== canonicalJson({ ...choice.before });
  if (isMoved || tx.has(keys.restoring(brk)) || !used.every((coin) => tx.has(coin))) return false;
  for (const coin of used) tx.drop(coin);
  if (choice.change) tx.put('counters', keys.counters(brk), { next: { ...choice.change.purse.next } });
  const purse = tx.get('purse', key) ?? { brk, vnd, method: method.name, currency, origin, api, coins: [] };
  tx.put('purse', key, { ...purse, origin, api, coins: [...purse.coins, holding] });
  move(tx, brk, { cashMicro: -holding.micro, heldMicro: holding.micro });
  return true;
}

/** Each coin of a payment by itself again. `ended`: no payment takes it. */
function freeLocked(tx: Transaction, { id, sending }: Sent, mark: { ended?: true } = {}): void {
  const purse = tx.need('purse', sending.purse);
  const held = purse.coins.find(({ holder }) => holder === id);
  if (!held) throw new PaymentProblem('storage-fault', { detail: 'the coins of a payment are missing' });
  const free = unbundled(bundleIn(held.piece), held.expiresAtMs).map((coin) => ({ ...coin, ...mark }));
  tx.put('purse', sending.purse, { ...purse, coins: [...purse.coins.filter((one) => one !== held), ...free] });
  move(tx, purse.brk, { heldMicro: -held.micro, coinsMicro: held.micro });
}
