// The companion of a stream: a HEAD request to its URL that pays it on, or repeats what paid it, and is answered with where
// the stream stands. It may wait until the stream needs money, so that a wallet knows when without reading the body.
import { type Price, printPaymentMeter, type SessionView } from '@farthing/protocol';
import type { Request, Response } from 'express';
import type { Sessions } from './methods.ts';
import { readWish, type Wish } from './prefer.ts';
import type { Site } from './site.ts';

type About = { readonly site: Site; readonly key: string; readonly role: Sessions; readonly price: Price };

/** Its payment has been taken, and its receipt is on the answer. */
export async function answerCompanion(about: About, req: Request, res: Response): Promise<void> {
  const { site, key } = about;
  const gone = new AbortController();
  res.once('close', () => gone.abort());
  const wish = readWish(req.get('prefer'));
  const seat = wish && site.bells.seat(key);
  try {
    const view = await look(about);
    const now = seat && view ? await watch(about, { view, wish, signal: gone.signal }) : view;
    if (seat) res.setHeader('Preference-Applied', 'wait');
    if (now) res.setHeader('Payment-Meter', printPaymentMeter(standing(now)));
  } catch {
    // What was paid is paid, and the receipt says so; where the stream stands can be asked again.
    site.tell({ code: 'store-fault', message: 'the state of a stream could not be read; see the log of the store' });
  } finally {
    seat?.leave();
  }
  // What it says changes from moment to moment.
  res.setHeader('Cache-Control', 'private, no-store');
  res.status(204).end();
}

async function look({ site, key, role }: About): Promise<SessionView | undefined> {
  const row = await site.store.readSession(key);
  return row === undefined ? undefined : role.view(row, site.env());
}

const standing = ({ authorized, spent, running }: SessionView) => ({ spent, remaining: authorized - spent, running });

/** Until little is left, no stream runs, the session ends, the time is over, or the customer hangs up. */
async function watch(
  about: About,
  { view, wish, signal }: { view: SessionView; wish: Wish; signal: AbortSignal },
): Promise<SessionView> {
  const { site, key, price } = about;
  const endMs = performance.now() + wish.waitMs;
  for (let now = view; ; now = (await look(about)) ?? { ...now, final: true }) {
    const { remaining, running } = standing(now);
    const withinMs = endMs - performance.now();
    const isLow = remaining / price.amount <= BigInt(wish.low);
    if (isLow || !running || now.final || withinMs <= 0 || signal.aborted) return now;
    await site.bells.next(key, { signal, withinMs });
  }
}
