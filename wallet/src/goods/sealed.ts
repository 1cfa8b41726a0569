// Sealed goods among the offers of a site: what is promised must be signed by the site, cost what is asked, and be here, as
// ciphertext, before anything is paid for it.
import {
  isOffer,
  PaymentProblem,
  type PaymentRequest,
  type SealedOffer,
  sealedOfferSchema,
  tryDecode,
  type VendorRecord,
} from '@farthing/protocol';
import type { Context } from '../context.ts';

type Promised = { readonly request: PaymentRequest; readonly price: bigint };

/** What an offer sells sealed; `undefined`: it sells nothing of the kind. @throws {PaymentProblem} `offer-unusable` */
export function sealedIn({ request }: Pick<Promised, 'request'>): SealedOffer | undefined {
  const { sealed } = request.methodDetails;
  if (sealed === undefined) return undefined;
  const offer = tryDecode(sealedOfferSchema, sealed);
  if (!offer) throw new PaymentProblem('offer-unusable', { detail: 'the promise of sealed goods cannot be read' });
  return offer;
}

/**
 * `seen`: digest of the ciphertext that is here; `any`: it is only looked at.
 * @throws {PaymentProblem} `offer-unusable`: not this site's promise at this price; `goods-unseen`
 */
export function needGoods(ctx: Context, found: Promised, record: VendorRecord, seen: string | undefined): void {
  const offer = sealedIn(found);
  if (!offer) return;
  const { crypto, nowMs } = ctx.env();
  const { request, price } = found;
  const fits = offer.vnd === record.vnd && offer.amount === price.toString() && offer.cur === request.currency;
  if (!fits || offer.exp * 1000 <= nowMs || !isOffer(offer, record.pk, crypto)) {
    throw new PaymentProblem('offer-unusable', { detail: 'the site did not promise these goods at this price' });
  }
  if (seen !== 'any' && seen !== offer.ct) throw new PaymentProblem('goods-unseen', { detail: offer.item });
}
