// Payments that nobody has settled: their broker is asked what became of them.
import { inquireCheque } from './cheques/outcome.ts';
import { hasEnded, inquire } from './coins/inquire.ts';
import type { Context } from './context.ts';
import { methodOf } from './methods.ts';
import { needPayment } from './sent.ts';
import { worldsFault } from './world.ts';

/** What cannot be found out now stays. */
export async function inquireAll(ctx: Context): Promise<void> {
  for (const { key } of await ctx.store.list('pending/')) {
    const id = key.slice('pending/'.length);
    const { sending } = await needPayment(ctx, id);
    // One that is under way now is its host's, until its challenge has ended.
    if (sending.phase === 'held' && !hasEnded(ctx, sending.challenge)) continue;
    const { money } = methodOf(sending.challenge.method);
    if (money === 'coins') await inquire(ctx, id).catch(worldsFault);
    if (money === 'cheques') await inquireCheque(ctx, id).catch(worldsFault);
  }
}
