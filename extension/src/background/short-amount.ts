// An amount in four characters: a badge has room for no more.
import { type Currency, currencies } from '@farthing/protocol';

/** `amount` in base units, as short as a badge: `.3¢`, `42¢`, `$1.2`. Towards zero; what is not zero never reads as zero. */
export function shortAmount(amount: bigint, currency: Currency): string {
  const tenths = amount / 1_000n; // of a cent
  if (amount <= 0n) return '';
  if (tenths === 0n) return '<.1¢';
  if (tenths < 100n) return `${tenths < 10n ? '' : tenths / 10n}.${tenths % 10n}¢`.replace('.0¢', '¢');
  if (tenths < 1_000n) return `${tenths / 10n}¢`;
  const whole = amount / 1_000_000n;
  return `${symbolOf(currency)}${whole < 10n ? `${whole}.${(amount / 100_000n) % 10n}` : whole}`;
}

function symbolOf(currency: Currency): string {
  const options = { style: 'currency', currency: currencies[currency].iso, currencyDisplay: 'narrowSymbol' } as const;
  const parts = new Intl.NumberFormat('en', options).formatToParts(0);
  return parts.find(({ type }) => type === 'currency')?.value ?? '';
}
