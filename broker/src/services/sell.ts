// Selling scrip: for money of an account or for broker scrip, and against releases (refund, renewal).
import { type Currency, type JsonObject, PaymentProblem } from '@farthing/protocol';
import { type buyOrder, type refundOrder, type renewOrder, type Scrip, scrip } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account, type Posting } from '../ledger/journal.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { onFloat } from '../ledger/scrip.ts';
import { spendFunds } from './funds.ts';
import { licenceFor } from './licences.ts';
import type { OrderStep, Step } from './step.ts';

type Pieces = scrip.Issued['pieces'];
type Wish = { vnd: string; cur: Currency; val: bigint; count: number; ttlMs: number; bearer: boolean; buyer?: string };

/** @throws {PaymentProblem} `vendor-unknown`, licence and balance problems, those of broker scrip */
export function buy(order: v.InferOutput<typeof buyOrder>, step: OrderStep): JsonObject {
  const { from, rid, vnd, val, cur, count, ttl, use, funds } = order;
  if (!step.ledger.vendors.has(vnd)) throw new PaymentProblem('vendor-unknown');
  const total = val * BigInt(count);
  const wish = { vnd, cur, val, count, ttlMs: ttl * 1000, bearer: use === 'bearer', ...(funds ? {} : { buyer: from }) };
  const issued = make(wish, step);
  // Change of broker scrip may be made under the same licence. Else the money is asked for first: a customer who is short of it is
  // refused before anything is changed, which spares all orders beside this one to be decided again.
  if (funds) keep(issued, step);
  const paid = funds
    ? spendFunds(funds, { total, cur }, step)
    : { postings: [{ account: account.user(from), cur, amount: -total }], change: undefined };
  step.ledger.journal.post({
    atMs: step.env.nowMs,
    kind: 'scrip-buy',
    ref: vnd,
    order: { from, rid },
    postings: [...paid.postings, ...issued.postings],
  });
  if (!funds) keep(issued, step);
  return answer({ from, cur, pieces: issued.pieces, change: paid.change }, step);
}

export function foreseeBuy(
  { from, vnd, cur }: v.InferOutput<typeof buyOrder>,
  { vendors, scrip: book, journal }: Ledger,
): void {
  vendors.has(vnd);
  book.liveLicences(vnd, cur, 0);
  journal.foresee([account.user(from)], cur);
}

/** @throws {PaymentProblem} `release-invalid`, `release-used` */
export function refund({ from, rid, release, as }: v.InferOutput<typeof refundOrder>, step: OrderStep): JsonObject {
  const { ledger, keys, env } = step;
  const { left, cur, posting } = cash(release, from, step);
  const wish = { vnd: keys.brk, cur, val: left, count: 1, ttlMs: BROKER_SCRIP_LIFE_MS, bearer: false, buyer: from };
  const issued =
    as === 'scrip' && left > 0n
      ? keep(make(wish, step), step)
      : { pieces: [], postings: [{ account: account.user(from), cur, amount: left }] };
  if (left > 0n) {
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'scrip-refund',
      ref: release.vnd,
      order: { from, rid },
      postings: [posting, ...issued.postings],
    });
  }
  return answer({ from, cur, pieces: issued.pieces, change: undefined }, step);
}

/** @throws {PaymentProblem} `release-invalid`, `release-used`, licence problems */
export function renew({ from, rid, release, ttl }: v.InferOutput<typeof renewOrder>, step: OrderStep): JsonObject {
  const { ledger, env } = step;
  const { left, cur, posting } = cash(release, from, step);
  if (left === 0n) throw new PaymentProblem('release-invalid', { detail: 'release.left: expected more than 0' });
  const wish = { vnd: release.vnd, cur, val: left, count: 1, ttlMs: ttl * 1000, bearer: false, buyer: from };
  const issued = keep(make(wish, step), step);
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'scrip-renew',
    ref: release.vnd,
    order: { from, rid },
    postings: [posting, ...issued.postings],
  });
  return answer({ from, cur, pieces: issued.pieces, change: undefined }, step);
}

/** Broker scrip is money to keep: it lives for half a year. */
const BROKER_SCRIP_LIFE_MS = 180 * 86_400_000;

type Made = scrip.Issued & { postings: Posting[] };

/** Decides, and changes nothing yet. */
function make({ vnd, cur, val, count, ttlMs, bearer, buyer }: Wish, step: Step): Made {
  const licence = licenceFor({ vnd, cur, val, count }, step);
  const issued = scrip.issue(licence, { val, count, ttlMs, bearer, buyer }, step.env);
  return { ...issued, postings: issued.roots.map((root) => onFloat(root, root.face)) };
}

function keep(made: Made, { ledger }: Step): Made {
  ledger.scrip.setLicence(made.row);
  for (const root of made.roots) ledger.scrip.addRoot(root);
  return made;
}

function cash(release: v.InferOutput<typeof refundOrder>['release'], from: string, { ledger, env }: Step) {
  if (release.to !== from) {
    throw new PaymentProblem('release-invalid', { detail: 'release.to: expected the account that asks' });
  }
  const vendor = ledger.vendors.get(release.vnd);
  const before = ledger.scrip.root(release.vnd, release.root);
  if (!vendor || !before) throw new PaymentProblem('release-invalid');
  const { root, credit } = scrip.refund(before, release, vendor.pk, env);
  ledger.scrip.setRoot(root);
  return { left: credit, cur: root.cur, posting: onFloat(root, -credit) };
}

type Sold = { from: string; cur: Currency; pieces: Pieces; change: Scrip | undefined };

function answer({ from, cur, pieces, change }: Sold, { ledger }: Step): JsonObject {
  const balance = ledger.journal.shown(account.user(from), cur);
  return { pieces, ...(change ? { change } : {}), balance, cur };
}
