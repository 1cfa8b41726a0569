// The header `Prefer` (RFC 7240) of a stream's companion: how long it would wait, and down to how many units. A preference
// is a wish: what cannot be read is passed over, and what is too much is cut.
import { limits } from '@farthing/protocol';

/** `waitMs`: at most `limits.companionWaitMs`. `low`: units paid ahead at which the answer is wanted. */
export type Wish = { readonly waitMs: number; readonly low: number };

const LONGEST = 500;

/** `undefined`: no wish to wait, or none that can be read. Of a preference that comes twice the first counts. */
export function readWish(header: string | undefined): Wish | undefined {
  if (!header || header.length > LONGEST) return undefined;
  const wishes = new Map<string, string>();
  for (const preference of header.split(',')) {
    const [, name, , value] = /^\s*([a-z-]+)\s*=\s*("?)(\d{1,9})\2\s*(?:;.*)?$/i.exec(preference) ?? [];
    if (name === undefined || value === undefined || wishes.has(name.toLowerCase())) continue;
    wishes.set(name.toLowerCase(), value);
  }
  const wait = wishes.get('wait');
  if (wait === undefined) return undefined;
  return {
    waitMs: Math.min(Number(wait) * 1000, limits.companionWaitMs),
    low: Math.min(Number(wishes.get('payment-low') ?? 0), limits.sessionUnits),
  };
}
