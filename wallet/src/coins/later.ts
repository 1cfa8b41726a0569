// Orders for coins that nobody waits for, at a random time after their cause: a broker that saw both could else tell by the clock
// that one came of the other. What somebody waits for is not delayed.
import type { Env } from '@farthing/protocol';
import type { Context } from '../context.ts';
import { keys } from '../documents.ts';
import { transact } from '../transaction.ts';

const SOONEST_MS = 60_000;
/** Coins for the next payments at a site should be there when it is visited again. */
export const LOCK_WITHIN_MS = 20 * 60_000;
/** Old coins can be swapped for weeks. */
export const REFRESH_WITHIN_MS = 12 * 3_600_000;

/** A time within so much, each as likely, but for the first minute. */
export function randomTime({ nowMs, random }: Env, withinMs: number): number {
  const bytes = random(4);
  const share = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
  return nowMs + SOONEST_MS + Math.floor(share * (withinMs - SOONEST_MS));
}

/** Is it time to refresh the coins of this broker? The first time that it is asked sets the time. */
export function isDue(ctx: Context, brk: string): Promise<boolean> {
  const key = keys.later(brk);
  return transact(ctx.store, [key], (tx) => {
    const env = ctx.env();
    const later = tx.get('later', key);
    if (!later) tx.put('later', key, { dueAtMs: randomTime(env, REFRESH_WITHIN_MS) });
    else if (later.dueAtMs <= env.nowMs) tx.drop(key);
    return later !== undefined && later.dueAtMs <= env.nowMs;
  });
}
