// The other side of `foreign-take.ts` and `foreign-end.ts`: coins of ours, presented by a broker that we clear with, for a site
// of its own. The site's own signature says how much and for what; the other broker can hand it on, and nothing else.
import {
  checkOrder,
  decode,
  type JsonObject,
  type Order,
  PaymentProblem,
  type peerForwardOrder,
  verifyObject,
} from '@farthing/protocol';
import { ecashCaptureOrder, ecashDepositOrder, ecashVoidOrder } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { PeerRow } from '../ledger/peers.ts';
import { free, pay } from './ecash-holds.ts';
import { take, type ViaStep } from './ecash-payments.ts';
import type { OrderStep } from './step.ts';

/**
 * @throws {PaymentProblem} `peer-unknown`, `signature-invalid`, `vendor-taken`, `request-malformed`, and what the order in it
 * is refused with
 */
export function handOn({ from, vendor, order }: v.InferOutput<typeof peerForwardOrder>, step: OrderStep): JsonObject {
  const { ledger, keys, env } = step;
  const peer = ledger.peers.all().find(({ root }) => root === from);
  if (!peer) throw new PaymentProblem('peer-unknown');
  const isVouched =
    vendor.brk === peer.brk && vendor.via === undefined && verifyObject(vendor, from, vendor.sig, env.crypto);
  if (!isVouched)
    throw new PaymentProblem('signature-invalid', { detail: 'vendor: expected a record of the asking broker' });
  const { issuer, vnd } = order;
  const isOfSite = order['from'] === vendor.pk && vnd === vendor.vnd && issuer === keys.brk;
  if (!isOfSite)
    throw new PaymentProblem('request-malformed', { detail: 'order: expected one of this site, about our coins' });
  return perform(order, { ...step, via: peer.brk }, () => {
    checkOrder(order as Order, env.crypto);
    keepName(vendor, peer, step);
  });
}

/** `check`: once it is known to have the shape of an order. */
function perform(order: JsonObject, step: ViaStep, check: () => void): JsonObject {
  switch (order['typ']) {
    case 'ecash-deposit/1': {
      const deposit = decode(ecashDepositOrder, order, 'request-malformed');
      check();
      if (step.ledger.peers.get(step.via, deposit.cur)?.state !== 'live') throw new PaymentProblem('peer-unknown');
      return take(deposit, step);
    }
    case 'ecash-capture/1': {
      const capture = decode(ecashCaptureOrder, order, 'request-malformed');
      check();
      return pay(capture, step);
    }
    case 'ecash-void/1': {
      const given = decode(ecashVoidOrder, order, 'request-malformed');
      check();
      return free(given, step);
    }
    default:
      throw new PaymentProblem('request-malformed', { detail: 'order: expected a deposit, a capture or a void' });
  }
}

/** A name is one site's: else a site could take what was signed over to its namesake at another broker. */
function keepName({ vnd, pk }: { vnd: string; pk: string }, { brk }: PeerRow, { ledger }: OrderStep): void {
  const own = ledger.vendors.get(vnd);
  if (own && own.pk !== pk) throw new PaymentProblem('vendor-taken', { detail: 'a site of ours has this name' });
  const known = ledger.peers.vendor(vnd);
  if (known && (known.brk !== brk || known.pk !== pk)) {
    throw new PaymentProblem('vendor-taken', { detail: 'a site of another broker has this name' });
  }
  if (!known) ledger.peers.addVendor(vnd, { brk, pk });
}
