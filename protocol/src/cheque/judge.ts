// Who broke the protocol? Decided from signed papers alone, off line, by anyone who has the public keys of broker and vendor. Nobody
// is blamed for what somebody else could have made up: each fault is one in papers that the blamed party has signed itself.
import * as v from 'valibot';
import type { Crypto } from '../core/crypto.ts';
import { daycertSchema } from '../core/daycert.ts';
import { jsonObject, tryDecode } from '../core/decode.ts';
import { type Order, readAnswer } from '../core/orders.ts';
import { PaymentProblem } from '../core/problems.ts';
import { isOffer, sealedOfferSchema } from '../core/sealed.ts';
import { verifyObject } from '../core/sign.ts';
import { isAbout, isCovered, lateness, opensGoods, repeats } from './checks.ts';
import { chequeDisputeOrder, chequeDisputeResult } from './orders.ts';
import { type Cheque, type ChequeReceipt, chequeHash, chequeReceiptSchema, chequeSchema, isSigned } from './wire.ts';

/** What one party can show: papers as they were received. */
export const disputeSchema = v.strictObject({
  typ: v.literal('dispute/1'),
  cheque: chequeSchema,
  cert: daycertSchema,
  receipts: v.pipe(v.array(chequeReceiptSchema), v.maxLength(4)),
  offer: v.exactOptional(sealedOfferSchema),
  /** Another cheque with the same epoid. */
  twin: v.exactOptional(chequeSchema),
  /** The broker's answer about goods that it was shown, with the order that asked for it. */
  verdict: v.exactOptional(v.strictObject({ order: jsonObject, answer: jsonObject })),
});
export type Dispute = v.InferOutput<typeof disputeSchema>;

export type Fault =
  | { readonly who: 'nobody'; readonly what: 'in-order' }
  | { readonly who: 'unknown'; readonly what: 'not-signed' | 'malformed' }
  | { readonly who: 'broker'; readonly what: BrokerFault }
  | { readonly who: 'vendor'; readonly what: 'goods-differ' }
  | { readonly who: 'customer'; readonly what: 'two-orders' };
type BrokerFault =
  | 'two-outcomes'
  | 'receipt-differs'
  | 'paid-without-order'
  | 'paid-with-wrong-key'
  | 'refused-in-time'
  | 'verdict-false';

/** Digest of a ciphertext, and of what the key in the receipt makes of it; `undefined`: nothing. */
export type OpenedGoods = { readonly ct: string; readonly pt: string | undefined };

type Keys = { readonly root: string; readonly vendorKey: string; readonly goods?: OpenedGoods };

/** `root` is the broker's key, `vendorKey` the vendor's, both h32. `goods`: as whoever judges has opened them. */
export function judge(papers: unknown, keys: Keys, crypto: Crypto): Fault {
  const dispute = tryDecode(disputeSchema, papers);
  if (!dispute) return { who: 'unknown', what: 'malformed' };
  const { cheque, cert, receipts, twin } = dispute;
  const certified = verifyObject(cert, keys.root, cert.sig, crypto) && cert.use === 'cheque';
  const genuine = receipts.every(
    (receipt) => verifyObject(receipt, keys.root, receipt.sig, crypto) && isAbout(receipt, { cheque, cert }, crypto),
  );
  if (!certified || !genuine) return { who: 'unknown', what: 'not-signed' };
  const isOrdered = isSigned(cheque, cert.pk, crypto) && isCovered({ cheque, cert }, cheque);
  if (!isOrdered && !receipts.some(tookMoney)) return { who: 'unknown', what: 'not-signed' };
  const broker = brokerFault(dispute, isOrdered) ?? verdictFault(dispute, keys, crypto);
  if (broker) return { who: 'broker', what: broker };
  if (goodsDiffer(dispute, keys, crypto)) return { who: 'vendor', what: 'goods-differ' };
  if (twin && isTwin(twin, cheque, cert.pk, crypto)) return { who: 'customer', what: 'two-orders' };
  return { who: 'nobody', what: 'in-order' };
}

const tookMoney = ({ result }: ChequeReceipt): boolean => result !== 'refused';

function brokerFault({ cheque, cert, receipts }: Dispute, isOrdered: boolean): BrokerFault | undefined {
  if (!isOrdered) return 'paid-without-order';
  if (receipts.some((receipt) => !repeats(receipt, cheque))) return 'receipt-differs';
  if (contradict(receipts)) return 'two-outcomes';
  if (receipts.some((receipt) => !opensGoods(receipt, cheque))) return 'paid-with-wrong-key';
  // `at` is cut off to its second.
  const wasInTime = ({ code, at }: ChequeReceipt) =>
    code === 'cheque-late' && lateness(cheque, cert, (at + 1) * 1000) === undefined;
  return receipts.some(wasInTime) ? 'refused-in-time' : undefined;
}

/** One order has one end: `held` may become another, nothing else changes. */
function contradict(receipts: readonly ChequeReceipt[]): boolean {
  const ends = receipts.filter(({ result }) => result !== 'held').map(({ result, key = '' }) => `${result} ${key}`);
  return new Set(ends).size > 1;
}

/** The very ciphertext that was paid for. */
const openedOf = ({ cheque: { goods }, receipts }: Dispute, { goods: opened }: Keys) =>
  goods && opened?.ct === goods.ct && receipts.some(({ result }) => result === 'paid') ? { goods, opened } : undefined;

/** It says that goods are as promised, which are not. */
function verdictFault(dispute: Dispute, keys: Keys, crypto: Crypto): BrokerFault | undefined {
  const { cheque, verdict } = dispute;
  const shown = openedOf(dispute, keys);
  if (!verdict || !shown || shown.opened.pt === shown.goods.pt) return undefined;
  const asked = tryDecode(chequeDisputeOrder, verdict.order);
  if (!asked || chequeHash(asked.cheque, crypto) !== chequeHash(cheque, crypto)) return undefined;
  try {
    const result = readAnswer(verdict.answer, verdict.order as Order, { brk: cheque.brk, root: keys.root }, crypto);
    return tryDecode(chequeDisputeResult, result)?.verdict === 'as-promised' ? 'verdict-false' : undefined;
  } catch (error) {
    // Not the broker's words.
    if (error instanceof PaymentProblem) return undefined;
    throw error;
  }
}

/** What the site signed for, by its own commitment to the key, opens to something else, or not at all. */
function goodsDiffer(dispute: Dispute, keys: Keys, crypto: Crypto): boolean {
  const { offer } = dispute;
  const shown = openedOf(dispute, keys);
  if (!offer || !shown || !isOffer(offer, keys.vendorKey, crypto)) return false;
  const { goods, opened } = shown;
  const isPromised = offer.ct === goods.ct && offer.kc === goods.kc && offer.pt === goods.pt;
  return isPromised && opened.pt !== goods.pt;
}

const isTwin = (twin: Cheque, cheque: Cheque, dayKey: string, crypto: Crypto): boolean =>
  twin.epoid === cheque.epoid &&
  twin.vnd === cheque.vnd &&
  chequeHash(twin, crypto) !== chequeHash(cheque, crypto) &&
  isSigned(twin, dayKey, crypto);
