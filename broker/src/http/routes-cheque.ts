// What cheques ask, with the answers.
import { limits, type ProblemCode } from '@farthing/protocol';
import {
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
} from '@farthing/protocol/broker';
import * as cheques from '../services/cheque.ts';
import { approve, authorize, certify, supervise } from '../services/cheque-certs.ts';
import { openAhead, settleDispute } from '../services/cheque-dispute.ts';
import { redeem, redeemAhead } from '../services/cheque-redeem.ts';
import * as notes from '../services/notes.ts';
import { type OrderRoute, route } from './route.ts';

const site: ProblemCode[] = ['vendor-unknown'];
const level: ProblemCode[] = ['level-too-low', 'limit-reached'];
const order: ProblemCode[] = ['cert-forged', 'cert-foreign', 'cert-expired', 'cheque-forged', 'cheque-foreign'];

export const chequeRoutes: readonly OrderRoute[] = [
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
    run: redeem,
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
