// Streams that pages play: paid on by the wallet's meter for as long as their request lives and their page stands. What is
// known of each is kept in session storage, so that the next worker takes its meter up again.
import type { Currency, ProblemCode } from '@farthing/protocol';
import { type Decision, type Meter, type MeterEvent, type Offer, type Payment, runMeter } from '@farthing/wallet';
import { browser } from '../browser.ts';
import type { Page } from './asked.ts';
import { problemOf, wallet } from './engine.ts';
import { isFlying } from './rules.ts';
import { SessionMap } from './session.ts';
import { stayAwake } from './stay-awake.ts';
import { sameDocument, show } from './tabs.ts';

export type Stream = {
  readonly id: string;
  readonly tabId: number;
  /** Address of the document that plays it. */
  readonly page: string;
  readonly url: string;
  readonly unit: string;
  readonly unitMicro: bigint;
  readonly currency: Currency;
  readonly site: string;
  /** What a person let it cost in all; absent where the rule of the site bounds it. */
  readonly approvedMicro?: bigint;
  /** Absent until its answer has come. */
  readonly requestId?: string;
  /**
   * `limit`: its site holds it; `over`: it ended there. Neither of these, nor one that was `stopped`, begins again without
   * the person.
   */
  readonly state: 'opening' | 'running' | 'limit' | 'over' | 'stopped' | 'ended';
  readonly reason?: ProblemCode | undefined;
  readonly spentMicro: bigint;
  readonly units: number;
};

const streams = new SessionMap<Stream>('streams', 50);
export const streamsReady = streams.ready;
type Running = { readonly stop: () => void; readonly meter: Meter };
const meters = new Map<string, Running>();
/** The worker's own meter settles what these pay. */
export const isMetered = (paymentId: string) => meters.has(paymentId);

/** A stream was bought by its first unit; its request is about to be sent. */
export function begin(page: Page, bought: { offer: Offer; payment: Payment; approvedMicro?: bigint }): void {
  const { offer, payment, approvedMicro } = bought;
  for (const old of ofPage(page, offer.url)) if (!meters.has(old.id)) streams.delete(old.id);
  streams.set(payment.id, {
    id: payment.id,
    tabId: page.tabId,
    page: page.url,
    url: offer.url,
    unit: offer.unit ?? '',
    unitMicro: offer.amountMicro,
    currency: offer.currency,
    site: page.origin,
    ...(approvedMicro === undefined ? {} : { approvedMicro }),
    state: 'opening',
    spentMicro: 0n,
    units: 0,
  });
}

/** Not even a person can pay it now: the page waits for something that will not play, so it is said why. */
export function refused(
  { tabId, url }: Page,
  { reason, offer, shortByMicro }: Extract<Decision, { kind: 'refuse' }>,
): void {
  show(tabId, url, {
    state: 'refused',
    reason,
    ...(shortByMicro === undefined ? {} : { shortByMicro }),
    ...(offer === undefined ? {} : { offer, amountMicro: offer.amountMicro, currency: offer.currency }),
  });
}

/** Nothing came of it. */
export const failed = (id: string) => void streams.delete(id);

/** Its answer has come, paid. False: this payment is of no stream. */
export function started(id: string, requestId: string): boolean {
  if (!streams.get(id)) return false;
  change(id, { requestId, state: 'running' });
  void run(id).catch(problemOf);
  return true;
}

async function run(id: string): Promise<void> {
  const engine = await wallet;
  const stream = streams.get(id);
  const latest = (await engine.pending()).find((payment) => payment.id === id);
  if (!stream || meters.has(id)) return;
  if (!latest) return stream.state === 'opening' ? failed(id) : change(id, { state: ended(stream) });
  const gone = new AbortController();
  const meter = runMeter({
    wallet: engine,
    payment: latest,
    // A site that knows its reader by a cookie knows the companion by it, too.
    fetch: (input, init) => fetch(input, { ...init, credentials: 'include' }),
    signal: gone.signal,
    onMeter: (event) => heard(id, event),
  });
  meters.set(id, { meter, stop: () => gone.abort() });
  stayAwake('streams', meters.size);
  try {
    await meter.done;
  } finally {
    meters.delete(id);
    stayAwake('streams', meters.size);
  }
}

function heard(id: string, { state, spentMicro, units, code }: MeterEvent): void {
  const stream = streams.get(id);
  if (!stream) return;
  const isOver = state === 'ended' || state === 'lost';
  const next = isOver ? ended(stream) : stream.state === 'stopped' ? 'stopped' : state;
  // Where it stopped stays the reason when it has ended there.
  change(id, { state: next, spentMicro, units, ...(next === 'over' ? {} : { reason: code }) });
}

const ended = ({ state }: Stream) =>
  state === 'stopped' ? state : state === 'limit' || state === 'over' ? ('over' as const) : ('ended' as const);

function change(id: string, to: Partial<Stream>): void {
  const stream = streams.get(id);
  if (!stream) return;
  streams.set(id, { ...stream, ...to });
  // At once when it is another state, with the next news otherwise.
  sayIn(id, to.state !== undefined && to.state !== stream.state ? 0 : SAID_MS);
}

const SAID_MS = 400;
const due = new Map<string, ReturnType<typeof setTimeout>>();
function sayIn(id: string, ms: number): void {
  if (ms > 0 && due.has(id)) return;
  clearTimeout(due.get(id));
  const late = setTimeout(() => {
    due.delete(id);
    void say(id).catch(problemOf);
  }, ms);
  due.set(id, late);
}

const SHOWN = {
  opening: 'paying',
  running: 'streaming',
  limit: 'limited',
  over: 'limited',
  stopped: 'stopped',
  ended: 'paid',
} as const;

async function say(id: string): Promise<void> {
  const site = streams.get(id)?.site;
  const rule = site === undefined ? undefined : await (await wallet).rule(site);
  const stream = streams.get(id);
  if (!stream || !rule) return;
  const { tabId, page, state, reason, url, unit, unitMicro, units, spentMicro, currency } = stream;
  const limitMicro = stream.approvedMicro ?? rule.perPageMicro;
  show(tabId, page, {
    state: SHOWN[state],
    paymentId: id,
    amountMicro: spentMicro,
    currency,
    automatic: stream.approvedMicro === undefined,
    ...(reason === undefined ? {} : { reason }),
    stream: { url, unit, unitMicro, units, spentMicro, limitMicro, held: state === 'limit' },
  });
}

/** Whether a stream may begin here now. One that reached its limit waits for the person to raise it. */
export async function mayBegin(page: Page, url: string): Promise<boolean> {
  const before = ofPage(page, url).at(-1);
  if (before?.state === 'stopped') return false;
  if (before?.state !== 'limit' && before?.state !== 'over') return true;
  return new Promise((done) => {
    answerRaise(before.id, false);
    raises.set(before.id, done);
  });
}
const raises = new Map<string, (raised: boolean) => void>();
function answerRaise(id: string, raised: boolean): void {
  raises.get(id)?.(raised);
  raises.delete(id);
}

/** Its answer has ended: the meter hears from the site what was delivered at last. */
export function requestOver(requestId: string): void {
  const stream = streams.values().find((one) => one.requestId === requestId);
  if (stream) meters.get(stream.id)?.stop();
}

/** Another document stands in the tab, or none: nothing more is paid for what it played. */
export function tabLeft(tabId: number): void {
  for (const { id } of ofTab(tabId)) forget(id);
}

function forget(id: string): void {
  meters.get(id)?.stop();
  answerRaise(id, false);
  streams.delete(id);
}

/** The person has had enough: nothing more is paid, and it does not begin again by itself. */
export function stop(tabId: number): void {
  for (const { id, state } of ofTab(tabId)) {
    if (state === 'ended') continue;
    change(id, { state: 'stopped' });
    meters.get(id)?.stop();
    answerRaise(id, false);
  }
}

/** The person lets the stream of a tab cost up to so much in all: it goes on where its site still holds it. */
export async function raise(tabId: number, limitMicro: bigint): Promise<void> {
  const id = ofTab(tabId).findLast(({ state }) => state === 'limit')?.id;
  if (id === undefined) return;
  await (await wallet).allowMore(id, { maxMicro: limitMicro });
  change(id, { approvedMicro: limitMicro, state: 'running', reason: undefined });
  meters.get(id)?.meter.resume();
  answerRaise(id, true);
}

/** The person wants what stopped to begin anew, as dear as before. */
export async function playAgain(tabId: number): Promise<void> {
  const stream = ofTab(tabId).findLast(({ state }) => state === 'over' || state === 'stopped');
  if (!stream) return;
  answerRaise(stream.id, true);
  streams.delete(stream.id);
  await browser.tabs.sendMessage(tabId, { play: stream.url }).catch(() => undefined); // its script may have gone
}

const ofTab = (tabId: number) => streams.values().filter((stream) => stream.tabId === tabId);
const ofPage = ({ tabId, url: page }: Page, url: string) =>
  ofTab(tabId).filter((stream) => sameDocument(stream.url, url) && sameDocument(stream.page, page));

/** Takes up what the last worker left: of each stream, its site knows whether it still runs. */
export async function takeUp(): Promise<void> {
  for (const { id, tabId, page, state } of streams.values()) {
    const tab = await browser.tabs.get(tabId).catch(() => undefined);
    if (!tab?.url || !sameDocument(tab.url, page)) forget(id);
    else if (state !== 'over' && state !== 'ended' && !isFlying(id)) void run(id).catch(problemOf);
  }
  stayAwake('streams', meters.size);
}
