// What cheques ask of the broker: `core/orders.ts` explains orders and answers. All are POST under /v1/cheque. Every question
// about one payment is answered alike under any order id: the broker knows a payment by (vnd, epoid) and its cheque.
import * as v from 'valibot';
import { daycertSchema, levelSchema } from '../core/daycert.ts';
import { amt, amt0, boundedText, cur, h32, id16, seconds, sig, u32, vnd } from '../core/decode.ts';
import { creditNoteSchema } from '../core/invoice.ts';
import { limits } from '../core/limits.ts';
import { orderSchema, prevBatch, redemptionSchema } from '../core/orders.ts';
import { approvalsSchema, chequeReceiptSchema, chequeSchema } from './wire.ts';

/**
 * One day key for one site. `limit`: what the site may serve unasked; the broker keeps as much of the account's money aside, and
 * gives back what was not spent when the certificate can no longer be claimed on. 0: the broker is asked for each payment, as it
 * always is for `vnd` `*`. `perDay`: the most that it pays on this certificate in all.
 */
const wantedCert = v.pipe(
  v.strictObject({ vnd: v.union([vnd, v.literal('*')]), pk: h32, limit: amt0, perDay: amt }),
  v.check(({ limit, perDay }) => limit <= perDay, 'a limit within perDay'),
  v.check(({ vnd: site, limit }) => site !== '*' || limit === 0n, 'limit 0 where all sites are meant'),
);

/**
 * /v1/cheque/certs: certificates for day keys, by the account's key. `level`: how well the day key is kept, at most as well as
 * the account's: 0 behind a password, 1 behind a passkey, 2 in a wallet. Lower levels have lower limits.
 */
export const chequeCertsOrder = orderSchema('cheque-certs/1', {
  cur,
  level: v.optional(levelSchema, 2),
  keys: v.pipe(v.array(wantedCert), v.minLength(1), v.maxLength(limits.chequeCerts)),
});
/** In the order of the keys. */
export const chequeCertsResult = v.object({ certs: v.array(daycertSchema), balance: amt0, cur });

/**
 * /v1/cheque/approver: whose yes the account's cheques of more than `above` need, such as a parent's or a second device's.
 * `consent`: when there is an approver already, that one's signature over `approverChange`.
 */
export const chequeApproverOrder = orderSchema('cheque-approver/1', {
  cur,
  approver: h32,
  above: amt0,
  consent: v.exactOptional(sig),
});
export const chequeApproverResult = v.object({ approver: h32, above: amt0, cur });

/** What an approver signs to let go; never sent. `account` and `rid` are `from` and `rid` of the order. */
export const approverChange = (about: {
  account: string;
  rid: string;
  cur: string;
  approver: string;
  above: bigint;
}) => ({ ...about, typ: 'approver-change/1', above: about.above.toString() });

/**
 * /v1/cheque/approve: the approver's yes to one cheque (its hash), straight to the broker. An approval that travels with the
 * cheque instead shows its key to the site: for that a key that is used for nothing else is needed.
 */
export const chequeApproveOrder = orderSchema('cheque-approve/1', { cheque: h32, amount: amt, exp: seconds });
export const chequeApproveResult = v.object({ cheque: h32 });

/**
 * /v1/cheque/capture: a site presents a cheque before it delivers. `key`: that of sealed goods, 32 bytes. `hold`: the money waits
 * for cheque-settle/1, else it is paid at once. The receipt is the one outcome of this payment, `refused` included.
 */
export const chequeCaptureOrder = orderSchema('cheque-capture/1', {
  cheque: chequeSchema,
  cert: daycertSchema,
  key: v.exactOptional(h32),
  hold: v.boolean(),
  approvals: v.exactOptional(approvalsSchema),
});
/** `until`: a held payment can be settled until then (seconds). */
export const chequeCaptureResult = v.object({ receipt: chequeReceiptSchema, until: v.exactOptional(seconds) });

const held = v.pipe(v.array(h32), v.maxLength(limits.redeemClaims));

/** /v1/cheque/settle: the ends of held payments, by epoid: `capture` pays them, `void` gives the money back. */
export const chequeSettleOrder = v.pipe(
  orderSchema('cheque-settle/1', { vnd, cur, capture: held, void: held }),
  v.check((order) => order.capture.length + order.void.length > 0, 'something to settle'),
);
/** `gone`: not held, or ended the other way. What was asked again stands where it stood. */
export const chequeSettleResult = v.object({
  paid: v.array(h32),
  freed: v.array(h32),
  gone: v.array(h32),
  balance: amt0,
  cur,
});

/**
 * /v1/cheque/authorize: a site asks before it serves more than the limit of a certificate (named by `sub` and `certExp`, its
 * `exp`): it has served `spent` so far, and this is `amount` more. A no is `limit-reached`.
 */
export const chequeAuthorizeOrder = orderSchema('cheque-authorize/1', {
  vnd,
  sub: id16,
  certExp: seconds,
  cur,
  spent: amt0,
  amount: amt,
});
/** What may be served on this certificate in all from now on. The broker keeps it aside like the limit before. */
export const chequeAuthorizeResult = v.object({ limit: amt0 });

/**
 * A cheque that was served, with the end and the signature of its certificate: the broker knows the rest of it, and the site says
 * on which one it took the cheque.
 */
export const chequeClaim = v.strictObject({ cheque: chequeSchema, certExp: seconds, certSig: sig });

/** /v1/cheque/redeem: cheques that were served unasked, in one currency. `prev`: hash of the last batch that was answered, "" for the first. */
export const chequeRedeemOrder = orderSchema('cheque-redeem/1', {
  vnd,
  prev: prevBatch,
  claims: v.pipe(v.array(chequeClaim), v.minLength(1), v.maxLength(limits.redeemClaims)),
});
/** `alarm`: why one was not paid. One that was paid before is credited 0 without an alarm. */
export const chequeRedeemResult = v.object({
  redemption: redemptionSchema,
  cheques: v.array(v.object({ epoid: h32, credited: amt0, alarm: v.exactOptional(boundedText(32)) })),
  balance: amt0,
  cur,
});

/** /v1/cheque/refund: a site gives back a part of a payment, or all that is left of it. */
export const chequeRefundOrder = orderSchema('cheque-refund/1', { vnd, epoid: h32, amount: amt, cur });
/** `refunded`: of this payment in all. */
export const chequeRefundResult = v.object({ refunded: amt, balance: amt0, cur });

/**
 * /v1/cheque/outcome: what became of a cheque, with the key of its goods. Asked by its site, by the account, or by the day key
 * that wrote it; nobody else learns anything.
 */
export const chequeOutcomeOrder = orderSchema('cheque-outcome/1', { cheque: chequeSchema, certExp: seconds });
/** No receipt: nobody has presented it, and it may still come. Once it is late that is a receipt too: refused for ever. */
export const chequeOutcomeResult = v.object({ receipt: v.exactOptional(chequeReceiptSchema), refunded: amt0 });

/**
 * /v1/cheque/dispute: the key does not give what was promised. The order travels in the header Farthing-Order (base64url of its
 * JSON), the ciphertext as body, at most 128 MiB: the broker opens it with the key that it kept, and refunds what it can see.
 */
export const chequeDisputeOrder = orderSchema('cheque-dispute/1', { cheque: chequeSchema, certExp: seconds });
/** `opened`: digest of what came out; absent when nothing did. `refunded`: by this verdict. */
export const chequeDisputeResult = v.object({
  verdict: v.picklist(['as-promised', 'differs', 'unreadable']),
  opened: v.exactOptional(h32),
  refunded: amt0,
  balance: amt0,
  cur,
});

/** /v1/cheque/notes: a signed read. The site's next credit note after number `after`; `count` is how many there are. */
export const chequeNotesOrder = orderSchema('cheque-notes/1', { vnd, cur, after: v.optional(u32, 0) });
export const chequeNotesResult = v.object({ count: u32, note: v.exactOptional(creditNoteSchema) });

/** /v1/cheque/trace: a signed read, of the site or the account: where a payment stands on its credit note, or invoice. */
export const chequeTraceOrder = orderSchema('cheque-trace/1', { vnd, epoid: h32 });
/**
 * `number`: of the invoice or note, absent while the period is open. `isUnder` of leaf `receiptLeaf(objectHash(receipt))`, number
 * `index` of `count`, with `path`, under `root`, which stands on the line, shows it to anyone.
 */
export const chequeTraceResult = v.object({
  receipt: chequeReceiptSchema,
  place: v.exactOptional(
    v.object({ number: u32, index: u32, count: u32, path: v.pipe(v.array(h32), v.maxLength(32)), root: h32 }),
  ),
});
