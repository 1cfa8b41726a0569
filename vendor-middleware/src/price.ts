// What a route costs now. Whatever goes wrong with a price is 503 and never the content.

import { isCurrency, limits, type Money, PaymentProblem, parsePrice } from '@farthing/protocol';
import type { Request } from 'express';

export type PriceOption = string | ((req: Request) => string | Money | Promise<string | Money>);

const TIMEOUT_MS = 5000;

export type PriceOf = (req: Request) => Money | Promise<Money>;

/** A fixed price is read once. @throws {PaymentProblem} `price-invalid` for a fixed price that cannot be read */
export function priceReader(option: PriceOption): PriceOf {
  if (typeof option === 'string') {
    const fixed = parsePrice(option);
    return () => fixed;
  }
  return async (req) => {
    try {
      return checked(await withTimeout(async () => option(req)));
    } catch (error) {
      throw new PaymentProblem('site-not-ready', {
        detail: `the price of this page could not be determined: ${error instanceof PaymentProblem ? error.code : 'the price function failed'}`,
        retryAfter: 5,
      });
    }
  };
}

/** Units that this request takes. A function that fails is 503, like a price that does. */
export async function unitsOf(
  option: number | ((req: Request) => number | Promise<number>),
  req: Request,
): Promise<number> {
  if (typeof option === 'number') return option;
  try {
    const units = await withTimeout(async () => option(req));
    if (Number.isSafeInteger(units) && units >= 1 && units <= limits.sessionUnits) return units;
  } catch {
    // Told below.
  }
  throw new PaymentProblem('site-not-ready', {
    detail: 'the units of this page could not be determined',
    retryAfter: 5,
  });
}

function checked(value: unknown): Money {
  if (typeof value === 'string') return parsePrice(value);
  if (typeof value === 'object' && value !== null && 'amount' in value && 'currency' in value) {
    const { amount, currency } = value;
    const good = typeof amount === 'bigint' && amount >= 1n && amount <= limits.amountMax;
    if (good && typeof currency === 'string' && isCurrency(currency)) return { amount, currency };
  }
  throw new PaymentProblem('price-invalid');
}

async function withTimeout<Value>(work: () => Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('the price function took too long')), TIMEOUT_MS);
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
