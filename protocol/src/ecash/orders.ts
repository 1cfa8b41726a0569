// What coins ask of the broker: `core/orders.ts` explains orders and answers. All are POST under /v1/ecash, but the keysets,
// which anyone may GET. Orders of people without an account are signed by a key that is used for that one order.
import * as v from 'valibot';
import { amt, amt0, amtText, boundedText, brk, cur, h32, id16, seconds, sig, u32, vnd } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import { orderSchema, prevBatch, redemptionSchema } from '../core/orders.ts';
import { outputSchema, rsaText, spentCoinSchema } from './coin.ts';
import { keyListSchema, keysetSchema } from './keyset.ts';

const outputs = v.pipe(v.array(outputSchema), v.minLength(1), v.maxLength(limits.coinsByReference));
const coins = v.pipe(v.array(spentCoinSchema), v.minLength(1), v.maxLength(limits.coinsByReference));
/** Blind signatures, one for each output, in order. */
const signatures = v.pipe(v.array(rsaText), v.maxLength(limits.coinsByReference));

/** GET /v1/ecash/keysets, of one site /v1/vendors/:vnd/keysets: signed, and the same for everybody. */
export const keysetsResult = v.object({
  list: keyListSchema,
  keysets: v.pipe(v.array(keysetSchema), v.maxLength(limits.keysets)),
});

/**
 * GET /v1/ecash/peers: brokers whose coins this one takes for its sites, on line, and in which currencies. `list` is the hash
 * of the key list that it has seen, which GET /v1/ecash/peers/:brk/keysets gives.
 */
export const ecashPeersSchema = v.object({
  typ: v.literal('ecash-peers/1'),
  brk,
  peers: v.pipe(
    v.array(
      v.strictObject({
        brk,
        root: h32,
        url: boundedText(300),
        list: h32,
        cur: v.pipe(v.array(cur), v.minLength(1), v.maxLength(8)),
      }),
    ),
    v.maxLength(limits.peers),
  ),
  at: seconds,
  sig,
});

export type EcashPeers = v.InferOutput<typeof ecashPeersSchema>;

/** GET /v1/ecash/locks: sites that have keysets of their own, the same answer for everybody. */
export const ecashLocksResult = v.object({ vendors: v.pipe(v.array(vnd), v.maxLength(limits.lockedSites)) });

/** /v1/ecash/lock: makes keysets whose coins are good at the site alone; those that exist are given again. */
export const ecashLockOrder = orderSchema('ecash-lock/1', {
  vnd,
  cur,
  denoms: v.pipe(v.array(amt), v.minLength(1), v.maxLength(limits.lockedDenominations)),
});

/** /v1/ecash/withdraw: coins for money of the account. */
export const ecashWithdrawOrder = orderSchema('ecash-withdraw/1', { cur, outputs });
export const ecashWithdrawResult = v.object({ signatures, balance: amt0, cur });

/** /v1/ecash/swap: coins for coins of the same value. `from` is a key for this order alone: no identity. */
export const ecashSwapOrder = orderSchema('ecash-swap/1', { cur, coins, outputs });
export const ecashSwapResult = v.object({ signatures });

/** /v1/ecash/credit: coins become money of the account that signs; each coin signs for that account. */
export const ecashCreditOrder = orderSchema('ecash-credit/1', { cur, coins });
export const ecashCreditResult = v.object({ credited: amt, balance: amt0, cur });

/**
 * Whose coins an order speaks of: a broker that the asked one clears with, which asks it in turn. Absent: its own. All
 * coins of one order are of one issuer.
 */
const issuer = v.exactOptional(brk);

/** What a payment binds, as in `coin-spend/1`; `goods` and `key` for sealed goods. */
const payment = {
  vnd,
  challengeId: h32,
  amount: amt,
  cur,
  exp: seconds,
  coins,
  change: v.exactOptional(outputs),
};

/** The broker's word that a payment is held for a site, or was paid to it: anyone can check it. */
export const depositReceiptSchema = v.strictObject({
  typ: v.literal('ecash-deposit/1'),
  brk,
  vnd,
  challengeId: h32,
  amount: amtText,
  cur,
  /** `coinSetHash` of the coins. */
  coins: h32,
  state: v.picklist(['held', 'paid']),
  /** The broker that presented them for the site, and is paid instead of it. */
  via: v.exactOptional(brk),
  /** Until then a held payment can be captured; then its coins are good again. */
  until: seconds,
  at: seconds,
  sig,
});

/** /v1/ecash/deposit: a site asks before it delivers. With `hold` the money waits for capture or void, else it is paid at once. */
export const ecashDepositOrder = orderSchema('ecash-deposit/1', { ...payment, issuer, hold: v.boolean() });
export const ecashDepositResult = v.object({ receipt: depositReceiptSchema, change: signatures });

const held = v.pipe(v.array(h32), v.minLength(1), v.maxLength(limits.redeemClaims));

/** /v1/ecash/capture: pays held payments, by challenge id. One that is not held any more is told in `gone`. */
export const ecashCaptureOrder = orderSchema('ecash-capture/1', { vnd, cur, issuer, held });
export const ecashCaptureResult = v.object({
  paid: v.array(h32),
  gone: v.array(h32),
  /** For brokers that clear with each other: when each of `paid` was paid. */
  paidAt: v.exactOptional(v.array(seconds)),
  balance: amt0,
  cur,
});

/** /v1/ecash/void: the handler failed; the coins are good again. */
export const ecashVoidOrder = orderSchema('ecash-void/1', { vnd, issuer, held });
export const ecashVoidResult = v.object({ freed: v.array(h32), gone: v.array(h32) });

const { change: _, vnd: __, ...locked } = payment;
/** One payment with coins that are locked to the site, as it was accepted off line. */
export const lockedClaim = v.strictObject(locked);

/** /v1/ecash/redeem: what a site took in locked coins. `prev` as for scrip. */
export const ecashRedeemOrder = orderSchema('ecash-redeem/1', {
  vnd,
  prev: prevBatch,
  claims: v.pipe(v.array(lockedClaim), v.minLength(1), v.maxLength(limits.redeemClaims)),
});
export const ecashRedeemResult = v.object({
  redemption: redemptionSchema,
  payments: v.array(v.object({ challengeId: h32, credited: amt0, alarm: v.exactOptional(v.string()) })),
  balance: amt0,
  cur,
});

/** /v1/ecash/restore: outputs as the seed gives them, in the order of their counters; signatures of those that were signed. */
export const ecashRestoreOrder = orderSchema('ecash-restore/1', {
  outputs: v.pipe(v.array(outputSchema), v.minLength(1), v.maxLength(limits.coinsToRestore)),
});
export const ecashRestoreResult = v.object({
  signatures: v.pipe(v.array(v.nullable(rsaText)), v.maxLength(limits.coinsToRestore)),
});

/**
 * A payment that was voided after its change went out: its coins are good no more one by one, and all together, as one set, for
 * what the payment was: in a swap, or for the same payment again. `coins`: hash of the set (`coinSetHash`).
 */
const voidedSet = v.object({ coins: h32, worth: amt });

/**
 * /v1/ecash/spent: which of these coins were spent, or are held for a site, or belong to a voided set: for a wallet that looks
 * for many of its own. Whoever knows a coin's key may ask; it is secret until the coin is spent.
 */
export const ecashSpentOrder = orderSchema('ecash-spent/1', {
  coins: v.pipe(v.array(h32), v.minLength(1), v.maxLength(limits.coinsToRestore)),
});
/** `sets`: the voided sets, and which of the coins that were asked for (by place) belong to each. */
export const ecashSpentResult = v.object({
  spent: v.pipe(v.array(v.boolean()), v.maxLength(limits.coinsToRestore)),
  sets: v.pipe(
    v.array(v.object({ ...voidedSet.entries, of: v.pipe(v.array(u32), v.maxLength(limits.coinsToRestore)) })),
    v.maxLength(limits.coinsToRestore),
  ),
});

/** /v1/ecash/prove: the coin's one-time key asks (`from` = pk) what became of it. `nonce` makes the answer this one. */
export const ecashProveOrder = orderSchema('ecash-prove/1', { nonce: id16 });
export const ecashProveResult = v.object({
  nonce: id16,
  state: v.picklist(['unspent', 'held', 'paid', 'voided', 'swapped']),
  deposit: v.exactOptional(depositReceiptSchema),
  /** Of a voided one. */
  set: v.exactOptional(voidedSet),
});
