// A request of a page's script, picture, player or event stream: paid with the challenge that this worker saw itself, by
// a rule for `address#nonce`; or before it is sent, where the site has said that an offer holds.
import { type ProblemCode, readChallenges } from '@farthing/protocol';
import type { Ask, Offer, Payment } from '@farthing/wallet';
import type { PaidFetch } from '../messages.ts';
import { aheadOf, learn } from './ahead.ts';
import { open, scriptsOf, wasDeclined } from './approvals.ts';
import { arrival, fetchAsks, type Page, take, wake } from './asked.ts';
import { problemOf, wallet } from './engine.ts';
import { land, landedAt, takeOff } from './in-air.ts';
import type { HeadersSeen } from './observe.ts';
import { arm } from './rules.ts';
import { notSent, resolve, settle, watch } from './settling.ts';
import * as streams from './streams.ts';
import { show } from './tabs.ts';

export type Wish = {
  readonly url: string;
  readonly method: string;
  readonly step: 'ahead' | 'asked' | 'refused' | 'ended';
  readonly kind: 'script' | 'events' | 'image' | 'media';
  /** A player that nobody plays yet. */
  readonly idle?: boolean | undefined;
  readonly nonce?: string | undefined;
  readonly digest?: string | undefined;
  readonly lastEventId?: string | undefined;
};
type Paid = { readonly payment: Payment; readonly automatic: boolean };

const RULE_MS = 8_000;
/** An event stream that fails for another reason than money is not to wait long for the news. */
const EVENTS_MS = 500;

export async function payFetch(page: Page, wish: Wish): Promise<PaidFetch> {
  if (wish.step === 'ahead') return payAhead(page, wish);
  if (wish.step === 'ended') return { nonce: (await isOver(wish.nonce)) ? wish.nonce : undefined };
  if (wish.step === 'refused') return payInstead(page, wish);
  const asked = await take(page, wish, wish.kind === 'events' ? EVENTS_MS : undefined);
  if (!asked) return {};
  const ask = { ...asked, ...(asked.digest === undefined && wish.digest !== undefined ? { digest: wish.digest } : {}) };
  if (wish.idle && (await isStream(ask))) return { onPlay: true };
  const paid = await payFor(page, wish, { ...ask, sessions: mayBeSession(wish) });
  return paid ? { nonce: await armed(page, wish, paid), ahead: aheadOf(page.origin) } : {};
}

/** A picture is shown again; what a script gets by the unit, it buys each time. */
const mayBeSession = ({ kind }: Wish) => kind === 'script' || kind === 'events';

async function isStream(ask: Ask): Promise<boolean> {
  const decision = await (await wallet).decide(ask);
  return decision.kind !== 'again' && decision.offer?.stream === true;
}

/** Nothing is asked of the network, and nobody of anything. */
async function payAhead(page: Page, wish: Wish): Promise<PaidFetch> {
  const { url, method, digest } = wish;
  if (new URL(url).origin !== page.origin || aheadOf(page.origin).length === 0) return {};
  const body = digest === undefined ? {} : { digest };
  const request = { url, method, site: page.origin, sessions: mayBeSession(wish), ...body };
  const engine = await wallet;
  // The page may have the answer that opened the session before this worker has settled it.
  const payment = (await engine.preempt(request)) ?? ((await landedAt(page.origin)) && (await engine.preempt(request)));
  return payment ? { nonce: await armed(page, wish, { payment, automatic: true }) } : {};
}

async function payFor(page: Page, wish: Wish, ask: Ask): Promise<Paid | undefined> {
  if (!(await streams.mayBegin(page, ask.url))) return undefined;
  const paid = await payByRule(page, ask);
  if (paid.kind !== 'ask') return paid.kind === 'paid' ? paid : undefined;
  // The day is over for this site, whether a burst of calls finds that out before it pays or while it does.
  if (paid.reason === 'over-day-limit' && !paid.offer.stream) return undefined;
  // A picture is no reason for a question; sound and video that somebody plays by the second are.
  const mayAsk = wish.kind !== 'image' && (wish.kind !== 'media' || paid.offer.stream === true);
  return mayAsk ? inTurn(page.tabId, () => question(page, ask)) : undefined;
}

/** The site refused a payment and took nothing: another kind of money that it takes, if there is one. */
async function payInstead(page: Page, wish: Wish): Promise<PaidFetch> {
  const refused = await refusedBy(wish.nonce);
  const asked = refused && (await take(page, wish));
  if (!asked) return {};
  const ask = { ...asked, ...(wish.digest === undefined ? {} : { digest: wish.digest }), sessions: mayBeSession(wish) };
  const decision = await (await wallet).decide(ask);
  const record = await (await wallet).record(refused.id);
  const offered = decision.kind === 'again' ? undefined : decision.offer?.method;
  if (offered === undefined || offered === record?.method) return {};
  const paid = await payFor(page, wish, ask);
  return paid ? { nonce: await armed(page, wish, paid) } : {};
}

type ByRule =
  | (Paid & { readonly kind: 'paid' })
  | { readonly kind: 'ask'; readonly offer: Offer; readonly reason: ProblemCode }
  | { kind: 'refused' };

async function payByRule(page: Page, ask: Ask): Promise<ByRule> {
  const engine = await wallet;
  const decision = await engine.decide(ask);
  if (decision.kind === 'again') return { kind: 'paid', payment: decision.payment, automatic: true };
  if (decision.kind === 'ask') return decision;
  if (decision.kind === 'refuse') {
    if (decision.offer?.stream) streams.refused(page, decision);
    return { kind: 'refused' };
  }
  const { offer } = decision;
  const { challengeId, amountMicro: maxMicro } = offer;
  try {
    const payment = await engine.pay(ask, { challengeId, maxMicro, by: 'rule' });
    bought(page, { ask, offer, payment });
    return { kind: 'paid', payment, automatic: true };
  } catch (error) {
    const reason = problemOf(error).code;
    if (!offer.stream || !LIMITS.has(reason)) throw error;
    return { kind: 'ask', offer, reason };
  }
}

/** What stands between a person and a stream that would not play; a burst of calls at its limit asks nobody. */
const LIMITS = new Set<ProblemCode>(['over-page-limit', 'over-day-limit', 'approval-needed']);

type Bought = {
  readonly ask: Ask;
  readonly offer: Offer;
  readonly payment: Payment;
  /** What a person let a stream cost. */
  readonly approvedMicro?: bigint;
};

/** What one payment opens: a stream to be paid on, a session whose next request need not ask. */
function bought(page: Page, { ask, offer, ...paid }: Bought): void {
  const { url, method, challenges } = ask;
  if (offer.stream) streams.begin(page, { offer, ...paid });
  else if (offer.intent === 'session') {
    const opening = readChallenges(challenges).filter(({ id }) => id === offer.challengeId);
    learn(url, method, opening);
  }
}

/** Scripts of a tab ask one at a time: what the first answer allows needs no second question. */
const turns = new Map<number, Promise<unknown>>();
function inTurn<Value>(tabId: number, work: () => Promise<Value>): Promise<Value> {
  const mine = (turns.get(tabId) ?? Promise.resolve()).then(work, work);
  turns.set(tabId, mine);
  void mine.catch(() => undefined).then(() => turns.get(tabId) === mine && turns.delete(tabId));
  return mine;
}

type Approved = Required<Pick<Bought, 'payment' | 'approvedMicro'>>;
const approvedPayments = new Map<string, Approved>();

async function question(page: Page, ask: Ask): Promise<Paid | undefined> {
  const paid = await payByRule(page, ask);
  if (paid.kind === 'paid') return paid;
  if (paid.kind !== 'ask' || wasDeclined(scriptsOf(page.url))) return undefined;
  const { offer, reason } = paid;
  const id = crypto.randomUUID();
  const answer = await new Promise((done) =>
    open({ id, tabId: page.tabId, page: page.url, ask, offer, reason, kind: 'fetch' }, done),
  );
  const yes = approvedPayments.get(id);
  approvedPayments.delete(id);
  if (answer !== 'approved' || !yes) return undefined;
  bought(page, { ask, offer, ...yes });
  return { payment: yes.payment, automatic: false };
}
/** Hands the payment that a person approved to the script's request that waits for it. */
export const handOver = (approvalId: string, yes: Approved) => void approvedPayments.set(approvalId, yes);

async function armed(page: Page, { kind, lastEventId }: Wish, { payment, automatic }: Paid): Promise<string> {
  const nonce = `farthing-${crypto.randomUUID()}`;
  const type = kind === 'script' || kind === 'events' ? 'xmlhttprequest' : kind;
  const expired = () => {
    land(payment.id);
    void notSent(payment).catch(problemOf);
  };
  await watch();
  takeOff(payment);
  await arm({ payment, tabId: page.tabId, kind: type, nonce, lastEventId, automatic, ttlMs: RULE_MS }, expired);
  return nonce;
}

type Ending = { readonly status: number; readonly payment: Payment; readonly spared: Promise<boolean> };
/** By nonce, the newest last: answers that say that a session is over, or that a payment was refused; whether nothing was charged. */
const endings = new Map<string, Ending>();
const MOST_ENDINGS = 200;

/** The payment that was answered so, if nothing was charged. */
async function sparedBy(nonce: string | undefined, status: number): Promise<Payment | undefined> {
  if (nonce === undefined) return undefined;
  const ending = await arrival(() => endings.get(nonce));
  return ending?.status === status && (await ending.spared) ? ending.payment : undefined;
}
const isOver = async (nonce: string | undefined) => (await sparedBy(nonce, 410)) !== undefined;
const refusedBy = (nonce: string | undefined) => sparedBy(nonce, 402);

function noteEnding(nonce: string, ending: Ending): void {
  if (endings.size > MOST_ENDINGS) endings.delete(endings.keys().next().value ?? '');
  endings.set(nonce, ending);
  wake();
}

export async function fetchAnswered(
  answer: HeadersSeen,
  page: { tabId: number; url: string } | undefined,
): Promise<void> {
  if (!answer.armed) return;
  const { payment, automatic, nonce } = answer.armed;
  const settling = settle(payment, answer);
  if (nonce !== undefined && (answer.status === 410 || answer.status === 402)) {
    const spared = settling.then((outcome) => outcome === 'not_charged');
    noteEnding(nonce, { status: answer.status, payment, spared });
  }
  const outcome = await settling.finally(() => land(payment.id));
  // What was paid ahead with an old challenge: the script asks once more, with the fresh one.
  if (answer.status === 402 && outcome === 'not_charged') fetchAsks({ ...answer, armed: undefined });
  if (outcome === 'not_charged') streams.failed(payment.id);
  if (outcome !== 'paid') return;
  if (streams.started(payment.id, answer.requestId)) return;
  if (!page) return;
  const { id: paymentId, amountMicro, currency, repeat } = payment;
  show(page.tabId, page.url, { state: 'paid', paymentId, amountMicro, currency, automatic, repeat });
}

/** The connection broke after the credential had left. */
export const fetchLost = (payment: Payment) => resolve(payment).finally(() => land(payment.id));
