// What a purse holds: opaque money of one method.
import type { Json } from '@farthing/protocol';

/** Money of one method at one site. `micro` is what it can still pay, `expiresAtMs` the end of its life. */
export type Coin = {
  readonly piece: Json;
  readonly micro: bigint;
  readonly expiresAtMs: number;
  /** The site takes no more of it: it waits for its end, when the broker returns the rest. */
  readonly ended?: boolean;
  /** A promise that the broker bills, and no money of ours. */
  readonly credit?: boolean;
};
