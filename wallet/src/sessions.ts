// Sessions as a person sees them: money at a site that pays many times.
import type { Context } from './context.ts';
import { methodOf } from './methods.ts';
import { listDocs } from './transaction.ts';
import type { SessionInfo } from './types.ts';

/** Newest last within a site. Chains that are used up are left out. */
export async function sessions(ctx: Context): Promise<SessionInfo[]> {
  const { nowMs } = ctx.env();
  const purses = await listDocs(ctx.store, 'purse', 'purse/');
  return purses.flatMap(({ doc: { method, origin, vnd, brk, currency, coins } }) => {
    const { many } = methodOf(method);
    if (!many) return [];
    return coins
      .filter(({ holder, micro, expiresAtMs }) => holder === undefined && micro > 0n && expiresAtMs > nowMs)
      .map(({ piece, micro: leftMicro, expiresAtMs, ended, credit }) => {
        const open = many.isOpen(piece) ? ('open' as const) : ('new' as const);
        const state = ended ? ('ended' as const) : open;
        const lent = credit ? { credit: true as const } : {};
        return { origin, vnd, brk, method, currency, leftMicro, ...lent, expiresAtMs, state };
      });
  });
}
