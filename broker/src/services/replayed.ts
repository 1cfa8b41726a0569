// An operation may be decided more than once before it counts. Each time it gets the same randomness: else what it looks up by a
// random name would never be there.
import type { Env } from '@farthing/protocol';

/** `again`: from the beginning. */
export type Replayed = { readonly env: Env; again(): void };

export function replayed(env: Env): Replayed {
  const drawn: Uint8Array[] = [];
  let next = 0;
  const random = (length: number): Uint8Array => {
    const known = drawn[next];
    const bytes = known?.length === length ? known : env.random(length);
    drawn[next++] = bytes;
    return bytes;
  };
  return {
    env: { ...env, random },
    again() {
      next = 0;
    },
  };
}
