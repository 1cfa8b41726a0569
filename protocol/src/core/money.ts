// Money: a bigint of base units with its currency. No float on any way in or out.
import { limits } from './limits.ts';
import { PaymentProblem } from './problems.ts';

/** Method-defined currency ids (wire profile 1): millionths of a unit, because ISO `usd` means whole cents. */
export const currencies = {
  'usd-micro': { iso: 'USD', symbol: '$', decimals: 6 },
  'eur-micro': { iso: 'EUR', symbol: '€', decimals: 6 },
} as const;

export type Currency = keyof typeof currencies;
export type Money = { readonly amount: bigint; readonly currency: Currency };

export function isCurrency(text: string): text is Currency {
  return Object.hasOwn(currencies, text);
}

/** Decimal string of base units, 1…10^18 (or 0 with `zero`): no sign, no leading zero, no exponent. */
export function parseAmount(text: string, options: { zero?: boolean } = {}): bigint | undefined {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) return undefined;
  const amount = BigInt(text);
  if (amount > limits.amountMax || (amount === 0n && !options.zero)) return undefined;
  return amount;
}

/**
 * A price as people write it: `'0.0015 USD'`, `'2 EUR'`.
 * @throws {PaymentProblem} `price-invalid` for anything else, and for amounts below a millionth or above the limit
 */
export function parsePrice(text: string): Money {
  const match = /^([0-9]{1,13})(?:\.([0-9]{1,6}))? ?([A-Z]{3})$/.exec(text.trim().slice(0, 64));
  const currency = match && (Object.keys(currencies) as Currency[]).find((id) => currencies[id].iso === match[3]);
  if (!match || !currency) {
    throw new PaymentProblem('price-invalid', {
      detail: `expected a price such as '0.0015 USD' with at most 6 decimals, got ${JSON.stringify(text.slice(0, 64))}`,
    });
  }
  const amount = BigInt(match[1] as string) * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0'));
  if (amount < 1n || amount > limits.amountMax) {
    throw new PaymentProblem('price-invalid', {
      detail: `a price lies between 0.000001 and 1000000000000, got ${text}`,
    });
  }
  return { amount, currency };
}

/** Exact decimal text without a currency: `1500n` → `'0.0015'`; at least two decimals. */
export function toDecimal(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(7, '0');
  const fraction = digits.slice(-6).replace(/0{1,4}$/, '');
  return `${amount < 0n ? '-' : ''}${digits.slice(0, -6)}.${fraction}`;
}

/** Exact text in plain English: `$0.0015`, `-€2.50`. Screens localise from `toDecimal` instead. */
export function formatMoney({ amount, currency }: Money): string {
  const text = toDecimal(amount);
  const { symbol } = currencies[currency];
  return text.startsWith('-') ? `-${symbol}${text.slice(1)}` : `${symbol}${text}`;
}
