// Every signed order that the broker takes: path, shape, answer, and the service that decides. The HTTP layer and the
// OpenAPI document are both made from this table.
import {
  balanceResult,
  claimsOrder,
  claimsResult,
  clearOrder,
  clearResult,
  decode,
  faucetOrder,
  type JsonObject,
  jsonObject,
  limits,
  type ProblemCode,
  peerForwardOrder,
  statementOrder,
  statementResult,
  vendorOrder,
  vendorResult,
  voucherOrder,
  voucherResult,
} from '@farthing/protocol';
import {
  buyOrder,
  chequeApproveOrder,
  chequeApproveResult,
  chequeApproverOrder,
  chequeApproverResult,
  chequeAuthorizeOrder,
  chequeAuthorizeResult,
  chequeCaptureOrder,
  chequeCaptureResult,
  chequeCertsOrder,
  chequeCertsResult,
  chequeDisputeOrder,
  chequeDisputeResult,
  chequeNotesOrder,
  chequeNotesResult,
  chequeOutcomeOrder,
  chequeOutcomeResult,
  chequeRedeemOrder,
  chequeRedeemResult,
  chequeRefundOrder,
  chequeRefundResult,
  chequeSettleOrder,
  chequeSettleResult,
  chequeTraceOrder,
  chequeTraceResult,
  ecashCaptureOrder,
  ecashCaptureResult,
  ecashCreditOrder,
  ecashCreditResult,
  ecashDepositOrder,
  ecashDepositResult,
  ecashLockOrder,
  ecashProveOrder,
  ecashProveResult,
  ecashRedeemOrder,
  ecashRedeemResult,
  ecashRestoreOrder,
  ecashRestoreResult,
  ecashSpentOrder,
  ecashSpentResult,
  ecashSwapOrder,
  ecashSwapResult,
  ecashVoidOrder,
  ecashVoidResult,
  ecashWithdrawOrder,
  ecashWithdrawResult,
  keysetsResult,
  licenceOrder,
  licenceResult,
  licencesOrder,
  licencesResult,
  paywordBuyOrder,
  paywordBuyResult,
  paywordCertOrder,
  paywordCertResult,
  paywordCloseOrder,
  paywordCloseResult,
  paywordInvoicesOrder,
  paywordInvoicesResult,
  paywordKeyOrder,
  paywordKeyResult,
  paywordPollOrder,
  paywordPollResult,
  paywordRedeemOrder,
  paywordRedeemResult,
  paywordTicketsOrder,
  paywordTicketsResult,
  redeemOrder,
  redeemResult,
  refundOrder,
  renewOrder,
  scripResult,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { faucet, statement, voucher } from '../services/accounts.ts';
import * as cheques from '../services/cheque.ts';
import { approve, authorize, certify, supervise } from '../services/cheque-certs.ts';
import { openAhead, settleDispute } from '../services/cheque-dispute.ts';
import { redeemAhead, redeem as redeemCheques } from '../services/cheque-redeem.ts';
import { claims, clear } from '../services/clearing.ts';
import * as coins from '../services/ecash.ts';
import { credit as creditCoins } from '../services/ecash-credit.ts';
import { capture, giveUp } from '../services/ecash-holds.ts';
import { deposit } from '../services/ecash-payments.ts';
import { redeem as redeemCoins } from '../services/ecash-redeem.ts';
import { signAhead } from '../services/ecash-sign.ts';
import { askToEnd, askToTake, captureForeign, freeForeign, isForeign, takeForeign } from '../services/foreign.ts';
import * as invoices from '../services/invoices.ts';
import { lock } from '../services/keysets.ts';
import { grant, list } from '../services/licences.ts';
import * as notes from '../services/notes.ts';
import * as credit from '../services/payword-credit.ts';
import * as prepaid from '../services/payword-prepaid.ts';
import { redeem as redeemWords } from '../services/payword-redeem.ts';
import { handOn } from '../services/peer-forward.ts';
import { redeem } from '../services/redeem.ts';
import { buy, refund, renew } from '../services/sell.ts';
import type { Ahead, AheadStep, OrderStep } from '../services/step.ts';
import { register } from '../services/vendors.ts';

export type OrderRoute = {
  readonly path: string;
  readonly typ: string;
  readonly summary: string;
  readonly order: v.GenericSchema;
  readonly result: v.GenericSchema;
  /** False for reads, which are answered afresh. */
  readonly stored: boolean;
  /** Of the body; more than one request usually has only where it says so. */
  readonly bodyBytes: number;
  /** The order comes in the header Farthing-Order, and the body is something else. */
  readonly orderInHeader: boolean;
  /** What it may refuse with, beside what every order may. */
  readonly problems: readonly ProblemCode[];
  /** Decodes strictly, and says what to do. @throws {PaymentProblem} `request-malformed` */
  prepare(json: unknown): Prepared;
};

export type Prepared = {
  /** Work that needs no transaction, and that others should not wait for. */
  readonly ahead?: (step: AheadStep) => Promise<Ahead>;
  /** Inside the transaction. */
  readonly run: (step: OrderStep) => JsonObject;
};

type OrderSchema = v.GenericSchema & { readonly entries: { readonly typ: { readonly literal: string } } };

type Definition<Order extends OrderSchema> = {
  path: string;
  summary: string;
  order: Order;
  result: v.GenericSchema;
  read?: true;
  bodyBytes?: number;
  orderInHeader?: true;
  problems?: readonly ProblemCode[];
  ahead?(order: v.InferOutput<Order>, step: AheadStep): Promise<Ahead>;
  run(order: v.InferOutput<Order>, step: OrderStep): JsonObject;
};

function route<Order extends OrderSchema>(definition: Definition<Order>): OrderRoute {
  const { path, summary, order, result, ahead, run } = definition;
  return {
    path,
    typ: order.entries.typ.literal,
    summary,
    order,
    result,
    stored: definition.read !== true,
    bodyBytes: definition.bodyBytes ?? limits.bodyBytes,
    orderInHeader: definition.orderInHeader === true,
    problems: definition.problems ?? [],
    prepare(json) {
      const decoded = decode(order, json, 'request-malformed');
      return {
        ...(ahead ? { ahead: (step) => ahead(decoded, step) } : {}),
        run: (step) => run(decoded, step),
      };
    },
  };
}

const licence: ProblemCode[] = ['licence-missing', 'licence-used-up'];
const release: ProblemCode[] = ['release-invalid', 'release-used'];
const site: ProblemCode[] = ['vendor-unknown'];
const keyset: ProblemCode[] = ['keyset-unknown', 'keyset-expired', 'coin-repeated', 'payload-invalid'];
const coin: ProblemCode[] = [
  ...keyset,
  'coin-spent',
  'coin-forged',
  'spend-wrong',
  'sum-wrong',
  'lock-foreign',
  'keyset-stopped',
];

const peer: ProblemCode[] = ['peer-unknown', 'broker-untrusted'];
const level: ProblemCode[] = ['level-too-low', 'limit-reached'];
const order: ProblemCode[] = ['cert-forged', 'cert-foreign', 'cert-expired', 'cheque-forged', 'cheque-foreign'];

export const orderRoutes: readonly OrderRoute[] = [
  route({
    path: '/v1/faucet',
    summary: 'Demo money, in test mode only',
    order: faucetOrder,
    result: balanceResult,
    problems: ['faucet-closed', 'faucet-limit', 'balance-full'],
    run: faucet,
  }),
  route({
    path: '/v1/voucher',
    summary: 'Credits a voucher code, once',
    order: voucherOrder,
    result: voucherResult,
    problems: ['voucher-unknown', 'voucher-used', 'balance-full'],
    run: voucher,
  }),
  route({
    path: '/v1/statement',
    summary: 'Balance and entries of an account',
    order: statementOrder,
    result: statementResult,
    read: true,
    problems: site,
    run: statement,
  }),
  route({
    path: '/v1/vendors',
    summary: 'Registers a site, or changes its name and origins',
    order: vendorOrder,
    result: vendorResult,
    problems: ['vendor-taken', 'registration-closed'],
    run: register,
  }),
  route({
    path: '/v1/scrip/licences',
    summary: 'Grants the broker a licence to make scrip of the site',
    order: licenceOrder,
    result: licenceResult,
    problems: [...site, 'licence-invalid'],
    run: grant,
  }),
  route({
    path: '/v1/scrip/licences/list',
    summary: 'Licences of a site, and what was sold under them',
    order: licencesOrder,
    result: licencesResult,
    read: true,
    problems: site,
    run: list,
  }),
  route({
    path: '/v1/scrip/buy',
    summary: 'Sells scrip of a site, for money of the account or for broker scrip',
    order: buyOrder,
    result: scripResult,
    problems: [...site, ...licence, 'balance-short', 'scrip-foreign', 'scrip-expired', 'scrip-forged', 'scrip-spent'],
    run: buy,
  }),
  route({
    path: '/v1/scrip/refund',
    summary: 'Cashes a release, to the balance or as broker scrip',
    order: refundOrder,
    result: scripResult,
    problems: [...release, ...licence, 'balance-full'],
    run: refund,
  }),
  route({
    path: '/v1/scrip/renew',
    summary: 'Cashes a release and sells the same value with a new life',
    order: renewOrder,
    result: scripResult,
    problems: [...release, ...licence],
    run: renew,
  }),
  route({
    path: '/v1/scrip/redeem',
    summary: 'Pays a site for the scrip that it took',
    order: redeemOrder,
    result: redeemResult,
    problems: [...site, 'batch-conflict', 'balance-full'],
    run: redeem,
  }),
  route({
    path: '/v1/payword/cert',
    summary: 'Certifies a day key of an account on credit, for one site up to a limit',
    order: paywordCertOrder,
    result: paywordCertResult,
    problems: [...site, 'credit-closed', 'credit-overdue', 'limit-reached', 'rate-limit'],
    run: credit.certify,
  }),
  route({
    path: '/v1/payword/invoices',
    summary: 'The next invoice of an account on credit',
    order: paywordInvoicesOrder,
    result: paywordInvoicesResult,
    read: true,
    run: invoices.read,
  }),
  route({
    path: '/v1/payword/poll',
    summary: 'Tells a site whether a customer on credit is within the limit of the day',
    order: paywordPollOrder,
    result: paywordPollResult,
    problems: site,
    run: credit.poll,
  }),
  route({
    path: '/v1/payword/buy',
    summary: 'Sells a prepaid chain for money of the account',
    order: paywordBuyOrder,
    result: paywordBuyResult,
    problems: ['chain-taken', 'balance-short'],
    run: prepaid.buy,
  }),
  route({
    path: '/v1/payword/tickets',
    summary: 'Allots indices of a prepaid chain to a site',
    order: paywordTicketsOrder,
    result: paywordTicketsResult,
    problems: [...site, 'chain-unknown', 'chain-closed', 'range-invalid'],
    run: prepaid.allot,
  }),
  route({
    path: '/v1/payword/keys',
    summary: 'Shares a key of the site with the broker, for tickets under a MAC',
    order: paywordKeyOrder,
    result: paywordKeyResult,
    problems: site,
    run: prepaid.shareKey,
  }),
  route({
    path: '/v1/payword/redeem',
    summary: 'Pays a site for the words that it was shown',
    order: paywordRedeemOrder,
    result: paywordRedeemResult,
    problems: [...site, 'batch-conflict', 'balance-full'],
    run: redeemWords,
  }),
  route({
    path: '/v1/payword/close',
    summary: 'Takes closings of sites, and refunds the rest of a chain',
    order: paywordCloseOrder,
    result: paywordCloseResult,
    problems: ['close-invalid', 'chain-unknown', 'balance-full'],
    run: prepaid.close,
  }),
  route({
    path: '/v1/ecash/lock',
    summary: 'Makes keysets whose coins are good at one site alone',
    order: ecashLockOrder,
    result: keysetsResult,
    problems: [...site, 'currency-unsupported', 'unavailable'],
    run: lock,
  }),
  route({
    path: '/v1/ecash/withdraw',
    summary: 'Signs coins blindly, for money of the account',
    order: ecashWithdrawOrder,
    result: ecashWithdrawResult,
    problems: [...keyset, 'balance-short'],
    ahead: signAhead,
    run: coins.withdraw,
  }),
  route({
    path: '/v1/ecash/swap',
    summary: 'Signs coins blindly, for coins of the same value',
    order: ecashSwapOrder,
    result: ecashSwapResult,
    problems: coin,
    run: coins.swap,
  }),
  route({
    path: '/v1/ecash/credit',
    summary: 'Takes coins back for money of the account',
    order: ecashCreditOrder,
    result: ecashCreditResult,
    problems: [...coin, 'balance-full'],
    run: creditCoins,
  }),
  route({
    path: '/v1/ecash/deposit',
    summary: 'Takes coins for a site, at once or held until it captures them',
    order: ecashDepositOrder,
    result: ecashDepositResult,
    problems: [...site, ...coin, ...peer, 'challenge-reused', 'challenge-expired', 'balance-full', 'peer-limit'],
    ahead: askToTake,
    run: (order, step) => (isForeign(order, step) ? takeForeign(order, step) : deposit(order, step)),
  }),
  route({
    path: '/v1/ecash/capture',
    summary: 'Pays a site what was held for it',
    order: ecashCaptureOrder,
    result: ecashCaptureResult,
    problems: [...site, ...peer, 'balance-full'],
    ahead: askToEnd,
    run: (order, step) => (isForeign(order, step) ? captureForeign(order, step) : capture(order, step)),
  }),
  route({
    path: '/v1/ecash/void',
    summary: 'Gives up held payments: their coins are good again',
    order: ecashVoidOrder,
    result: ecashVoidResult,
    problems: [...site, ...peer],
    ahead: askToEnd,
    run: (order, step) => (isForeign(order, step) ? freeForeign(order, step) : giveUp(order, step)),
  }),
  route({
    path: '/v1/ecash/redeem',
    summary: 'Pays a site for coins that were locked to it',
    order: ecashRedeemOrder,
    result: ecashRedeemResult,
    problems: [...site, 'batch-conflict', 'balance-full'],
    run: redeemCoins,
  }),
  route({
    path: '/v1/ecash/restore',
    summary: 'Gives again what was signed blindly',
    order: ecashRestoreOrder,
    result: ecashRestoreResult,
    read: true,
    run: coins.restore,
  }),
  route({
    path: '/v1/ecash/spent',
    summary: 'Tells which coins were spent',
    order: ecashSpentOrder,
    result: ecashSpentResult,
    read: true,
    run: coins.spent,
  }),
  route({
    path: '/v1/ecash/prove',
    summary: 'Tells the holder of a coin what became of it',
    order: ecashProveOrder,
    result: ecashProveResult,
    read: true,
    run: coins.prove,
  }),
  route({
    path: '/v1/peers/forward',
    summary: 'Hands on an order of a site of another broker, which is paid in its place',
    order: peerForwardOrder,
    result: jsonObject,
    problems: ['peer-unknown', 'vendor-taken', ...coin, 'challenge-reused', 'challenge-expired', 'balance-full'],
    run: handOn,
  }),
  route({
    path: '/v1/exchange/clear',
    summary: 'Settles what two brokers owe each other, when both have the same claims in their books',
    order: clearOrder,
    result: clearResult,
    problems: ['peer-unknown', 'clearing-differs'],
    run: clear,
  }),
  route({
    path: '/v1/exchange/claims',
    summary: 'What is to be cleared, as this broker has it',
    order: claimsOrder,
    result: claimsResult,
    read: true,
    problems: ['peer-unknown'],
    run: claims,
  }),
  route({
    path: '/v1/cheque/certs',
    summary: 'Certifies day keys of an account, and keeps aside what sites may serve unasked',
    order: chequeCertsOrder,
    result: chequeCertsResult,
    problems: [...site, 'balance-short', 'credit-overdue', 'approver-needed', 'rate-limit', ...level],
    run: certify,
  }),
  route({
    path: '/v1/cheque/approver',
    summary: 'Says whose yes larger cheques of an account need',
    order: chequeApproverOrder,
    result: chequeApproverResult,
    problems: ['approver-needed'],
    run: supervise,
  }),
  route({
    path: '/v1/cheque/approve',
    summary: 'An approver’s yes to one cheque',
    order: chequeApproveOrder,
    result: chequeApproveResult,
    run: approve,
  }),
  route({
    path: '/v1/cheque/capture',
    summary: 'Decides a cheque before its site delivers: paid, held, or refused, once',
    order: chequeCaptureOrder,
    result: chequeCaptureResult,
    problems: [...site, ...order, 'cheque-conflict', 'key-wrong', 'approver-needed', 'balance-full'],
    ahead: cheques.captureAhead,
    run: cheques.capture,
  }),
  route({
    path: '/v1/cheque/settle',
    summary: 'Pays a site what was held for it, or gives it back',
    order: chequeSettleOrder,
    result: chequeSettleResult,
    problems: [...site, 'balance-full'],
    run: cheques.settle,
  }),
  route({
    path: '/v1/cheque/authorize',
    summary: 'Lets a site serve more than the limit of a certificate, and keeps that aside too',
    order: chequeAuthorizeOrder,
    result: chequeAuthorizeResult,
    problems: [...site, 'cert-foreign', 'cert-expired', 'limit-reached'],
    run: authorize,
  }),
  route({
    path: '/v1/cheque/redeem',
    summary: 'Pays a site for cheques that it served unasked',
    order: chequeRedeemOrder,
    result: chequeRedeemResult,
    bodyBytes: limits.chequeBatchBytes,
    problems: [...site, 'batch-conflict', 'balance-full'],
    ahead: redeemAhead,
    run: redeemCheques,
  }),
  route({
    path: '/v1/cheque/refund',
    summary: 'Gives a customer back what a site was paid',
    order: chequeRefundOrder,
    result: chequeRefundResult,
    problems: [...site, 'cheque-unknown', 'refund-over', 'balance-short', 'balance-full'],
    run: cheques.refund,
  }),
  route({
    path: '/v1/cheque/outcome',
    summary: 'Tells the parties of a payment what became of it, with the key of its goods',
    order: chequeOutcomeOrder,
    result: chequeOutcomeResult,
    problems: ['cheque-unknown', 'cheque-conflict', ...order],
    run: cheques.outcome,
  }),
  route({
    path: '/v1/cheque/notes',
    summary: 'The next credit note of a site',
    order: chequeNotesOrder,
    result: chequeNotesResult,
    read: true,
    problems: site,
    run: notes.read,
  }),
  route({
    path: '/v1/cheque/trace',
    summary: 'Shows a party of a payment where it stands on the invoice or credit note',
    order: chequeTraceOrder,
    result: chequeTraceResult,
    read: true,
    problems: ['cheque-unknown'],
    run: notes.trace,
  }),
  route({
    path: '/v1/cheque/dispute',
    summary: 'Opens a ciphertext that was paid for, and gives the money back when it is not what was promised',
    order: chequeDisputeOrder,
    result: chequeDisputeResult,
    bodyBytes: limits.disputeBytes,
    orderInHeader: true,
    problems: [
      'cheque-unknown',
      'cheque-conflict',
      'dispute-over',
      'ciphertext-wrong',
      'balance-short',
      'rate-limit',
      ...order,
    ],
    ahead: openAhead,
    run: settleDispute,
  }),
];
