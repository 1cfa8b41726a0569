// Who broke the protocol? Decided from signed papers alone, off line, by anyone who has the public keys of broker and vendor.
import * as v from 'valibot';
import type { Crypto } from '../core/crypto.ts';
import { daycertSchema } from '../core/daycert.ts';
import { tryDecode } from '../core/decode.ts';
import { isKeyOf, isOffer, sealedOfferSchema } from '../core/sealed.ts';
import { verifyObject } from '../core/sign.ts';
import { type Cheque, type ChequeReceipt, chequeHash, chequeReceiptSchema, chequeSchema, isSigned } from './wire.ts';

/** What one party can show: papers as they were received. `opened` is the digest of the plaintext that the key gave. */
export const disputeSchema = v.strictObject({
  typ: v.literal('dispute/1'),
  cheque: chequeSchema,
  cert: daycertSchema,
  receipts: v.pipe(v.array(chequeReceiptSchema), v.maxLength(4)),
  offer: v.exactOptional(sealedOfferSchema),
  /** Another cheque with the same epoid. */
  twin: v.exactOptional(chequeSchema),
});
export type Dispute = v.InferOutput<typeof disputeSchema>;

export type Fault =
  | { readonly who: 'nobody'; readonly what: 'in-order' }
  | { readonly who: 'unknown'; readonly what: 'not-signed' | 'malformed' }
  | { readonly who: 'broker'; readonly what: 'two-outcomes' | 'paid-without-order' | 'paid-with-wrong-key' }
  | { readonly who: 'vendor'; readonly what: 'offer-differs' | 'goods-differ' }
  | { readonly who: 'customer'; readonly what: 'two-orders' };

/** Digest of a ciphertext, and of what the key in the receipt makes of it; `undefined`: nothing. */
export type OpenedGoods = { readonly ct: string; readonly pt: string | undefined };

/** `root` is the broker's key, `vendorKey` the vendor's, both h32. `goods`: as whoever judges has opened them. */
export function judge(
  papers: unknown,
  keys: { root: string; vendorKey: string; goods?: OpenedGoods },
  crypto: Crypto,
): Fault {
  const dispute = tryDecode(disputeSchema, papers);
  if (!dispute) return { who: 'unknown', what: 'malformed' };
  const { cheque, cert, receipts, offer, twin } = dispute;
  const certified = verifyObject(cert, keys.root, cert.sig, crypto) && cert.use === 'cheque' && cert.sub === cheque.sub;
  const genuine = receipts.every((receipt) => verifyObject(receipt, keys.root, receipt.sig, crypto));
  if (!certified || !genuine) return { who: 'unknown', what: 'not-signed' };
  if (!isSigned(cheque, cert.pk, crypto)) return paidAnyway(cheque, receipts, crypto);
  if (contradict(receipts)) return { who: 'broker', what: 'two-outcomes' };
  if (receipts.some((receipt) => !keyFits(receipt, cheque))) return { who: 'broker', what: 'paid-with-wrong-key' };
  if (offer && differs(cheque, offer, keys.vendorKey, crypto)) return { who: 'vendor', what: 'offer-differs' };
  if (offer && keys.goods && isBadly(cheque, receipts, keys.goods)) return { who: 'vendor', what: 'goods-differ' };
  if (twin && isTwin(twin, cheque, cert.pk, crypto)) return { who: 'customer', what: 'two-orders' };
  return { who: 'nobody', what: 'in-order' };
}

/** The very ciphertext that was paid for opens to something else, or not at all, by the key that its commitment names. */
const isBadly = ({ goods }: Cheque, receipts: readonly ChequeReceipt[], opened: OpenedGoods): boolean =>
  goods?.ct === opened.ct && opened.pt !== goods.pt && receipts.some(({ result }) => result === 'paid');

/** A receipt for an order that its customer never signed. */
const paidAnyway = (cheque: Cheque, receipts: readonly ChequeReceipt[], crypto: Crypto): Fault =>
  receipts.some(({ cheque: hash, result }) => result === 'paid' && hash === chequeHash(cheque, crypto))
    ? { who: 'broker', what: 'paid-without-order' }
    : { who: 'unknown', what: 'not-signed' };

/** One order has one end: `held` may become another, nothing else changes. */
function contradict(receipts: readonly ChequeReceipt[]): boolean {
  const ends = receipts.filter(({ result }) => result !== 'held').map(({ result, key = '' }) => `${result} ${key}`);
  return new Set(ends).size > 1;
}

const keyFits = ({ result, key }: ChequeReceipt, { goods }: Cheque): boolean =>
  !goods || result !== 'paid' || isKeyOf(key ?? '', goods.kc);

/** The vendor's own signed offer promised other goods or another price than were ordered from it. */
function differs(cheque: Cheque, offer: Dispute['offer'], vendorKey: string, crypto: Crypto): boolean {
  if (!offer || !cheque.goods || !isOffer(offer, vendorKey, crypto) || offer.ct !== cheque.goods.ct) return false;
  return offer.kc !== cheque.goods.kc || offer.pt !== cheque.goods.pt || BigInt(offer.amount) < BigInt(cheque.amount);
}

const isTwin = (twin: Cheque, cheque: Cheque, dayKey: string, crypto: Crypto): boolean =>
  twin.epoid === cheque.epoid &&
  twin.vnd === cheque.vnd &&
  chequeHash(twin, crypto) !== chequeHash(cheque, crypto) &&
  isSigned(twin, dayKey, crypto);
