// A payment with coins as a site sees it, and what the two ways of checking it have in common.
import type { Verified } from '../../core/method.ts';
import type { Currency } from '../../core/money.ts';
import { PaymentProblem } from '../../core/problems.ts';
import type { KnownKeysets } from '../checks.ts';
import type { Output, SpendTerms, SpentCoin } from '../coin.ts';
import type { EcashBroker } from './keys.ts';

export type CoinPayment = {
  readonly broker: EcashBroker;
  readonly cur: Currency;
  readonly terms: Omit<SpendTerms, 'coins' | 'change'> & {
    readonly coins: readonly SpentCoin[];
    readonly change: readonly Output[];
  };
};

/** With the keysets whose keys its coins' signatures are to be checked with. */
export type Checked = { readonly keysets: KnownKeysets; readonly verified: Verified };

/** @throws {PaymentProblem} `amount-short` */
export function refuseShort(value: bigint, amount: bigint): void {
  if (value < amount) throw new PaymentProblem('amount-short', { members: { shortBy: (amount - value).toString() } });
}
