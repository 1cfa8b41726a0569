// Answers every message of messages.ts. This worker is the only writer; pages hold no key, no engine, no network.
import { PaymentProblem } from '@farthing/protocol';
import { browser } from '../browser.ts';
import type { Decoded, Handlers, MessageBody, Sender } from '../messages.ts';
import { aheadOf } from './ahead.ts';
import * as approvals from './approvals.ts';
import { coinHandlers } from './coin-answers.ts';
import { cancel, check, preempt } from './delivery.ts';
import { config, problemOf, wallet } from './engine.ts';
import { goodsHandlers } from './goods.ts';
import * as navigation from './navigation.ts';
import { handOver, payFetch } from './page-fetch.ts';
import { passwordHandlers } from './password-answers.ts';
import { PUBLISH_ALARM, write } from './snapshot.ts';
import * as streams from './streams.ts';

const HOUR_MS = 3_600_000;
const ANSWER_MS = 300;

const handlers: Handlers = {
  start: async () => {
    const { broker } = await config;
    if (broker === undefined) throw new PaymentProblem('no-account', { detail: 'this build names no broker' });
    await begin(broker);
    return undefined;
  },
  connectBroker: async ({ url }) => {
    await (await wallet).init({ brokerUrl: new URL(url).origin });
    return changed();
  },
  topUp: async ({ amountMicro, voucher }) => {
    const engine = await wallet;
    if (voucher !== undefined) await engine.topUp({ voucher: voucher.trim() });
    else if (amountMicro !== undefined) await engine.topUp({ amountMicro });
    return changed();
  },
  openDemo: async () => {
    const { demoArticle } = await config;
    if (demoArticle !== undefined) await browser.tabs.create({ url: demoArticle });
    return demoArticle !== undefined;
  },
  refresh: () => write(),
  approval: ({ id }) => approvals.view(id),
  approve,
  decline: async ({ id, never }) => {
    const entry = approvals.close(id, 'declined');
    if (entry && never) await (await wallet).setRule(entry.ask.site, { ...entry.offer.suggested, mode: 'never' });
    return changed();
  },
  ask: async ({ tabId }) => {
    const entry = await navigation.askAgain(tabId);
    return entry && approvals.view(entry.id);
  },
  nextApproval: async () => {
    await approvals.approvalsReady;
    const [next] = approvals.waiting();
    return next && approvals.view(next.id);
  },
  cancel: async ({ tabId }) => {
    cancel(tabId);
    return changed();
  },
  check: async ({ tabId }) => {
    await check(tabId);
    return changed();
  },
  retry: async ({ tabId }) => {
    await browser.tabs.reload(tabId);
    return undefined;
  },
  setRule: async ({ origin, rule }) => {
    await (await wallet).setRule(origin, rule);
    return changed();
  },
  forgetSite: async ({ origin }) => {
    await (await wallet).forgetSite(origin);
    return changed();
  },
  pause: async ({ until }) => {
    const untilMs = until === 'hour' ? Date.now() + HOUR_MS : until === 'today' ? midnight() : 'forever';
    await (await wallet).pause(untilMs);
    if (untilMs !== 'forever') await browser.alarms.create(PUBLISH_ALARM, { when: untilMs + 1000 });
    return changed();
  },
  resume: async ({ tabId }) => {
    await (await wallet).resume();
    if (tabId !== undefined) void navigation.goOn(tabId).catch(problemOf);
    return changed();
  },
  setBudget: async (budget) => {
    await (await wallet).setBudget(budget);
    return changed();
  },
  history: async ({ limit }) => (await wallet).history({ limit }),
  record: async ({ id }) => (await wallet).record(id),
  sites: async () => (await wallet).siteRules(),
  exportCsv: async () => (await wallet).exportCsv(),
  stopStream: async ({ tabId }) => {
    streams.stop(tabId);
    return changed();
  },
  raiseStream: async ({ tabId, limitMicro }) => {
    await streams.raise(tabId, limitMicro);
    return changed();
  },
  playAgain: async ({ tabId }) => {
    await streams.playAgain(tabId);
    return changed();
  },
  ...coinHandlers,
  ...passwordHandlers,
  ...goodsHandlers,
  refund: async ({ origin }) => {
    const records = await (await wallet).refund({ origin });
    await changed();
    return { creditedMicro: records.reduce((sum, { amountMicro }) => sum + amountMicro, 0n) };
  },
  hello: async (_body, sender) => {
    const page = pageOf(sender);
    if (!page) return { paying: false, ahead: [] };
    const paying = await navigation.isPaying(page.tabId, page.url);
    return { paying, ahead: aheadOf(page.origin) };
  },
  preempt: async ({ url }, sender) => {
    const page = pageOf(sender);
    if (!page) return false;
    // The person has clicked and waits: the link is followed in time, paid ahead or not.
    return inTime(preempt(page.tabId, page.origin, url), false);
  },
  payFetch: async (request, sender) => {
    const page = pageOf(sender);
    return page ? payFetch(page, request) : {};
  },
};

export async function answer({ name, body }: Decoded, sender: Sender): Promise<unknown> {
  // The map of handlers is typed by name; a union of names needs one step of help to be applied.
  const handler = handlers[name] as (body: unknown, sender: Sender) => Promise<unknown>;
  return handler(body, sender);
}

async function begin(brokerUrl: string): Promise<void> {
  const engine = await wallet;
  const broker = await engine.init({ brokerUrl });
  const { totalMicro } = await engine.balance();
  if (totalMicro === 0n && broker.faucetMicro !== undefined)
    await engine.topUp({ brk: broker.brk, amountMicro: broker.faucetMicro });
  await changed();
}

const approving = new Map<string, Promise<'sent'>>();

/** A second click, or the same yes sent to the next worker because this one died, is one yes. */
function approve(yes: MessageBody<'approve'>): Promise<'sent'> {
  if (approvals.wasApproved(yes.id)) return Promise.resolve('sent');
  const going = approving.get(yes.id) ?? approveOnce(yes).finally(() => approving.delete(yes.id));
  approving.set(yes.id, going);
  return going;
}

/** The question is closed when its credential is on the way, and not before: until then it can be answered again. */
async function approveOnce({ id, challengeId, maxMicro, rule }: MessageBody<'approve'>): Promise<'sent'> {
  const entry = approvals.approval(id);
  // A stream is allowed up to an amount, everything else at its price.
  const shown = entry?.offer.stream ? maxMicro >= entry.offer.amountMicro : maxMicro === entry?.offer.amountMicro;
  if (!entry || entry.offer.challengeId !== challengeId || !shown)
    throw new PaymentProblem('approval-needed', { detail: 'this question is no longer open' });
  const { kind, tabId, ask, offer } = entry;
  if (offer.expiresAtMs <= Date.now()) {
    approvals.close(id, 'void');
    throw new PaymentProblem('challenge-expired');
  }
  const yes = { challengeId, maxMicro, by: 'person', ...(rule === undefined ? {} : { rule }) } as const;
  try {
    if (kind === 'navigation') await navigation.approved(tabId, ask, offer, yes);
    else handOver(id, { payment: await (await wallet).pay(ask, yes), approvedMicro: maxMicro });
  } finally {
    approvals.close(id, 'approved');
  }
  return 'sent';
}

/** The page that a content script speaks for, as the browser names it: top documents only. */
function pageOf({ tabId, url, origin, frameId }: Sender): { tabId: number; url: string; origin: string } | undefined {
  if (tabId === undefined || url === undefined || frameId !== 0) return undefined;
  const real = origin ?? new URL(url).origin;
  return /^https?:\/\//.test(real) ? { tabId, url, origin: real } : undefined;
}

async function inTime<Value>(value: Promise<Value>, otherwise: Value): Promise<Value> {
  const late = new Promise<Value>((done) => setTimeout(() => done(otherwise), ANSWER_MS));
  return Promise.race([value, late]);
}

const changed = async (): Promise<undefined> => {
  await write();
};

function midnight(): number {
  const day = new Date();
  return day.setHours(24, 0, 0, 0);
}
