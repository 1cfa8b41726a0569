// Payloads that fit no header: the site gets the text before, and the credential names it by its hash.

import { PATIENCE_MS } from './broker.ts';
import type { Context } from './context.ts';
import type { Sent } from './till.ts';
import { readOne } from './transaction.ts';

/** Sites forget it after a while, so this goes before each presentation. One that does not get it refuses, and takes nothing. */
export async function postPayload(ctx: Context, { sending }: Pick<Sent, 'sending'>): Promise<void> {
  const { posted, purse: key } = sending;
  const purse = posted === undefined ? undefined : await readOne(ctx.store, 'purse', key);
  if (!purse || posted === undefined) return;
  const url = new URL(`${purse.api}/payload`, purse.origin);
  if (url.origin !== purse.origin) return;
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: posted, redirect: 'error', credentials: 'omit' } as const;
  try {
    const response = await ctx.ports.fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    await response.body?.cancel();
  } catch {
    // The site says what it misses.
  }
}
