// Paying an order with broker scrip: the broker is the vendor of its own scrip, checks it, spends it once, gives change.
import { type Currency, equalText, PaymentProblem } from '@farthing/protocol';
import {
  type buyOrder,
  certify,
  customerSecret,
  fundsProof,
  isCertified,
  type Scrip,
  scrip,
  splitId,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { Posting } from '../ledger/journal.ts';
import { onFloat } from '../ledger/scrip.ts';
import { licenceFor } from './licences.ts';
import type { OrderStep } from './step.ts';

type Funds = NonNullable<v.InferOutput<typeof buyOrder>['funds']>;

/** @throws {PaymentProblem} `scrip-foreign`, `scrip-expired`, `scrip-forged`, `balance-short`, `scrip-spent` */
export function spendFunds(
  funds: Funds,
  { total, cur }: { total: bigint; cur: Currency },
  step: OrderStep,
): { postings: Posting[]; change: Scrip | undefined } {
  const { ledger, env, order } = step;
  const piece = funds.scrip;
  checkFunds(funds, cur, step);
  const left = BigInt(piece.val) - total;
  if (left < 0n) throw new PaymentProblem('balance-short', { members: { shortBy: (-left).toString() } });
  if (ledger.scrip.isSpent(piece.id)) throw new PaymentProblem('scrip-spent', { consumed: true });
  const before = ledger.scrip.root(piece.vnd, piece.root);
  const paid = scrip.redeem(before, { vnd: piece.vnd, cum: (before?.credited ?? 0n) + total }, env.nowMs);
  // Certified, unspent and within its life, yet not covered by its root: only damage to the books can do this.
  if (!paid.root || paid.credit !== total) throw new Error(`broker scrip ${piece.root} is not covered by its root`);
  ledger.scrip.setRoot(paid.root);
  const change = left > 0n ? mintChange(piece, left, step) : undefined;
  ledger.scrip.addSpent({ id: piece.id, from: order.from, rid: order.rid, changeId: change?.id });
  return { postings: [onFloat(paid.root, -total)], change };
}

function checkFunds({ scrip: piece, proof }: Funds, cur: Currency, { ledger, keys, env, order }: OrderStep): void {
  if (piece.vnd !== keys.brk || piece.cur !== cur) throw new PaymentProblem('scrip-foreign');
  const secrets = ledger.scrip.licence(keys.brk, splitId(piece.id).kid)?.secrets;
  const customers = ledger.scrip.licence(keys.brk, splitId(piece.cid).kid)?.secrets;
  if (!secrets || !customers) throw new PaymentProblem('scrip-foreign');
  if (env.nowMs >= piece.exp * 1000) throw new PaymentProblem('scrip-expired');
  const csec = customerSecret(piece.cid, customers.customer, env.crypto);
  const genuine =
    isCertified(piece, secrets.scrip, env.crypto) &&
    equalText(proof, fundsProof({ scrip: piece, rid: order.rid }, csec, env.crypto));
  if (!genuine) throw new PaymentProblem('scrip-forged');
}

/** Change takes the next serial of the broker's licence and is no new root. */
function mintChange(piece: Scrip, left: bigint, step: OrderStep): Scrip {
  const { mac: _, ...rest } = piece;
  const row = licenceFor({ vnd: piece.vnd, cur: piece.cur, val: 1n, count: 1 }, step);
  step.ledger.scrip.setLicence({ ...row, next: row.next + 1 });
  const id = `${row.licence.kid}.${row.next}`;
  return certify({ ...rest, id, val: left.toString() }, row.secrets.scrip, step.env.crypto);
}
