// Paying sites for coins that were locked to them: they took them off line, and the mint sees them now for the first time. What
// is not in order is not paid, and kept with the signed batch.
import { type Currency, type JsonObject, limits, PaymentProblem } from '@farthing/protocol';
import { ecash, type ecashRedeemOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type EcashAlarm, KeysetOverdrawn } from '../ledger/ecash.ts';
import { account } from '../ledger/journal.ts';
import { paymentHash, record, useOf } from './ecash-payments.ts';
import { stop } from './keysets.ts';
import { redemptionOf } from './redemption.ts';
import type { OrderStep } from './step.ts';
import { ownVendor } from './vendors.ts';

type Order = v.InferOutput<typeof ecashRedeemOrder>;
type Claim = Order['claims'][number];

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `batch-conflict`, `request-malformed` */
export function redeem(batch: Order, step: OrderStep): JsonObject {
  const { ledger, env, signed } = step;
  const { from, rid, vnd, prev, claims } = batch;
  ownVendor(vnd, from, ledger);
  const last = ledger.ecash.lastBatch(vnd);
  if (prev !== last.hash) throw new PaymentProblem('batch-conflict', { members: { prev: last.hash } });
  const cur: Currency = claims[0]?.cur ?? 'usd-micro';
  const coins = claims.reduce((sum, claim) => sum + claim.coins.length, 0);
  if (claims.some((claim) => claim.cur !== cur) || coins > limits.redeemClaims) {
    throw new PaymentProblem('request-malformed', {
      detail: `claims: expected one currency and at most ${limits.redeemClaims} coins`,
    });
  }
  ledger.gather(() => {
    for (const { challengeId, coins: given } of claims) {
      ledger.ecash.payment(vnd, challengeId);
      for (const { pk } of given) ledger.ecash.useOf(pk);
    }
  });
  const hash = env.crypto.hashText(signed);
  const alarms: EcashAlarm[] = [];
  const payments: JsonObject[] = [];
  let credited = 0n;
  for (const [n, claim] of claims.entries()) {
    const why = pay(claim, vnd, step);
    const { challengeId, amount } = claim;
    if (why === undefined) credited += amount;
    else if (why !== 'again') alarms.push({ n, challenge: challengeId, why });
    const told = why === undefined || why === 'again' ? {} : { alarm: why };
    payments.push({ challengeId, credited: why === undefined ? amount.toString() : '0', ...told });
  }
  const row = { hash, vnd, n: last.n + 1, prev, from, rid, credited, fee: 0n };
  ledger.ecash.addBatch(row, alarms);
  if (credited > 0n) {
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'ecash-redeem',
      ref: hash,
      order: { from, rid },
      postings: [
        { account: account.ecash, cur, amount: -credited },
        { account: account.vendor(vnd), cur, amount: credited },
      ],
    });
  }
  return { ...redemptionOf(row, cur, step), payments };
}

/** `undefined`: it is paid now. `again`: it was paid before, by this claim. Else why it is not paid. */
function pay(claim: Claim, vnd: string, step: OrderStep): string | undefined {
  const { ledger, env } = step;
  const { challengeId, amount, cur, exp, coins } = claim;
  const use = useOf({ vnd, challenge: challengeId });
  const uses = coins.map(({ pk }) => ledger.ecash.useOf(pk));
  if (uses.every((known) => known === use)) return 'again';
  if (uses.some((known) => known !== undefined)) return 'coin-spent';
  if (ledger.ecash.payment(vnd, challengeId)) return 'challenge-reused';
  try {
    const terms = { challengeId, vnd, amount, cur, coins, exp };
    const made = ecash.deposit({ coins, terms, cur, hold: false }, ledger.ecash.mintKeys(), env);
    ledger.ecash.addTotals(made.totals);
    record({ terms, hash: paymentHash(terms, step), cur, change: [], state: 'paid' }, { ...step, via: '' });
    return undefined;
  } catch (error) {
    // The batch goes on: the coins before this one are paid.
    if (error instanceof KeysetOverdrawn) stop(error.ks, step);
    if (error instanceof PaymentProblem) return error.code;
    throw error;
  }
}
