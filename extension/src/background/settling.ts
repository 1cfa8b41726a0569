// What an answer means for the payment that was sent: settled at once, or by showing the same credential again.
import { readChallenges } from '@farthing/protocol';
import { type Payment, type Settled, type SiteAnswer, siteAnswer } from '@farthing/wallet';
import { browser } from '../browser.ts';
import { learn } from './ahead.ts';
import { problemOf, wallet } from './engine.ts';
import type { HeadersSeen } from './observe.ts';
import { landed } from './rules.ts';

export const RECOVERY_ALARM = 'recover';
const PRESENT_MS = 10_000;
let watched = false;

/**
 * Before money moves: a worker that dies now is woken within a minute, and finds what it left. Upkeep ends the watch when
 * nothing is open.
 */
export async function watch(): Promise<void> {
  if (watched) return;
  watched = true;
  await browser.alarms.create(RECOVERY_ALARM, { delayInMinutes: 0.5, periodInMinutes: 1 });
}

export async function unwatch(): Promise<void> {
  watched = false;
  await browser.alarms.clear(RECOVERY_ALARM);
}

/**
 * The request that was to carry this credential was never made, so its money is free again. Not so for one that was made
 * before, perhaps by a worker that has died: it may have left then, and only its site can tell.
 */
export async function notSent(payment: Payment): Promise<void> {
  if (!payment.repeat) await (await wallet).unsent(payment.id);
}

/** Settles by the answer's headers. A refusal's body is out of sight here, so the engine reads it by a repeat. */
export async function settle(payment: Payment, seen: HeadersSeen): Promise<Settled['outcome']> {
  const engine = await wallet;
  landed(payment.id);
  try {
    let { outcome } = await engine.settle(payment.id, {
      status: seen.status,
      challenges: seen.challenges,
      ...(seen.receipt === undefined ? {} : { receipt: seen.receipt }),
      ...spared(payment, seen),
    });
    if (outcome === 'paid') learn(payment.url, payment.method, readChallenges(seen.challenges));
    if (outcome === 'unknown') outcome = await resolve(payment);
    return outcome;
  } catch (error) {
    problemOf(error);
    return 'unknown';
  }
}

/** Nothing was charged. Why a payment was refused decides what may be paid next: a repeat reads it where it can. */
function spared({ method }: Payment, { notCharged, status }: HeadersSeen): Pick<SiteAnswer, 'spared' | 'problem'> {
  if (!notCharged || (method === 'GET' && (status === 402 || status === 410))) return {};
  return { spared: true, ...(status === 410 ? { problem: { code: 'session-final', consumed: false } } : {}) };
}

/**
 * Shows the credential again, without the page: a repeat changes nothing and its answer can be read whole. In vain, the
 * coin is given back to the site, which says so if it was spent. `unknown` is looked at every minute until it is known, by upkeep.ts.
 */
export async function resolve(payment: Payment): Promise<Settled['outcome']> {
  landed(payment.id);
  try {
    const engine = await wallet;
    const answer = await present(payment);
    let { outcome } = answer ? await engine.settle(payment.id, answer) : { outcome: 'unknown' as const };
    if (outcome === 'unknown' && (await engine.record(payment.id))?.state === 'pending')
      ({ outcome } = await engine.resolve(payment.id));
    if (outcome !== 'unknown') return outcome;
  } catch (error) {
    problemOf(error);
  }
  await watch();
  return 'unknown';
}

/**
 * What is safe may be repeated without the person: a GET, and the companion of a stream. A redirect is not followed, as the
 * credential is for this address.
 */
async function present({ url, method, header }: Payment): Promise<SiteAnswer | undefined> {
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const answer = await fetch(url, {
    method,
    headers: { [header.name]: header.value, accept: 'application/problem+json' },
    credentials: 'omit',
    redirect: 'manual',
    cache: 'no-store',
    signal: AbortSignal.timeout(PRESENT_MS),
  }).catch(() => undefined);
  if (!answer || answer.type === 'opaqueredirect') return undefined;
  const read = await siteAnswer(answer);
  void answer.body?.cancel().catch(() => undefined);
  return read;
}
