// What PayWord asks, on credit and prepaid, with the answers.
import type { ProblemCode } from '@farthing/protocol';
import {
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
} from '@farthing/protocol/broker';
import * as invoices from '../services/invoices.ts';
import * as credit from '../services/payword-credit.ts';
import * as prepaid from '../services/payword-prepaid.ts';
import { redeem as redeemWords } from '../services/payword-redeem.ts';
import { type OrderRoute, route } from './route.ts';

const site: ProblemCode[] = ['vendor-unknown'];

export const paywordRoutes: readonly OrderRoute[] = [
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
];
