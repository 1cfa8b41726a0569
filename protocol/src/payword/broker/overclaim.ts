// Evidence of an overclaim: the vendor's signed order beside the customer's or broker's signed deed. Whoever has the public
// keys can check it, without the broker's books. Deeds under a MAC prove nothing to others: there the broker decides.
import type { Crypto } from '../../core/crypto.ts';
import { tryDecode } from '../../core/decode.ts';
import { canonicalJson, type Json } from '../../core/json.ts';
import { isUnder } from '../../core/merkle.ts';
import { checkOrder, type Order } from '../../core/orders.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { verifyObject } from '../../core/sign.ts';
import { paywordRedeemOrder } from '../orders.ts';
import { leafOf } from '../segments.ts';
import { bytesOf, type Close, type Deed, deedId, deedSchema } from '../wire.ts';
import { type ClaimedChain, show, worthOf } from './claims.ts';

/** `order` as it was received; `claim` is the number of the claim in it; `closing`: what the site said before it claimed. */
export type Overclaim = {
  readonly order: Order;
  readonly claim: number;
  readonly deed: Json;
  readonly closing?: Close | undefined;
};

/** `proved`: the claim is more than its words or its deed allow. `open`: it proves nothing to a third party. */
export type Verdict = 'proved' | 'honest' | 'open';

/** `vendorKey` and `root` (the broker's) as h32. */
export function judge(
  { order, claim: number, deed: json, closing }: Overclaim,
  keys: { vendorKey: string; root: string },
  crypto: Crypto,
): Verdict {
  const decoded = tryDecode(paywordRedeemOrder, order);
  const deed = tryDecode(deedSchema, json);
  const claim = decoded?.claims[number];
  if (!decoded || !deed || !claim || decoded.from !== keys.vendorKey || !isSigned(order, crypto)) return 'open';
  // A deed that the site itself signed into its claim is the site's word: it must be good. One that the broker adds may not.
  const own = claim.deed !== undefined && canonicalJson(claim.deed as Json) === canonicalJson(json);
  const unsound = own && 'commitment' in deed ? 'proved' : 'open';
  if (deedId(deed, crypto) !== claim.session) return unsound;
  const terms = 'ticket' in deed ? deed.ticket : deed.commitment;
  if (!isGenuine(deed, keys.root, crypto)) return unsound;
  if (terms.vnd !== decoded.vnd) return 'proved';
  if (closing && isBroken(closing, { claim, at: decoded.at, vendorKey: keys.vendorKey }, crypto)) return 'proved';
  const chains = chainsOf(deed, crypto);
  if (!chains) return 'proved';
  const y = 'ticket' in deed ? deed.y : undefined;
  const { cum, last } = claim;
  const shown = show({ chains }, { vnd: decoded.vnd, cum, last, ...(y === undefined ? {} : { y }) }, crypto);
  if (typeof shown === 'string' || cum > worthOf(shown)) return 'proved';
  return 'commitment' in deed && cum > BigInt(deed.commitment.cap) ? 'proved' : 'honest';
}

/** The site closed the session with less, and then claimed more. */
function isBroken(
  closing: Close,
  { claim, at, vendorKey }: { claim: { session: string; cum: bigint }; at: number; vendorKey: string },
  crypto: Crypto,
): boolean {
  const theirs = closing.session === claim.session && verifyObject(closing, vendorKey, closing.sig, crypto);
  return theirs && closing.at <= at && claim.cum > BigInt(closing.spent);
}

function isSigned(order: Order, crypto: Crypto): boolean {
  try {
    checkOrder(order, crypto);
    return true;
  } catch (error) {
    if (error instanceof PaymentProblem) return false;
    throw error;
  }
}

function isGenuine(deed: Deed, root: string, crypto: Crypto): boolean {
  if ('ticket' in deed)
    return deed.ticket.sig !== undefined && verifyObject(deed.ticket, root, deed.ticket.sig, crypto);
  const { commitment, cert } = deed;
  return (
    cert.use === undefined &&
    cert.sub === commitment.sub &&
    BigInt(commitment.cap) <= BigInt(cert.limit) &&
    commitment.exp <= cert.exp &&
    verifyObject(cert, root, cert.sig, crypto) &&
    verifyObject(commitment, cert.pk, commitment.sig, crypto)
  );
}

/** From the anchors; `undefined` for a segment that is not under the signed root. */
function chainsOf(deed: Deed, crypto: Crypto): ClaimedChain[] | undefined {
  if ('ticket' in deed) {
    const { chain, from, to, unit } = deed.ticket;
    const common = { id: chain.id, unit: BigInt(unit), lo: from - 1, to, n: chain.n, hi: 0 };
    return [
      'x0' in chain
        ? { ...common, kind: 'x', at: chain.x0, yEnd: chain.yEnd }
        : { ...common, kind: 'payword', at: chain.w0 },
    ];
  }
  const { commitment, a = 0, leaf, path = [] } = deed;
  let entries = commitment.chains;
  if (!entries) {
    const { root = '', m = 0 } = commitment;
    const place = { index: a, count: m, path: path.map(bytesOf), root: bytesOf(root) };
    if (!leaf || !isUnder(leafOf(leaf, crypto), place, crypto)) return undefined;
    entries = [leaf];
  }
  return entries.map(({ id, n, unit, w0 }) => ({
    kind: 'payword',
    id,
    unit: BigInt(unit),
    lo: 0,
    to: n,
    n,
    hi: 0,
    at: w0,
  }));
}
