// A broker answers 200 also to claims that it does not pay.
import type { JsonObject } from '@farthing/protocol';

/** @throws {Error} the redemption credits another sum than was claimed */
export function mustPay({ redemption }: JsonObject, sum: bigint): void {
  const isObject = typeof redemption === 'object' && redemption !== null;
  const credited = isObject && 'credited' in redemption ? redemption.credited : undefined;
  if (credited !== sum.toString()) throw new Error(`claims of ${sum} were paid ${credited}`);
}
