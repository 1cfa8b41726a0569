// A request of a page's script: paid with the challenge that this worker saw itself, by a rule for `address#nonce`.
import type { Ask, Payment } from '@farthing/wallet';
import { patternsOf } from './ahead.ts';
import { open, scriptsOf, wasDeclined } from './approvals.ts';
import { problemOf, wallet } from './engine.ts';
import { askOf, type HeadersSeen } from './observe.ts';
import { arm } from './rules.ts';
import { notSent, settle } from './settling.ts';
import { sameDocument, show } from './tabs.ts';

type Seen = { readonly ask: Ask; readonly tabId: number; readonly atMs: number };
/** The page whose script asks, as the browser names it. */
export type Kind = 'xmlhttprequest' | 'image' | 'media';
type Wish = { readonly url: string; readonly method: string; readonly first: boolean; readonly kind: Kind };
export type Page = { readonly tabId: number; readonly url: string; readonly origin: string };

const seen: Seen[] = [];
const arrivals = new Set<() => void>();
const MOST = 500;
const SEEN_MS = 30_000;
const ARRIVE_MS = 1_500;
const RULE_MS = 8_000;

/** Notes a 402. An answer that the page could not read is not worth paying: CORS would drop the paid one as well. */
export function fetchAsks(answer: HeadersSeen): void {
  if (answer.speculative || answer.crossed || answer.initiator === undefined) return;
  const own = new URL(answer.url).origin === answer.initiator;
  const readable = answer.allowOrigin === '*' || answer.allowOrigin === answer.initiator;
  if (!own && !readable) return;
  seen.push({ ask: askOf(answer, answer.initiator), tabId: answer.tabId, atMs: Date.now() });
  if (seen.length > MOST) seen.shift();
  for (const wake of [...arrivals]) wake();
}

/** The fragment under which the page repeats its request, or `undefined`: it keeps the 402. */
export async function payFetch(page: Page, request: Wish): Promise<string | undefined> {
  const { url, method, first, kind } = request;
  const engine = await wallet;
  if (first) {
    if (new URL(url).origin !== page.origin || patternsOf(page.origin).length === 0) return undefined;
    const payment = await engine.preempt({ url, method, site: page.origin, sessions: false });
    return payment && armed({ page, payment, kind, automatic: true });
  }
  const found = await take(page, request);
  if (!found) return undefined;
  const { ask } = found;
  const paid = await payByRule(ask);
  if (paid === 'ask' && kind === 'xmlhttprequest') return inTurn(page.tabId, () => question(page, ask));
  return typeof paid === 'object' ? armed({ page, payment: paid, kind, automatic: true }) : undefined;
}

async function payByRule(ask: Ask): Promise<Payment | 'ask' | 'refused'> {
  const engine = await wallet;
  const decision = await engine.decide(ask);
  if (decision.kind === 'again') return decision.payment;
  if (decision.kind !== 'pay') return decision.kind === 'ask' ? 'ask' : 'refused';
  const { challengeId, amountMicro } = decision.offer;
  return engine.pay(ask, { challengeId, maxMicro: amountMicro, by: 'rule' });
}

/** Scripts of a tab ask one at a time: what the first answer allows needs no second question. */
const turns = new Map<number, Promise<unknown>>();
function inTurn<Value>(tabId: number, work: () => Promise<Value>): Promise<Value> {
  const mine = (turns.get(tabId) ?? Promise.resolve()).then(work, work);
  turns.set(tabId, mine);
  void mine.catch(() => undefined).then(() => turns.get(tabId) === mine && turns.delete(tabId));
  return mine;
}

const approvedPayments = new Map<string, Payment>();

async function question(page: Page, ask: Ask): Promise<string | undefined> {
  const kind = 'xmlhttprequest';
  const paid = await payByRule(ask);
  if (typeof paid === 'object') return armed({ page, payment: paid, kind, automatic: true });
  const decision = await (await wallet).decide(ask);
  if (decision.kind !== 'ask' || wasDeclined(scriptsOf(page.url))) return undefined;
  const { offer, reason } = decision;
  const id = crypto.randomUUID();
  const answer = await new Promise((done) =>
    open({ id, tabId: page.tabId, page: page.url, ask, offer, reason, kind: 'fetch' }, done),
  );
  const payment = approvedPayments.get(id);
  approvedPayments.delete(id);
  return answer === 'approved' && payment ? armed({ page, payment, kind, automatic: false }) : undefined;
}
/** Hands the payment that a person approved to the script's request that waits for it. */
export const handOver = (approvalId: string, payment: Payment) => void approvedPayments.set(approvalId, payment);

type Arming = { readonly page: Page; readonly payment: Payment; readonly kind: Kind; readonly automatic: boolean };

async function armed({ page, payment, kind, automatic }: Arming): Promise<string> {
  const nonce = `farthing-${crypto.randomUUID()}`;
  const expired = () => void notSent(payment).catch(problemOf);
  await arm({ payment, tabId: page.tabId, kind, nonce, automatic, ttlMs: RULE_MS }, expired);
  return nonce;
}

/** The 402 of this request. The browser may tell the page a moment before it tells us. */
async function take(page: Page, request: { url: string; method: string }): Promise<Seen | undefined> {
  const until = Date.now() + ARRIVE_MS;
  for (;;) {
    const now = Date.now();
    while (seen[0] && seen[0].atMs + SEEN_MS < now) seen.shift();
    const at = seen.findIndex(
      ({ ask, tabId }) =>
        (tabId === page.tabId || tabId === -1) &&
        ask.site === page.origin &&
        ask.method === request.method &&
        sameDocument(ask.url, request.url),
    );
    if (at >= 0) return seen.splice(at, 1)[0];
    if (now >= until) return undefined;
    await new Promise<void>((done) => {
      const wake = () => {
        arrivals.delete(wake);
        done();
      };
      arrivals.add(wake);
      setTimeout(wake, until - now);
    });
  }
}

export async function fetchAnswered(
  answer: HeadersSeen,
  page: { tabId: number; url: string } | undefined,
): Promise<void> {
  if (!answer.armed) return;
  const { payment, automatic } = answer.armed;
  const outcome = await settle(payment, answer);
  // What was paid ahead with an old challenge: the script asks once more, with the fresh one.
  if (answer.status === 402 && outcome === 'not_charged') fetchAsks({ ...answer, armed: undefined });
  if (!page || outcome !== 'paid') return;
  const { id: paymentId, amountMicro, currency, repeat } = payment;
  show(page.tabId, page.url, { state: 'paid', paymentId, amountMicro, currency, automatic, repeat });
}
