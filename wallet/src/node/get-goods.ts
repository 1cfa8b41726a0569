// Buying sealed goods: fetch, compare, pay, open; whatever stops in between, the next run goes on from there and pays nothing twice.
import { openAsBlob } from 'node:fs';
import { formatMoney, PaymentProblem, type SealedOffer } from '@farthing/protocol';
import { keyIn } from '../goods/bought.ts';
import { type Decision, type Disputed, type PayingOptions, payingFetch, type Settled, type Wallet } from '../index.ts';
import { challengesOf } from '../site-answer.ts';
import { fetchSealed, openSealed, type Progress, sealedPath } from './goods-file.ts';

export type GetOptions = {
  readonly wallet: Wallet;
  readonly url: string;
  /** Where the goods go; by what the site calls them if absent. */
  readonly file: (offer: SealedOffer) => string;
  readonly fetch?: typeof globalThis.fetch;
  readonly paying?: Omit<PayingOptions, 'goods' | 'onEvent'>;
  readonly progress?: Progress;
};

export type Got = {
  readonly file: string;
  readonly offer: SealedOffer;
  readonly settled: Settled;
  /** The goods were not what was promised, and the broker was shown. */
  readonly disputed?: Disputed;
};

/**
 * @throws {PaymentProblem} `offer-unusable`: nothing is sold sealed there; `goods-wrong`: they are not what was promised (before
 *   anything is paid, or with the broker's verdict); why it was not paid
 */
export async function getGoods(options: GetOptions): Promise<Got> {
  const { wallet, url, fetch = globalThis.fetch, progress = () => {} } = options;
  const asked = await fetch(url, { cache: 'no-store' });
  await asked.body?.cancel();
  if (asked.status !== 402) {
    throw new PaymentProblem(asked.status >= 500 ? 'site-not-ready' : 'offer-unusable', {
      detail: `the site answered ${asked.status}, where it would ask for money`,
    });
  }
  const site = new URL(url).origin;
  const offer = await wallet.sealedOffer({ url, method: 'GET', site, challenges: challengesOf(asked) });
  if (!offer) throw new PaymentProblem('offer-unusable', { detail: 'nothing is sold sealed there: farthing pay' });
  const file = options.file(offer);
  await fetchSealed(url, offer, { file, fetch, progress });
  const settled = await pay(options, offer);
  const key = keyIn(settled.record.receipt);
  if (key === undefined)
    throw new PaymentProblem('outcome-unknown', { detail: 'the key of the goods has not come yet' });
  try {
    await openSealed(file, { offer, key, progress });
    await wallet.savedGoods(settled.record.id, file);
    return { file, offer, settled };
  } catch (error) {
    if (!(error instanceof PaymentProblem) || error.code !== 'goods-wrong') throw error;
    const disputed = await wallet.dispute(settled.record.id, await openAsBlob(sealedPath(file)));
    return { file, offer, settled, disputed };
  }
}

/** The site's answer, or the broker's where the site gives none. @throws {PaymentProblem} why it was not paid */
async function pay(
  { wallet, url, fetch = globalThis.fetch, paying = {} }: GetOptions,
  offer: SealedOffer,
): Promise<Settled> {
  const seen: { settled?: Settled; sent?: string; reason?: PaymentProblem } = {};
  const paid = payingFetch(fetch, wallet, {
    ...paying,
    goods: offer.ct,
    onEvent(event) {
      if (event.kind === 'sent') seen.sent = event.payment.id;
      if (event.kind === 'settled') seen.settled = event.settled;
      if (event.kind !== 'decided') return;
      const { decision } = event;
      if (decision.kind === 'refuse' || decision.kind === 'ask') seen.reason = refusalOf(decision);
    },
  });
  try {
    const answer = await paid(url, { cache: 'no-store' });
    await answer.body?.cancel();
  } catch (error) {
    const isLost = error instanceof PaymentProblem && error.code === 'outcome-unknown';
    if (!isLost || seen.sent === undefined) throw error;
  }
  const settled =
    seen.sent !== undefined && seen.settled?.outcome !== 'paid' && seen.settled?.outcome !== 'not_charged'
      ? await wallet.resolve(seen.sent)
      : seen.settled;
  if (settled?.outcome === 'paid') return settled;
  if (settled?.outcome === 'unknown') throw new PaymentProblem('outcome-unknown', { consumed: 'unknown' });
  throw settled
    ? new PaymentProblem(settled.record.code ?? 'payment-required')
    : (seen.reason ?? new PaymentProblem('payment-required'));
}

function refusalOf({ reason, offer }: Extract<Decision, { kind: 'refuse' | 'ask' }>): PaymentProblem {
  const price = offer && formatMoney({ amount: offer.amountMicro, currency: offer.currency });
  return new PaymentProblem(
    reason,
    price === undefined ? {} : { detail: `the key costs ${price}; --max or --yes pays it` },
  );
}
