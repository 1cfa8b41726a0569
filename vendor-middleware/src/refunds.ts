// Money back for a payment by cheque. The order is stored before it is sent, so that a repeat gives nothing back twice.
import { decode, type Env, type Money, makeOrder, PaymentProblem, parseJson, parsePrice } from '@farthing/protocol';
import { chequeRefundResult } from '@farthing/protocol/vendor';
import { type BrokerAt, sendOrder } from './broker-client.ts';
import type { VendorStore } from './store/port.ts';
import { isOrder } from './stored-order.ts';

type Parts = {
  readonly store: VendorStore;
  readonly vnd: string;
  readonly seed: Uint8Array;
  readonly broker: BrokerAt;
  readonly env: () => Env;
};

/** By these the broker says that it did nothing and never will; after anything else the order is sent again as it is. */
const NOTHING_DONE = new Set(['refund-over', 'cheque-unknown', 'request-stale', 'request-malformed', 'balance-short']);

export function refunder({ store, vnd, seed, broker, env }: Parts): (payment: string, price: string) => Promise<Money> {
  return async (payment, price) => {
    const { amount, currency: cur } = parsePrice(price);
    const members = { vnd, epoid: payment, amount: amount.toString(), cur };
    const doc = `refund:${payment}`;
    await store.swapDoc(doc, undefined, JSON.stringify(makeOrder('cheque-refund/1', members, seed, env())));
    const text = await store.readDoc(doc);
    const order = parseJson(text ?? '');
    // Another call has just had its answer, or waits for one.
    if (!isOrder(order) || order['amount'] !== members.amount || order['cur'] !== cur) {
      throw new PaymentProblem('outcome-unknown', { detail: 'another refund of this payment comes first: repeat it' });
    }
    try {
      const result = await sendOrder(broker, '/v1/cheque/refund', { order, crypto: env().crypto });
      const { refunded } = decode(chequeRefundResult, result, 'broker-untrusted');
      await store.swapDoc(doc, text, undefined);
      return { amount: refunded, currency: cur };
    } catch (error) {
      if (error instanceof PaymentProblem && NOTHING_DONE.has(error.code)) await store.swapDoc(doc, text, undefined);
      throw error;
    }
  };
}
