// What a wall asks for a request: price, units and description. A wall that always asks the same has one quote, so that
// what was prepared for it is found at once.
import { limits, type Money, PaymentProblem, type Price } from '@farthing/protocol';
import type { Request } from 'express';
import type { Quote } from './offers.ts';
import type { Text, WallOptions } from './options.ts';
import { priceReader, unitsOf } from './price.ts';
import { cleanText } from './text.ts';

type QuoteOptions = Pick<WallOptions, 'price' | 'units' | 'unit' | 'description'>;

/**
 * When called: @throws {PaymentProblem} `site-not-ready`
 * @throws {PaymentProblem} `price-invalid` for a fixed price that cannot be read
 */
export function quoteReader(options: QuoteOptions, isStream: boolean): (req: Request) => Quote | Promise<Quote> {
  const { price, description, unit, units = 1 } = options;
  const priceOf = priceReader(price);
  const priceNow = async (req: Request): Promise<Price> => {
    const money = await priceOf(req);
    // A stream is metered as it is delivered.
    if (isStream) return { ...money, units: 0 };
    return unit === undefined ? money : unitPrice(money, await unitsOf(units, req));
  };
  const read = async (req: Request): Promise<Quote> => ({
    price: await priceNow(req),
    description: textOf(description, req),
    unit,
  });
  if ([price, description, units].some((option) => typeof option === 'function')) return read;
  let fixed: Quote | undefined;
  return (req) =>
    fixed ??
    read(req).then((quote) => {
      fixed = quote;
      return quote;
    });
}

function unitPrice(money: Money, units: number): Price {
  if (money.amount * BigInt(units) > limits.amountMax) {
    throw new PaymentProblem('site-not-ready', { detail: 'the units of this page cost more than one payment may' });
  }
  return { ...money, units };
}

/** The owner's text function may throw: then there is no text, and the wall stands. */
export function textOf(text: Text | undefined, req: Request): string | undefined {
  try {
    return text === undefined ? undefined : cleanText(typeof text === 'string' ? text : text(req));
  } catch {
    return undefined;
  }
}
