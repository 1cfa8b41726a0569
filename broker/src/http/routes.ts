// Every signed order that the broker takes: path, shape, answer, and the service that decides. The HTTP layer and the
// OpenAPI document are both made from this table.
import {
  balanceResult,
  claimsOrder,
  claimsResult,
  clearOrder,
  clearResult,
  faucetOrder,
  jsonObject,
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
  licenceOrder,
  licenceResult,
  licencesOrder,
  licencesResult,
  redeemOrder,
  redeemResult,
  refundOrder,
  renewOrder,
  scripResult,
} from '@farthing/protocol/broker';
import { faucet, statement, voucher } from '../services/accounts.ts';
import { claims, clear } from '../services/clearing.ts';
import { grant, list } from '../services/licences.ts';
import { handOn } from '../services/peer-forward.ts';
import { foresee, redeem } from '../services/redeem.ts';
import { buy, foreseeBuy, refund, renew } from '../services/sell.ts';
import { register } from '../services/vendors.ts';
import { type OrderRoute, route } from './route.ts';
import { chequeRoutes } from './routes-cheque.ts';
import { coin, ecashRoutes } from './routes-ecash.ts';
import { paywordRoutes } from './routes-payword.ts';

const licence: ProblemCode[] = ['licence-missing', 'licence-used-up'];
const release: ProblemCode[] = ['release-invalid', 'release-used'];
const site: ProblemCode[] = ['vendor-unknown'];

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
    foresee: foreseeBuy,
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
    foresee,
    run: redeem,
  }),
  ...paywordRoutes,
  ...ecashRoutes,
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
  ...chequeRoutes,
];
