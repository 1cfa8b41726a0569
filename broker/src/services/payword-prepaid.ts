// PayWord prepaid: selling chains, allotting their indices to sites, and paying back what no ticket can claim.
import {
  type Currency,
  canonicalJson,
  fromBase64url,
  type JsonObject,
  openBox,
  PaymentProblem,
} from '@farthing/protocol';
import {
  payword,
  type paywordBuyOrder,
  type paywordCloseOrder,
  type paywordKeyOrder,
  type paywordTicketsOrder,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { account, type Posting } from '../ledger/journal.ts';
import { type ChainRow, onChain } from '../ledger/payword.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} `chain-taken`, `request-malformed`, `balance-short` */
export function buy(order: v.InferOutput<typeof paywordBuyOrder>, step: OrderStep): JsonObject {
  const { from, rid, anchor, unit, cur, ttl } = order;
  const { ledger, env } = step;
  const user = account.user(from);
  const taken = ledger.payword.chain(anchor.id) !== undefined;
  const sold = payword.sellChain({ anchor, unit, cur, ttlMs: ttl * 1000 }, { account: user, taken }, env);
  const chain = { ...sold, credited: 0n };
  ledger.payword.addChain(chain);
  const price = payword.priceOf(chain);
  ledger.journal.post({
    atMs: env.nowMs,
    kind: 'payword-buy',
    ref: chain.id,
    order: { from, rid },
    postings: [{ account: user, cur, amount: -price }, onChain(chain, price)],
  });
  const { id, next, exp, closed } = chain;
  return {
    chain: { id, n: anchor.n, unit: unit.toString(), next, exp, closed },
    balance: ledger.journal.shown(user, cur),
    cur,
  };
}

/** @throws {PaymentProblem} `chain-unknown`, `vendor-unknown`, `chain-closed`, `range-invalid`, `request-malformed` */
export function allot(order: v.InferOutput<typeof paywordTicketsOrder>, step: OrderStep): JsonObject {
  const { chainId, vnd, first, last, auth } = order;
  const { ledger, keys, env } = step;
  const before = ownChain(chainId, order.from, step);
  if (!ledger.vendors.has(vnd)) throw new PaymentProblem('vendor-unknown');
  const key = auth === 'hmac' ? ledger.credit.key(vnd) : undefined;
  if (auth === 'hmac' && !key) {
    throw new PaymentProblem('request-malformed', {
      detail: 'auth: the site shares no key with this broker, use ed25519',
    });
  }
  const parts = { issuer: keys, ...(key ? { key } : {}) };
  const { chain, ticket, deal } = payword.allot(before, { vnd, from: first, to: last }, parts, env);
  ledger.payword.setChain({ ...before, ...chain });
  ledger.payword.addDeal({ deal, feeBps: ledger.credit.terms().feeBps, doc: canonicalJson({ ticket }) });
  return { ticket };
}

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `request-malformed` */
export function shareKey(order: v.InferOutput<typeof paywordKeyOrder>, step: OrderStep): JsonObject {
  const { from, rid, vnd, box } = order;
  const { ledger, keys } = step;
  ownVendor(vnd, from, ledger);
  const sealed = fromBase64url(box);
  const key = sealed && openBox(keys.boxSecret, sealed, `payword-key ${vnd}`);
  if (key?.length !== 32) {
    throw new PaymentProblem('request-malformed', { detail: 'box: expected 32 bytes sealed to this broker and site' });
  }
  ledger.credit.putKey(vnd, { key, rid });
  return { vnd };
}

/**
 * Takes the closings of sites; with `refund` the chain ends and what no ticket can claim returns at once.
 * @throws {PaymentProblem} `close-invalid`, `chain-unknown`, `request-malformed`, `balance-full`
 */
export function close(order: v.InferOutput<typeof paywordCloseOrder>, step: OrderStep): JsonObject {
  const { from, rid, closings, chainId, rest } = order;
  const { ledger, env } = step;
  if (rest === 'refund' && chainId === undefined) {
    throw new PaymentProblem('request-malformed', { detail: 'chainId: expected the chain to refund' });
  }
  const user = account.user(from);
  const chainNow = () => (chainId === undefined ? undefined : ownChain(chainId, from, step));
  chainNow();
  let cur: Currency = 'usd-micro';
  for (const closing of closings) cur = takeClosing(closing, user, step) ?? cur;
  const chain = chainNow();
  cur = chain?.cur ?? cur;
  const ended = chain && rest === 'refund' ? endChain(chain, step) : undefined;
  if (ended && ended.credit > 0n) {
    ledger.journal.post({
      atMs: env.nowMs,
      kind: 'payword-close',
      ref: ended.chain.id,
      order: { from, rid },
      postings: [ended.posting, { account: user, cur, amount: ended.credit }],
    });
  }
  return {
    refunded: (ended?.credit ?? 0n).toString(),
    ...(chain && !ended && !chain.closed ? { next: chain.next } : {}),
    balance: ledger.journal.shown(user, cur),
    cur,
  };
}

type Closing = v.InferOutput<typeof paywordCloseOrder>['closings'][number];

/**
 * A commitment that was never claimed is not known here and needs no closing. @returns the currency of a known one
 * @throws {PaymentProblem} `close-invalid`
 */
function takeClosing(closing: Closing, user: string, { ledger, env }: Step): Currency | undefined {
  const known = ledger.payword.deal(closing.session);
  if (!known) return undefined;
  const { deal } = known;
  const before = deal.funding === 'prepaid' ? ledger.payword.chain(deal.source) : undefined;
  const vendorKey = ledger.vendors.get(closing.vnd)?.pk;
  if ((before?.account ?? deal.source) !== user || vendorKey === undefined) throw new PaymentProblem('close-invalid');
  const taken = payword.takeClose(deal, closing, { vendorKey, ...(before ? { chain: before } : {}) }, env);
  ledger.payword.setDeal({ ...known, deal: taken.deal }, deal);
  if (before && taken.chain) ledger.payword.setChain({ ...before, ...taken.chain });
  return deal.cur;
}

/** No more tickets: writes the rows, and says what returns and from where. The caller books it, unless it is nothing. */
export function endChain(
  before: ChainRow,
  { ledger, env }: Step,
): { chain: ChainRow; credit: bigint; posting: Posting } {
  const known = ledger.payword.tickets(before.id);
  const nowMs = secondsOf(env.nowMs) * 1000;
  const done = payword.refundChain(
    before,
    known.map(({ deal }) => deal),
    nowMs,
  );
  const chain = { ...before, ...done.chain };
  ledger.payword.setChain(chain);
  for (const [i, deal] of done.deals.entries()) {
    const row = known[i];
    if (row && row.deal.claimable !== deal.claimable) ledger.payword.setDeal({ ...row, deal }, row.deal);
  }
  return { chain, credit: done.credit, posting: onChain(chain, -done.credit) };
}

/** Only its buyer learns that a chain exists. @throws {PaymentProblem} `chain-unknown` */
function ownChain(id: string, from: string, { ledger }: Step): ChainRow {
  const chain = ledger.payword.chain(id);
  if (!chain || chain.account !== account.user(from)) throw new PaymentProblem('chain-unknown');
  return chain;
}
