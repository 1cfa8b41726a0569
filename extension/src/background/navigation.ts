// A page that answers 402: decide, pay, put the credential on one reload. One state per tab, the newest 402 supersedes.
import type { Ask, Decision, Offer, Payment, Settled, Approval as Yes } from '@farthing/wallet';
import { browser } from '../browser.ts';
import { patternsOf } from './ahead.ts';
import { type Approval, open, voidOf, wasDeclined } from './approvals.ts';
import { problemOf, wallet } from './engine.ts';
import { askOf, type HeadersSeen } from './observe.ts';
import { type Armed, arm, unusedOf, withdraw } from './rules.ts';
import { resolve, settle } from './settling.ts';
import { arrived, sameDocument, show, views } from './tabs.ts';

/** A document that answered 402. `settled` resolves when it stands in the tab, so that a reload reloads it. */
type Visit = {
  readonly ask: Ask;
  readonly tabId: number;
  readonly settled: Promise<void>;
  readonly arrive: () => void;
  /** Whether a reload follows without a question: then nobody needs to see the 402 page. */
  readonly decided: Promise<boolean>;
  readonly decide: (paying: boolean) => void;
};

const visits = new Map<number, Visit>();
const attempts = new Map<string, { count: number; sinceMs: number }>();
const ATTEMPTS = 3;
const ATTEMPT_WINDOW_MS = 20_000;
const COMMIT_MS = 10_000;
const RULE_MS = 10_000;
const PREEMPT_RULE_MS = 5_000;
const UNDERSTOOD_MS = 1_000;

function visit(tabId: number, ask: Ask): Visit {
  const { promise: settled, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: decided, resolve: decide } = Promise.withResolvers<boolean>();
  const made = { ask, tabId, settled, arrive, decided, decide };
  visits.set(tabId, made);
  return made;
}

const isCurrent = (one: Visit) => visits.get(one.tabId) === one;

/** The page itself answered 402. */
export async function pageAsks(seen: HeadersSeen): Promise<void> {
  if (seen.speculative || seen.tabId < 0) return; // nobody asked for it yet
  const { origin } = new URL(seen.url);
  const ask = askOf(seen, origin);
  const here = visit(seen.tabId, ask);
  voidOf(seen.tabId);
  try {
    await follow(here, seen.crossed);
  } catch (error) {
    fail(here, error);
  } finally {
    here.decide(false);
  }
}

async function follow(here: Visit, crossed: boolean): Promise<void> {
  const decision = await (await wallet).decide(here.ask);
  if (!isCurrent(here)) return;
  const spends = (decision.kind === 'pay' && !crossed) || decision.kind === 'again';
  here.decide(spends);
  if (spends && !mayTry(here.tabId, here.ask.url)) return endless(here, decision);
  if (decision.kind === 'again') return deliver(here, decision.payment, { automatic: true });
  if (decision.kind === 'refuse') return refuse(here, decision);
  // A redirect from elsewhere may not spend by a rule: the person did not ask for this site.
  if (decision.kind === 'ask' || crossed) {
    const reason = decision.kind === 'ask' ? decision.reason : 'approval-needed';
    question(here, decision.offer, reason);
    return;
  }
  await pay(here, decision.offer, {
    challengeId: decision.offer.challengeId,
    maxMicro: decision.offer.amountMicro,
    by: 'rule',
  });
}

/** The site keeps asking after it was paid: reading again is free, but not for ever. */
function endless({ tabId, ask }: Visit, decision: Decision): void {
  if (decision.kind !== 'again') {
    show(tabId, ask.url, { state: 'failed', reason: 'challenge-reused' });
    return;
  }
  const { id: paymentId, amountMicro, currency } = decision.payment;
  show(tabId, ask.url, { state: 'undelivered', paymentId, amountMicro, currency });
}

function refuse(
  { tabId, ask }: Visit,
  { reason, offer, detail, shortByMicro }: Extract<Decision, { kind: 'refuse' }>,
): void {
  show(tabId, ask.url, {
    state: 'refused',
    reason,
    ...(detail === undefined ? {} : { detail }),
    ...(shortByMicro === undefined ? {} : { shortByMicro }),
    ...(offer === undefined ? {} : { offer, amountMicro: offer.amountMicro, currency: offer.currency }),
  });
}

function question(
  { tabId, ask }: Visit,
  offer: Offer,
  reason: Approval['reason'],
  insist = false,
): Approval | undefined {
  const price = { offer, amountMicro: offer.amountMicro, currency: offer.currency };
  if (!insist && wasDeclined(ask.url)) {
    show(tabId, ask.url, { state: 'declined', reason, ...price });
    return undefined;
  }
  const approval: Approval = { id: crypto.randomUUID(), tabId, page: ask.url, ask, offer, reason, kind: 'navigation' };
  show(tabId, ask.url, { state: 'asking', reason, approvalId: approval.id, ...price });
  open(approval, (answer) => {
    if (answer === 'declined') show(tabId, ask.url, { state: 'declined', reason, ...price });
  });
  return approval;
}

/** Asks again about the page of a tab, because the person wants to: after Not now, a raised limit, a top-up. */
export async function askAgain(tabId: number): Promise<Approval | undefined> {
  const here = visits.get(tabId);
  if (!here) return undefined;
  const decision = await (await wallet).decide(here.ask);
  if (decision.kind === 'again') await deliver(here, decision.payment, { automatic: false });
  else if (decision.kind === 'refuse') refuse(here, decision);
  else return question(here, decision.offer, decision.kind === 'ask' ? decision.reason : 'approval-needed', true);
  return undefined;
}

/** What stood in the way of a tab's page is gone: its rule decides anew, without asking the site again. */
export async function goOn(tabId: number): Promise<void> {
  const here = visits.get(tabId);
  if (!here || views.get(String(tabId))?.state !== 'refused') return;
  try {
    await follow(here, false);
  } catch (error) {
    fail(here, error);
  }
}

/** A person said yes in our own page. The worker may have died since the question was put. */
export async function approved(entry: Approval, yes: Yes): Promise<void> {
  const here = visits.get(entry.tabId) ?? visit(entry.tabId, entry.ask);
  here.arrive();
  await pay(here, entry.offer, yes);
}

async function pay(here: Visit, offer: Offer, yes: Yes): Promise<void> {
  const { tabId, ask } = here;
  const price = { offer, amountMicro: offer.amountMicro, currency: offer.currency };
  show(tabId, ask.url, { state: 'paying', automatic: yes.by === 'rule', ...price });
  try {
    const payment = await (await wallet).pay(ask, yes);
    await deliver(here, payment, { automatic: yes.by === 'rule' });
  } catch (error) {
    fail(here, error, offer);
    throw error;
  }
}

async function deliver(here: Visit, payment: Payment, { automatic }: { automatic: boolean }): Promise<void> {
  const { tabId, ask } = here;
  const drop = async () => {
    if (views.get(String(tabId))?.state === 'paying') show(tabId, ask.url, { state: 'declined' });
    await (await wallet).unsent(payment.id);
  };
  if (!isCurrent(here)) return drop();
  await Promise.race([here.settled, new Promise((done) => setTimeout(done, COMMIT_MS))]);
  if (!isCurrent(here)) return drop();
  const rule = await arm({ payment, tabId, kind: 'main_frame', automatic, ttlMs: RULE_MS }, () => void drop());
  if (!isCurrent(here) || (await isLeaving(here)) || !isCurrent(here)) {
    if (isCurrent(here)) visits.delete(tabId);
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

function fail({ tabId, ask }: Visit, error: unknown, offer?: Offer): void {
  const { code, extra } = problemOf(error);
  show(tabId, ask.url, {
    state: code === 'outcome-unknown' ? 'pending' : 'failed',
    reason: code,
    ...(extra.detail === undefined ? {} : { detail: extra.detail }),
    ...(offer === undefined ? {} : { offer, amountMicro: offer.amountMicro, currency: offer.currency }),
  });
}

/** Payments of a tab's newest page that are being settled: what they bring is known right after. */
const settlings = new Map<number, Promise<void>>();

/** The page came with an answer to our credential. */
export function pageAnswered(seen: HeadersSeen): Promise<void> {
  const work = answered(seen).finally(() => settlings.get(seen.tabId) === work && settlings.delete(seen.tabId));
  settlings.set(seen.tabId, work);
  return work;
}

async function answered(seen: HeadersSeen): Promise<void> {
  if (!seen.armed) return;
  const { payment, automatic } = seen.armed;
  const { id: paymentId, amountMicro, currency, repeat } = payment;
  const outcome = await settle(payment, seen);
  const facts = { paymentId, amountMicro, currency, automatic, repeat };
  if (seen.status === 402 && outcome !== 'unknown') return pageAsks({ ...seen, armed: undefined });
  const state = outcome === 'paid' ? 'paid' : outcome === 'unknown' ? 'pending' : seen.status < 400 ? 'idle' : 'failed';
  show(seen.tabId, seen.url, { state, ...facts });
  if (outcome !== 'paid') return;
  attempts.delete(key(seen.tabId, seen.url));
}

/** The connection broke after the credential had left. */
export async function pageLost(tabId: number, url: string, payment: Payment): Promise<void> {
  const { id: paymentId, amountMicro, currency } = payment;
  show(tabId, url, { state: 'pending', paymentId, amountMicro, currency });
  const outcome = await resolve(payment);
  if (outcome === 'paid') show(tabId, url, { state: 'undelivered', paymentId, amountMicro, currency });
  if (outcome === 'not_charged') show(tabId, url, { state: 'failed', paymentId, amountMicro, currency });
}

/** The request that this rule was for will not be made: its money is free again. */
async function takeBack(rule: Armed): Promise<void> {
  if (await withdraw(rule)) await (await wallet).unsent(rule.payment.id);
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

/** Stops a payment whose credential has not left yet. */
export function cancel(tabId: number): void {
  const here = visits.get(tabId);
  if (!here) return;
  visits.delete(tabId);
  here.arrive();
  for (const rule of unusedOf(tabId)) void takeBack(rule);
  show(tabId, here.ask.url, { state: 'declined' });
}

/** The tab is on its way elsewhere: a reload now would take the person back from where they want to go. */
export function pageLeaves(tabId: number, url: string): void {
  const here = visits.get(tabId);
  if (!here || sameDocument(here.ask.url, url)) return;
  visits.delete(tabId);
  here.arrive();
  for (const rule of unusedOf(tabId)) if (!sameDocument(rule.payment.url, url)) void takeBack(rule);
}

/** A document stands in the tab, or an error page in its place. */
export function pageStands(tabId: number, url: string): void {
  const here = visits.get(tabId);
  if (here && sameDocument(here.ask.url, url)) here.arrive();
  else visits.delete(tabId);
  for (const rule of unusedOf(tabId)) if (!sameDocument(rule.payment.url, url)) void takeBack(rule);
  voidOf(tabId, url);
  arrived(tabId, url);
}

/** Pays a link's page before it is asked for; the site's script then follows the link, with the credential on it. */
export async function preempt(tabId: number, site: string, url: string): Promise<boolean> {
  const { origin, pathname } = new URL(url);
  if (origin !== site || patternsOf(origin).length === 0 || pathname.length > 2000) return false;
  if (!mayTry(tabId, url)) return false;
  const engine = await wallet;
  const payment = await engine.preempt({ url, method: 'GET', site });
  if (!payment) return false;
  await arm(
    { payment, tabId, kind: 'main_frame', automatic: true, ttlMs: PREEMPT_RULE_MS },
    () => void engine.unsent(payment.id),
  );
  return true;
}

/** Waits until the document that a tab has just got is understood: is it being paid, has its payment ended? */
export async function isPaying(tabId: number, url: string): Promise<boolean> {
  const late = new Promise<false>((done) => setTimeout(() => done(false), UNDERSTOOD_MS));
  await Promise.race([settlings.get(tabId), late]);
  const here = visits.get(tabId);
  return here !== undefined && sameDocument(here.ask.url, url) && Promise.race([here.decided, late]);
}

export function tabClosed(tabId: number): void {
  visits.get(tabId)?.arrive();
  visits.delete(tabId);
  voidOf(tabId);
  for (const rule of unusedOf(tabId)) void takeBack(rule);
}

const key = (tabId: number, url: string) => `${tabId} ${url}`;

/** A site that answers 402 for ever is paid no more than this often. */
function mayTry(tabId: number, url: string): boolean {
  const now = Date.now();
  for (const [name, { sinceMs }] of attempts) if (sinceMs + ATTEMPT_WINDOW_MS < now) attempts.delete(name);
  const known = attempts.get(key(tabId, url)) ?? { count: 0, sinceMs: now };
  attempts.set(key(tabId, url), { ...known, count: known.count + 1 });
  return known.count < ATTEMPTS;
}
