// What an answer means for the payment that was sent: settled at once, or by showing the same credential again.
import { limits, parseJson, tryDecode } from '@farthing/protocol';
import type { Payment, Settled, SiteAnswer } from '@farthing/wallet';
import * as v from 'valibot';
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
    });
    if (outcome === 'paid') learn(payment.url, seen.challenges);
    if (outcome === 'unknown') outcome = await resolve(payment);
    return outcome;
  } catch (error) {
    problemOf(error);
    return 'unknown';
  }
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

/** Only a GET may be repeated without the person; a redirect is not followed, as the credential is for this address. */
async function present({ url, method, header }: Payment): Promise<SiteAnswer | undefined> {
  if (method !== 'GET') return undefined;
  const answer = await fetch(url, {
    headers: { [header.name]: header.value, accept: 'application/problem+json' },
    credentials: 'omit',
    redirect: 'manual',
    cache: 'no-store',
    signal: AbortSignal.timeout(PRESENT_MS),
  }).catch(() => undefined);
  if (!answer || answer.type === 'opaqueredirect') return undefined;
  const receipt = answer.headers.get('payment-receipt');
  const challenges = answer.headers.get('www-authenticate');
  const problem = answer.status >= 400 ? problemIn(await answer.text().catch(() => '')) : undefined;
  void answer.body?.cancel().catch(() => undefined);
  return {
    status: answer.status,
    ...(receipt === null ? {} : { receipt }),
    ...(challenges === null ? {} : { challenges: [challenges] }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function problemIn(body: string): SiteAnswer['problem'] {
  if (body.length > limits.bodyBytes) return undefined;
  return tryDecode(
    v.object({ code: v.exactOptional(v.string()), consumed: v.exactOptional(v.unknown()) }),
    parseJson(body),
  );
}
