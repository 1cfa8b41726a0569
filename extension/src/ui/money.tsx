// Amounts on screen: bigint to exact decimal text to Intl, and no float on the way.
import { type Currency, currencies, toDecimal } from '@farthing/protocol';
import { localeTag } from './t.ts';

const formatters = new Map<string, Intl.NumberFormat>();
const MARKS = /[\u200e\u200f\u061c]/g;

function formatter(key: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const name = `${localeTag()} ${key}`;
  const known = formatters.get(name) ?? new Intl.NumberFormat(localeTag(), options);
  formatters.set(name, known);
  return known;
}

/** `toDecimal` writes digits, a point and perhaps a minus: a numeric literal by construction. */
const literal = (text: string) => text as `${number}`;

export type MoneyStyle = { readonly sign?: boolean };

/** At least two decimals, up to six, never rounded. */
export function formatExact(amount: bigint, currency: Currency, { sign = false }: MoneyStyle = {}): string {
  return formatter(`exact ${currency} ${sign}`, {
    style: 'currency',
    currency: currencies[currency].iso,
    minimumFractionDigits: 2,
    maximumFractionDigits: 6,
    signDisplay: sign ? 'exceptZero' : 'auto',
  })
    .format(literal(toDecimal(amount)))
    .replace(MARKS, '');
}

/** Two decimals, towards zero; what is not zero never prints as zero. */
export function formatTotal(amount: bigint, currency: Currency, { sign = false }: MoneyStyle = {}): string {
  const cent = 10_000n;
  if (amount > 0n && amount < cent) return `<${formatExact(cent, currency)}`;
  if (amount < 0n && amount > -cent) return `>${formatExact(-cent, currency)}`;
  return formatExact((amount / cent) * cent, currency, { sign });
}

/** Below one cent people read "0.15 of a cent": the number alone, exact. */
export function centsText(amount: bigint): string | undefined {
  if (amount <= 0n || amount >= 10_000n) return undefined;
  const digits = amount.toString().padStart(5, '0');
  const text = `${digits.slice(0, -4)}.${digits.slice(-4)}`;
  return formatter('cents', { maximumFractionDigits: 4 }).format(literal(text)).replace(MARKS, '');
}

/** A typed amount in the locale's or the plain form; `undefined` for anything else, and for a seventh decimal. */
export function parseTyped(text: string): bigint | undefined {
  const parts = formatter('parts', { minimumFractionDigits: 1 }).formatToParts(1.5);
  const point = parts.find(({ type }) => type === 'decimal')?.value ?? '.';
  const plain = text
    .replace(MARKS, '')
    .trim()
    .replace(/[٠-٩]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .replace(point, '.');
  const match = /^([0-9]{1,12})(?:\.([0-9]{1,6}))?$/.exec(plain);
  return match ? BigInt(match[1] ?? '0') * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0')) : undefined;
}

export type MoneyProps = {
  readonly amount: bigint;
  readonly currency: Currency;
  readonly total?: boolean;
  readonly sign?: boolean;
  readonly big?: boolean;
};

export function Money({ amount, currency, total = false, sign = false, big = false }: MoneyProps) {
  const text = total ? formatTotal(amount, currency, { sign }) : formatExact(amount, currency, { sign });
  return (
    <bdi dir="ltr" class={big ? 'amount big' : 'amount'} data-exact={toDecimal(amount)}>
      {text}
    </bdi>
  );
}
