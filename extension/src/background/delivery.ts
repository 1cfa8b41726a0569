// From a yes to the page: pay, put the credential on one reload of the tab, and say what its answer means.
import type { Offer, Payment, Settled, Approval as Yes } from '@farthing/wallet';
import { browser } from '../browser.ts';
import { aheadOf } from './ahead.ts';
import { problemOf, wallet } from './engine.ts';
import type { HeadersSeen } from './observe.ts';
import { type Armed, arm, unusedOf, withdraw } from './rules.ts';
import { notSent, resolve, settle, watch } from './settling.ts';
import { sameDocument, show, views } from './tabs.ts';
import { end, isCurrent, mayTry, succeeded, type Visit, visitOf } from './visits.ts';

const COMMIT_MS = 10_000;
const RULE_MS = 10_000;
const PREEMPT_RULE_MS = 5_000;

/** @throws {PaymentProblem} what stands in the way; the tab's view says it, too */
export async function pay(here: Visit, offer: Offer, yes: Yes): Promise<void> {
  const { tabId, ask } = here;
  const facts = { automatic: yes.by === 'rule', offer, amountMicro: offer.amountMicro, currency: offer.currency };
  show(tabId, ask.url, { state: 'paying', ...facts });
  try {
    await watch();
    const payment = await (await wallet).pay(ask, yes);
    if (isCurrent(here)) show(tabId, ask.url, { state: 'paying', ...facts, paymentId: payment.id });
    await deliver(here, payment, { automatic: yes.by === 'rule' });
  } catch (error) {
    fail(here, error, offer);
    throw error;
  }
}

export async function deliver(here: Visit, payment: Payment, { automatic }: { automatic: boolean }): Promise<void> {
  const { tabId, ask } = here;
  const drop = async () => {
    if (views.get(String(tabId))?.state === 'paying') show(tabId, ask.url, { state: 'declined' });
    await notSent(payment);
  };
  if (!isCurrent(here)) return drop();
  await Promise.race([here.settled, new Promise((done) => setTimeout(done, COMMIT_MS))]);
  if (!isCurrent(here)) return drop();
  const rule = await arm({ payment, tabId, kind: 'main_frame', automatic, ttlMs: RULE_MS }, () => void drop());
  if (!isCurrent(here) || (await isLeaving(here)) || !isCurrent(here)) {
    if (isCurrent(here)) end(tabId);
    await takeBack(rule);
    return;
  }
  // A plain reload asks the person before it posts a form again; the page's own reload posts the same body.
  if (ask.method === 'GET') await browser.tabs.reload(tabId);
  else
    await browser.scripting.executeScript({
      target: { tabId },
      injectImmediately: true,
      func: () => location.reload(),
    });
}

/** Asked of the browser itself: its events may be a moment behind a person who has just gone elsewhere. */
async function isLeaving({ tabId, ask }: Visit): Promise<boolean> {
  const tab: object = await browser.tabs.get(tabId);
  return 'pendingUrl' in tab && typeof tab.pendingUrl === 'string' && !sameDocument(tab.pendingUrl, ask.url);
}

export function fail({ tabId, ask }: Visit, error: unknown, offer?: Offer): void {
  const { code, extra } = problemOf(error);
  show(tabId, ask.url, {
    state: code === 'outcome-unknown' ? 'pending' : 'failed',
    reason: code,
    ...(extra.detail === undefined ? {} : { detail: extra.detail }),
    ...(offer === undefined ? {} : { offer, amountMicro: offer.amountMicro, currency: offer.currency }),
  });
}

/** The page came with an answer to our credential. `asks`: the site wants another payment, so it is a new 402. */
export async function answered(seen: HeadersSeen): Promise<'known' | 'asks'> {
  if (!seen.armed) return 'known';
  const { payment, automatic } = seen.armed;
  const { id: paymentId, amountMicro, currency, repeat } = payment;
  const outcome = await settle(payment, seen);
  const facts = { paymentId, amountMicro, currency, automatic, repeat };
  if (seen.status === 402 && outcome !== 'unknown') return 'asks';
  const state = outcome === 'paid' ? 'paid' : outcome === 'unknown' ? 'pending' : seen.status < 400 ? 'idle' : 'failed';
  show(seen.tabId, seen.url, { state, ...facts });
  if (outcome === 'paid') succeeded(seen.tabId, seen.url);
  return 'known';
}

/** The connection broke after the credential had left. */
export async function pageLost(tabId: number, url: string, payment: Payment): Promise<void> {
  const { id: paymentId, amountMicro, currency } = payment;
  show(tabId, url, { state: 'pending', paymentId, amountMicro, currency });
  const outcome = await resolve(payment);
  if (outcome === 'paid') show(tabId, url, { state: 'undelivered', paymentId, amountMicro, currency });
  if (outcome === 'not_charged') show(tabId, url, { state: 'failed', paymentId, amountMicro, currency });
}

/** The person asks how an open payment ended. */
export async function check(tabId: number): Promise<void> {
  const view = views.get(String(tabId));
  if (view?.state !== 'pending' || view.paymentId === undefined) return;
  const payment = (await (await wallet).pending()).find(({ id }) => id === view.paymentId);
  const outcome = payment ? await resolve(payment) : await ended(view.paymentId);
  const { url, tabId: _, origin: __, atMs: ___, ...facts } = view;
  if (outcome !== 'unknown') show(tabId, url, { ...facts, state: outcome === 'paid' ? 'undelivered' : 'failed' });
}

async function ended(paymentId: string): Promise<Settled['outcome']> {
  const record = await (await wallet).record(paymentId);
  return record?.state === 'paid' ? 'paid' : record?.state === 'pending' ? 'unknown' : 'not_charged';
}

/** The request that this rule was for will not be made: its money is free again. */
async function takeBack(rule: Armed): Promise<void> {
  if (await withdraw(rule)) await notSent(rule.payment);
}

/** Takes back the credentials of a tab that have not left; `but` the ones for this address. */
export function takeBackUnused(tabId: number, but?: string): void {
  for (const rule of unusedOf(tabId))
    if (but === undefined || !sameDocument(rule.payment.url, but)) void takeBack(rule);
}

/** Stops a payment whose credential has not left yet. */
export function cancel(tabId: number): void {
  const here = visitOf(tabId);
  if (!here) return;
  end(tabId);
  takeBackUnused(tabId);
  show(tabId, here.ask.url, { state: 'declined' });
}

/** Pays a link's page before it is asked for; the site's script then follows the link, with the credential on it. */
export async function preempt(tabId: number, site: string, url: string): Promise<boolean> {
  const { origin, pathname } = new URL(url);
  if (origin !== site || aheadOf(origin).length === 0 || pathname.length > 2000) return false;
  if (!mayTry(tabId, url)) return false;
  const engine = await wallet;
  await watch();
  const payment = await engine.preempt({ url, method: 'GET', site, sessions: false });
  if (!payment) return false;
  await arm(
    { payment, tabId, kind: 'main_frame', automatic: true, ttlMs: PREEMPT_RULE_MS },
    () => void notSent(payment).catch(problemOf),
  );
  return true;
}
