// Filling a store quickly.
import { randomBytes } from 'node:crypto';

const PART = 1000;

/** Enough at once for stores that commit in groups. */
export async function inParts(count: number, write: (i: number) => Promise<void>, each?: () => Promise<void>) {
  for (let done = 0; done < count; done += PART) {
    await Promise.all(Array.from({ length: Math.min(PART, count - done) }, (_, i) => write(done + i)));
    await each?.();
  }
}

/** Text of its own: copies of one text would share its memory. */
export const textOf = (chars: number): string => randomBytes(Math.ceil((chars * 3) / 4)).toString('base64url');
