// A page that answers 402: what to do about it, whom to ask, and what a tab's going and coming means for it.
import type { Ask, Decision, Offer, Payment, Approval as Yes } from '@farthing/wallet';
import { type Approval, onDeclined, open, openOf, voidOf, wasDeclined } from './approvals.ts';
import { answered, deliver, fail, pay, takeBackUnused } from './delivery.ts';
import { wallet } from './engine.ts';
import { openGoods, sealedAt } from './goods.ts';
import { askOf, type HeadersSeen } from './observe.ts';
import { arrived, sameDocument, show, views } from './tabs.ts';
import { begin, end, isCurrent, isLive, mayTry, type Visit, visitOf } from './visits.ts';

const UNDERSTOOD_MS = 1_000;

/** The page itself answered 402. */
export async function pageAsks(seen: HeadersSeen): Promise<void> {
  if (seen.speculative || seen.tabId < 0) return; // nobody asked for it yet
  const here = begin(seen.tabId, askOf(seen, new URL(seen.url).origin));
  voidOf(seen.tabId);
  await decide(here, seen.crossed);
}

async function decide(here: Visit, crossed = false): Promise<void> {
  try {
    await follow(here, crossed);
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
  if (isSealed(here, decision)) return sealed(here, { crossed });
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

const isSealed = ({ ask }: Visit, decision: Decision) =>
  decision.kind === 'refuse' && decision.reason === 'goods-unseen' && ask.method === 'GET';

/** Goods are fetched and compared before they are paid, in a page of ours. */
async function sealed(here: Visit, { crossed = false, insist = false }): Promise<void> {
  const { tabId, ask } = here;
  const sold = await sealedAt(ask);
  if (!sold || !isCurrent(here)) return;
  const { decision } = sold;
  if (decision.kind === 'refuse') return refuse(here, decision);
  const price = decision.kind === 'again' ? priceOf(decision.payment) : priceOf(decision.offer);
  show(tabId, ask.url, { state: 'declined', reason: 'approval-needed', ...price });
  const byRule = decision.kind !== 'ask' && !crossed && !insist;
  if (insist || !wasDeclined(ask.url)) await openGoods(tabId, ask.url, byRule);
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
    ...(offer === undefined ? {} : { offer, ...priceOf(offer) }),
  });
}

const priceOf = ({ amountMicro, currency }: Offer | Payment) => ({ amountMicro, currency });

function question(
  { tabId, ask }: Visit,
  offer: Offer,
  reason: Approval['reason'],
  insist = false,
): Approval | undefined {
  const facts = { reason, offer, ...priceOf(offer) };
  if (!insist && wasDeclined(ask.url)) {
    show(tabId, ask.url, { state: 'declined', ...facts });
    return undefined;
  }
  const approval: Approval = { id: crypto.randomUUID(), tabId, page: ask.url, ask, offer, reason, kind: 'navigation' };
  show(tabId, ask.url, { state: 'asking', approvalId: approval.id, ...facts });
  open(approval);
  return approval;
}

onDeclined(({ kind, tabId, ask, reason, offer }) => {
  if (kind === 'navigation') show(tabId, ask.url, { state: 'declined', reason, offer, ...priceOf(offer) });
});

/** Asks again about the page of a tab, because the person wants to: after Not now, a raised limit, a top-up. */
export async function askAgain(tabId: number): Promise<Approval | undefined> {
  const here = visitOf(tabId);
  if (!here) return undefined;
  const decision = await (await wallet).decide(here.ask);
  if (decision.kind === 'again') await deliver(here, decision.payment, { automatic: false });
  else if (isSealed(here, decision)) await sealed(here, { insist: true });
  else if (decision.kind === 'refuse') refuse(here, decision);
  else return question(here, decision.offer, decision.kind === 'ask' ? decision.reason : 'approval-needed', true);
  return undefined;
}

/** What stood in the way of a tab's page is gone: its rule decides anew, without asking the site again. */
export async function goOn(tabId: number): Promise<void> {
  const here = visitOf(tabId);
  if (here && views.get(String(tabId))?.state === 'refused') await decide(here);
}

/** A worker died while it paid this page, which stands there unpaid: the page is decided anew, with what is known now. */
export async function takeUp(tabId: number): Promise<void> {
  const asked = openOf(tabId);
  const here = visitOf(tabId);
  if (!here) return;
  // The yes was not kept, the question was: its screen sends the yes again, or asks it again.
  if (!asked) return decide(here);
  const { id: approvalId, offer, reason } = asked;
  show(tabId, here.ask.url, { state: 'asking', approvalId, reason, offer, ...priceOf(offer) });
}

/** A person said yes in our own page. */
export async function approved(tabId: number, ask: Ask, offer: Offer, yes: Yes): Promise<void> {
  const here = visitOf(tabId) ?? begin(tabId, ask);
  here.arrive();
  await pay(here, offer, yes);
}

/** Payments of a tab's newest page that are being settled: what they bring is known right after. */
const settlings = new Map<number, Promise<void>>();

/** The page came with an answer to our credential. */
export function pageAnswered(seen: HeadersSeen): Promise<void> {
  const work = answered(seen)
    .then((what) => (what === 'asks' ? pageAsks({ ...seen, armed: undefined }) : undefined))
    .finally(() => settlings.get(seen.tabId) === work && settlings.delete(seen.tabId));
  settlings.set(seen.tabId, work);
  return work;
}

/** The tab is on its way elsewhere: a reload now would take the person back from where they want to go. */
export function pageLeaves(tabId: number, url: string): void {
  const here = visitOf(tabId);
  if (!here || sameDocument(here.ask.url, url)) return;
  end(tabId);
  takeBackUnused(tabId, url);
}

/** A document stands in the tab, or an error page in its place. */
export function pageStands(tabId: number, url: string): void {
  const here = visitOf(tabId);
  if (here && sameDocument(here.ask.url, url)) here.arrive();
  else end(tabId);
  takeBackUnused(tabId, url);
  voidOf(tabId, url);
  arrived(tabId, url);
}

/** Waits until the document that a tab has just got is understood: is it being paid, has its payment ended? */
export async function isPaying(tabId: number, url: string): Promise<boolean> {
  const late = new Promise<false>((done) => setTimeout(() => done(false), UNDERSTOOD_MS));
  await Promise.race([settlings.get(tabId), late]);
  const here = isLive(tabId) ? visitOf(tabId) : undefined;
  return here !== undefined && sameDocument(here.ask.url, url) && Promise.race([here.decided, late]);
}

export function tabClosed(tabId: number): void {
  end(tabId);
  voidOf(tabId);
  takeBackUnused(tabId);
}
