// Paying sites: cumulative claims per piece, in batches that are hash-linked. Only pieces that were sold here are paid.
import { type Currency, type JsonObject, PaymentProblem } from '@farthing/protocol';
import { type redeemOrder, scrip } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { carried } from '../keys.ts';
import { account, type Posting } from '../ledger/journal.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { onFloat } from '../ledger/scrip.ts';
import type { AlarmRow } from '../ledger/vendors.ts';
import { redemptionOf } from './redemption.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

type Claims = v.InferOutput<typeof redeemOrder>['claims'];

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `batch-conflict` */
export function redeem(batch: v.InferOutput<typeof redeemOrder>, step: OrderStep): JsonObject {
  const { ledger, env, signed } = step;
  const { from, rid, vnd, prev } = batch;
  ownVendor(vnd, from, ledger);
  const last = ledger.vendors.lastBatch(vnd);
  if (prev !== last.hash) throw new PaymentProblem('batch-conflict', { members: { prev: last.hash } });
  const hash = env.crypto.hashText(signed);
  const { postings, alarms, roots, credited, fee, cur } = settle(vnd, batch.claims, step);
  const row = { hash, vnd, n: last.n + 1, prev, from, rid, credited, fee };
  ledger.vendors.addBatch(row, alarms);
  if (postings.length > 0) {
    ledger.journal.post({ atMs: env.nowMs, kind: 'scrip-redeem', ref: hash, order: { from, rid }, postings });
  }
  return { ...redemptionOf(row, cur, step), roots };
}

export function foresee({ vnd, claims }: v.InferOutput<typeof redeemOrder>, ledger: Ledger): void {
  ledger.vendors.get(vnd);
  ledger.vendors.lastBatch(vnd);
  for (const { root } of claims) ledger.scrip.root(vnd, root);
  for (const cur of carried) ledger.journal.foresee([account.vendor(vnd), account.fees], cur);
}

type Settled = {
  postings: Posting[];
  alarms: AlarmRow[];
  roots: JsonObject[];
  credited: bigint;
  fee: bigint;
  cur: Currency;
};

/** A batch is in one currency, that of the first piece known: its sums are one number. */
function settle(vnd: string, claims: Claims, { ledger, env }: Step): Settled {
  const out: Settled = { postings: [], alarms: [], roots: [], credited: 0n, fee: 0n, cur: 'usd-micro' };
  // Each is read once, however often it is claimed.
  const roots = new Map(claims.map(({ root }) => [root, ledger.scrip.root(vnd, root)]));
  const first = [...roots.values()].find((root) => root !== undefined);
  if (first) out.cur = first.cur;
  claims.forEach(({ root, cum }, n) => {
    const before = roots.get(root);
    if (before && before.cur !== out.cur) {
      throw new PaymentProblem('request-malformed', { detail: `claims.${n}: expected a piece in ${out.cur}` });
    }
    const paid = scrip.redeem(before, { vnd, cum }, env.nowMs);
    const increase = paid.credit + paid.fee;
    if (paid.root && increase > 0n) {
      ledger.scrip.setRoot(paid.root);
      roots.set(root, paid.root);
      out.postings.push(onFloat(paid.root, -increase));
      out.credited += paid.credit;
      out.fee += paid.fee;
    }
    if (paid.alarm) out.alarms.push({ n, root, cum, why: paid.alarm });
    out.roots.push({ root, credited: increase.toString(), ...(paid.alarm ? { alarm: paid.alarm } : {}) });
  });
  if (out.credited > 0n) out.postings.push({ account: account.vendor(vnd), cur: out.cur, amount: out.credited });
  if (out.fee > 0n) out.postings.push({ account: account.fees, cur: out.cur, amount: out.fee });
  return out;
}
