// One-shot header rules: each puts one credential on one request of one tab, and goes away when that request was sent.
import type { Payment } from '@farthing/wallet';
import { browser, type DeclarativeNetRequest, isPrivate } from '../browser.ts';

export type Armed = {
  readonly ruleId: number;
  readonly payment: Payment;
  readonly tabId: number;
  /** A rule allowed it; false when a person did. */
  readonly automatic: boolean;
  /** The page's own name for this payment. */
  readonly nonce?: string | undefined;
  state: 'armed' | 'sent' | 'withdrawn';
};

export type ArmOptions = {
  readonly payment: Payment;
  readonly tabId: number;
  readonly kind: 'main_frame' | 'xmlhttprequest' | 'image' | 'media';
  /** Without `#`: only the request with this fragment is matched. Absent: the address with any fragment. */
  readonly nonce?: string;
  /** Where an event stream goes on: a new connection of the browser does not know it. */
  readonly lastEventId?: string | undefined;
  readonly automatic: boolean;
  readonly ttlMs: number;
};

const armed = new Map<number, Armed>();
/** Payments whose answer is awaited, since when: recovery leaves them to their request, but not for ever. */
const flying = new Map<string, number>();
const FLIGHT_MS = 60_000;
export const isFlying = (paymentId: string) => Date.now() - (flying.get(paymentId) ?? 0) < FLIGHT_MS;
export const landed = (paymentId: string) => void flying.delete(paymentId);
/** Rules of private windows begin here: both workers see the rules of both. */
const FIRST_ID = 1_000_000_000;
let nextId = 1;
const GRACE_MS = 1_000;

/** Rules outlive the worker. One that is left over would pay a later visit, or take an id: all go at boot. */
const swept = (async () => {
  const old = await browser.declarativeNetRequest.getSessionRules();
  const ids = old.map(({ id }) => id).filter((id) => id >= FIRST_ID === isPrivate);
  nextId = Math.max(isPrivate ? FIRST_ID : 0, ...ids) + 1;
  if (ids.length > 0) await browser.declarativeNetRequest.updateSessionRules({ removeRuleIds: ids });
})();

/** `unsent` runs when nobody sent the request in time. */
export async function arm(options: ArmOptions, unsent: () => void): Promise<Armed> {
  await swept;
  const { payment, tabId, automatic, nonce, ttlMs } = options;
  const ruleId = nextId++;
  const entry: Armed = { ruleId, payment, tabId, automatic, nonce, state: 'armed' };
  armed.set(ruleId, entry);
  flying.set(payment.id, Date.now());
  try {
    await browser.declarativeNetRequest.updateSessionRules({ addRules: [headerRule(ruleId, options)] });
  } catch (error) {
    armed.delete(ruleId);
    landed(payment.id);
    throw error;
  }
  setTimeout(() => void withdraw(entry).then((never) => never && unsent()), ttlMs);
  return entry;
}

/**
 * Takes a rule back. True when its credential was never sent, and only then may its money be released: a request that
 * got its header just before is waited for. False also for a rule that somebody else takes back.
 */
export async function withdraw(entry: Armed): Promise<boolean> {
  if (entry.state !== 'armed') return false;
  entry.state = 'withdrawn';
  await remove(entry);
  await new Promise((done) => setTimeout(done, GRACE_MS));
  const never = armed.delete(entry.ruleId);
  if (never) landed(entry.payment.id);
  return never;
}

/** The rule whose credential a request carries. Its work is done: it is marked as sent and removed. */
export function takeByHeader(value: string): Armed | undefined {
  for (const entry of armed.values()) {
    if (entry.payment.header.value !== value) continue;
    armed.delete(entry.ruleId);
    entry.state = 'sent';
    void remove(entry);
    return entry;
  }
  return undefined;
}

/** Rules of a tab that nobody has used: its page went elsewhere. */
export const unusedOf = (tabId: number): Armed[] =>
  [...armed.values()].filter((entry) => entry.tabId === tabId && entry.state === 'armed');

const remove = ({ ruleId }: Armed) =>
  browser.declarativeNetRequest.updateSessionRules({ removeRuleIds: [ruleId] }).catch(() => undefined);

function headerRule(id: number, { payment, tabId, kind, nonce, lastEventId }: ArmOptions): DeclarativeNetRequest.Rule {
  const url = payment.url.split('#', 1)[0] ?? payment.url;
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return {
    id,
    priority: 1,
    condition: {
      regexFilter: nonce === undefined ? `^${escaped}(#.*)?$` : `^${escaped}#${nonce}$`,
      isUrlFilterCaseSensitive: true,
      resourceTypes: [kind],
      requestMethods: [payment.method.toLowerCase()],
      // A site's own service worker sends from no tab.
      tabIds: nonce === undefined ? [tabId] : [tabId, -1],
    },
    action: {
      type: 'modifyHeaders',
      requestHeaders: [
        { header: payment.header.name, operation: 'set', value: payment.header.value },
        ...(lastEventId === undefined
          ? []
          : [{ header: 'Last-Event-ID', operation: 'set' as const, value: lastEventId }]),
      ],
    },
  };
}
