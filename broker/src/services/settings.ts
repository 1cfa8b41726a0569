// What an operator sets: read by services, never changed while the broker runs.
import type { Currency, Level } from '@farthing/protocol';

export type Period = 'daily' | 'weekly' | 'monthly';

/** What coins there are. Denominations in base units. */
export type EcashSettings = {
  readonly currencies: readonly Currency[];
  readonly denominations: readonly bigint[];
  /** How long coins of one epoch can be withdrawn and spent. */
  readonly epochDays: number;
};

/** From a thousandth of a cent to fifty: a price of 0.0015 takes two coins. */
export const DEFAULT_ECASH: EcashSettings = {
  currencies: ['usd-micro'],
  denominations: [1n, 10n, 100n, 1_000n, 10_000n, 100_000n, 1_000_000n, 10_000_000n].flatMap((unit) => [
    unit,
    2n * unit,
    5n * unit,
  ]),
  epochDays: 90,
};

/** Behind a password, behind a passkey, in a wallet. */
export const DEFAULT_LEVELS: Settings['levelMicro'] = { 0: 5_000_000n, 1: 50_000_000n, 2: 1_000_000_000n };

export type Settings = {
  readonly name: string;
  /** Test mode: demo money, open registration, loopback origins. */
  readonly test: boolean;
  readonly registration: 'open' | 'invite';
  /** Demo money one request may ask for, in base units. */
  readonly faucetMicro: bigint;
  /** Credit that any account gets when it asks for a certificate: test mode only, else the operator grants each line. */
  readonly creditMicro: bigint;
  /** What the broker keeps of PayWord claims, in hundredths of a percent. */
  readonly paywordFeeBps: number;
  /** Credit: a site reports one payment in so many base units. */
  readonly pollMicro: bigint;
  /** Cheques: the most in one payment, in base units, by how well the key is kept; four times as much in a day. */
  readonly levelMicro: Readonly<Record<Level, bigint>>;
  /** Cheques of more than that, in base units, are never summed with others in the books. */
  readonly singleMicro: bigint;
  /** Absent: this broker makes no coins. */
  readonly ecash?: EcashSettings;
  /** Credit: how often customers get an invoice, and how many days they have to pay it. */
  readonly invoicePeriod: Period;
  readonly invoiceDueDays: number;
};
