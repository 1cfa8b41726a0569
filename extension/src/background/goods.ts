// Sealed goods: a page of ours fetches, compares and opens them. This worker says what is sold, opens that page, pays when the
// goods are there, and shows the broker what was not as promised.
import { PaymentProblem, type SealedOffer } from '@farthing/protocol';
import { type Ask, type Decision, type Payment, siteAnswer } from '@farthing/wallet';
import { browser } from '../browser.ts';
import type { goodsMessages } from '../goods-messages.ts';
import { kept } from '../kept-goods.ts';
import type { Handlers, MessageBody, MessageName } from '../messages.ts';
import type { GoodsView } from '../view.ts';
import { decline } from './approvals.ts';
import { wallet } from './engine.ts';
import { SessionMap } from './session.ts';
import { resolve, watch } from './settling.ts';
import { show, views } from './tabs.ts';

/** `ask`: with the goods, as they are paid once they are here. */
type Sold = { readonly ask: Ask; readonly offer: SealedOffer; readonly decision: Decision };
type Bought = { readonly paymentId: string; readonly key: string };

/** Our page about goods, by the tab that led to it: a site opens no more than one of each. */
const open = new SessionMap<number>('goods', 50);
export const goodsReady = open.ready;

/** What is sold sealed behind this 402, and what the rules say of it once it is here. `undefined`: nothing is. */
export async function sealedAt(ask: Ask): Promise<Sold | undefined> {
  const engine = await wallet;
  const offer = await engine.sealedOffer(ask);
  if (!offer) return undefined;
  const whole = { ...ask, goods: offer.ct };
  return { ask: whole, offer, decision: await engine.decide(whole) };
}

/** Beside the tab that asked, if that is the one in front. `byRule`: it begins without a question. */
export async function openGoods(tabId: number, url: string, byRule: boolean): Promise<void> {
  const from = await browser.tabs.get(tabId);
  if (!from.active) return;
  const page = browser.runtime.getURL(`goods.html?${new URLSearchParams({ url, ...(byRule ? { by: 'rule' } : {}) })}`);
  const known = open.get(String(tabId));
  const there = known === undefined ? undefined : await browser.tabs.get(known).catch(() => undefined);
  if (there?.id !== undefined) {
    const change = { active: true, ...(there.url === page ? {} : { url: page }) };
    const stands = await browser.tabs.update(there.id, change).catch(() => undefined);
    if (stands) return;
  }
  const place = from.windowId === undefined ? {} : { windowId: from.windowId };
  const { id } = await browser.tabs.create({ url: page, index: from.index + 1, openerTabId: tabId, ...place });
  if (id !== undefined) open.set(String(tabId), id);
}

/** Asks the site, as anybody may: the page may be loaded again, or stand for longer than a challenge holds. */
async function soldAt(url: string): Promise<Sold> {
  let answer: Response;
  try {
    answer = await fetch(url, { credentials: 'omit', redirect: 'error', cache: 'no-store' });
  } catch {
    throw new PaymentProblem('site-not-ready', { detail: 'the site does not answer' });
  }
  const { challenges = [] } = await siteAnswer(answer);
  void answer.body?.cancel().catch(() => undefined);
  if (answer.status >= 500) throw new PaymentProblem('site-not-ready');
  const sold = await sealedAt({ url, method: 'GET', site: new URL(url).origin, challenges, sessions: false });
  if (!sold) throw new PaymentProblem('offer-unusable', { detail: 'nothing is sold sealed there' });
  return sold;
}

async function view(url: string): Promise<GoodsView> {
  const { offer, decision } = await soldAt(url);
  const { item, media, size, ct, pt } = offer;
  const facts = { url, site: new URL(url).origin, item, media, size, ct, pt, from: new URL(offer.url, url).href };
  if (decision.kind === 'again') return { ...facts, state: 'paid' };
  if (decision.kind === 'refuse') throw refusal(decision);
  return { ...facts, state: decision.kind, offer: decision.offer };
}

const refusal = ({ reason, detail }: Extract<Decision, { kind: 'refuse' }>) =>
  new PaymentProblem(reason, detail === undefined ? {} : { detail });

const buying = new Map<string, Promise<Bought>>();

/** A second click, or the same yes that was sent again, is one purchase. */
function buy(yes: MessageBody<'buyGoods'>): Promise<Bought> {
  const going = buying.get(yes.url) ?? buyOnce(yes).finally(() => buying.delete(yes.url));
  buying.set(yes.url, going);
  return going;
}

async function buyOnce({ url, goods, maxMicro }: MessageBody<'buyGoods'>): Promise<Bought> {
  const engine = await wallet;
  const { ask, offer, decision } = await soldAt(url);
  // The site may have replaced them since they were fetched.
  if (offer.ct !== goods) throw new PaymentProblem('goods-unseen');
  if (decision.kind === 'refuse') throw refusal(decision);
  await watch();
  const payment = decision.kind === 'again' ? decision.payment : await pay(ask, decision, maxMicro);
  const outcome = await resolve(payment);
  const record = await engine.record(payment.id);
  if (outcome === 'unknown') throw new PaymentProblem('outcome-unknown', { consumed: 'unknown' });
  if (outcome !== 'paid') throw new PaymentProblem(record?.code ?? 'payment-required');
  const { receipt } = record ?? {};
  const key = typeof receipt === 'object' && receipt !== null && 'key' in receipt ? receipt.key : undefined;
  if (typeof key !== 'string') throw new PaymentProblem('outcome-unknown', { detail: 'the key has not come yet' });
  told(url, payment, maxMicro === undefined);
  return { paymentId: payment.id, key };
}

/** `maxMicro`: what a person said yes to; without it only a rule may pay. */
async function pay(
  ask: Ask,
  decision: Extract<Decision, { kind: 'pay' | 'ask' }>,
  maxMicro: bigint | undefined,
): Promise<Payment> {
  const { challengeId, amountMicro } = decision.offer;
  if (maxMicro !== undefined) return (await wallet).pay(ask, { challengeId, maxMicro, by: 'person' });
  if (decision.kind === 'ask') throw new PaymentProblem(decision.reason);
  return (await wallet).pay(ask, { challengeId, maxMicro: amountMicro, by: 'rule' });
}

/** The tabs that asked know how it ended. */
function told(url: string, { id: paymentId, amountMicro, currency }: Payment, automatic: boolean): void {
  for (const tab of views.values())
    if (tab.url === url) show(tab.tabId, url, { state: 'paid', paymentId, amountMicro, currency, automatic });
}

export const goodsHandlers: Pick<Handlers, keyof typeof goodsMessages & MessageName> = {
  goods: ({ url }) => view(url),
  buyGoods: buy,
  declineGoods: async ({ url }) => {
    decline(url);
    return undefined;
  },
  disputeGoods: async ({ paymentId, goods }) => {
    const sealed = await kept(goods);
    if (sealed.size === 0) throw new PaymentProblem('goods-unseen');
    const { verdict, refundedMicro } = await (await wallet).dispute(paymentId, sealed);
    const record = await (await wallet).record(paymentId);
    return { verdict, refundedMicro, ...(record ? { currency: record.currency } : {}) };
  },
};
