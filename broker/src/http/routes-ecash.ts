// What coins ask, with the answers.
import type { ProblemCode } from '@farthing/protocol';
import {
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
} from '@farthing/protocol/broker';
import * as coins from '../services/ecash.ts';
import { credit as creditCoins } from '../services/ecash-credit.ts';
import { capture, giveUp } from '../services/ecash-holds.ts';
import { deposit } from '../services/ecash-payments.ts';
import { redeem as redeemCoins } from '../services/ecash-redeem.ts';
import { signAhead } from '../services/ecash-sign.ts';
import { isForeign } from '../services/foreign.ts';
import { askToEnd, captureForeign, freeForeign } from '../services/foreign-end.ts';
import { askToTake, takeForeign } from '../services/foreign-take.ts';
import { lock } from '../services/keysets.ts';
import { type OrderRoute, route } from './route.ts';

const site: ProblemCode[] = ['vendor-unknown'];
const keyset: ProblemCode[] = ['keyset-unknown', 'keyset-expired', 'coin-repeated', 'payload-invalid'];
/** What is wrong with coins that are shown. */
export const coin: ProblemCode[] = [
  ...keyset,
  'coin-spent',
  'coin-forged',
  'spend-wrong',
  'sum-wrong',
  'lock-foreign',
  'keyset-stopped',
];
const peer: ProblemCode[] = ['peer-unknown', 'broker-untrusted'];

export const ecashRoutes: readonly OrderRoute[] = [
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
];
