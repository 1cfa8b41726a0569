// How the code in the page's own world asks for payment: events on the document that the script beside the page carries
// to the worker. The page can send and forge them as well, and gains nothing: no credential comes this way, and the
// worker pays only what it saw a site ask for.
import { type Ahead, fits, isAheadEntry } from '../pattern.ts';

const ASK = 'farthing:ask';
const ANSWER = 'farthing:answer';
const AHEAD = 'farthing:ahead';
/** A person may have to decide; a challenge does not live longer than this. */
const ASKED_MS = 300_000;
const FIRST_MS = 1_500;

export type Wish = {
  readonly url: string;
  readonly method: string;
  /**
   * `ahead`: before the request is made; `asked`: it was answered with 402; `refused`: so was what was paid with `nonce`;
   * `ended`: it was paid with `nonce`, and the answer says that the session is over.
   */
  readonly step: 'ahead' | 'asked' | 'refused' | 'ended';
  readonly kind?: 'events';
  readonly nonce?: string;
  /** RFC 9530 digest of the body, when there is one. */
  readonly digest?: string;
  /** Where an event stream goes on. */
  readonly lastEventId?: string;
};

// Taken before any script of the page runs.
const { dispatchEvent, addEventListener } = document;
const waiting = new Map<number, (nonce: string | undefined) => void>();
let next = 1;
let ahead: readonly Ahead[] = [];

addEventListener.call(document, ANSWER, (event) => {
  const { id, nonce, ahead: learned } = parse(event);
  if (typeof id !== 'number') return;
  learn(learned);
  waiting.get(id)?.(typeof nonce === 'string' ? nonce : undefined);
  waiting.delete(id);
});
addEventListener.call(document, AHEAD, (event) => learn(parse(event).ahead));

function learn(found: unknown): void {
  if (Array.isArray(found)) ahead = found.filter(isAheadEntry);
}

function parse(event: Event): { id?: unknown; nonce?: unknown; ahead?: unknown } {
  try {
    return event instanceof CustomEvent ? JSON.parse(String(event.detail)) : {};
  } catch {
    return {};
  }
}

/** The fragment that makes one repeat of this request a paid one; `undefined` when it is not paid, or `signal` ends it. */
export function nonceFor(wish: Wish, signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((done) => {
    const id = next++;
    const giveUp = () => {
      if (waiting.delete(id)) done(undefined);
    };
    waiting.set(id, done);
    signal?.addEventListener('abort', giveUp, { once: true });
    dispatchEvent.call(document, new CustomEvent(ASK, { detail: JSON.stringify({ id, ...wish }) }));
    setTimeout(giveUp, wish.step === 'ahead' ? FIRST_MS : ASKED_MS);
  });
}

/** Whether this request can be paid before its site asks. */
export function isAhead(url: string, method: string, hasBody: boolean): boolean {
  if (ahead.length === 0) return false;
  const { origin, pathname: path } = new URL(url);
  return origin === location.origin && ahead.some((entry) => fits(entry, { method, path, hasBody }));
}

export const bare = (url: string) => url.split('#', 1)[0] ?? url;

export const asksForPayment = (status: number, header: string | null) =>
  status === 402 && header !== null && /\bpayment\b/i.test(header);

/** As RFC 9530 prints it; `undefined` where the page has no cryptography. */
export async function digestOf(body: ArrayBuffer): Promise<string | undefined> {
  const { subtle } = globalThis.crypto;
  if (!subtle) return undefined;
  const bytes = new Uint8Array(await subtle.digest('SHA-256', body));
  return `sha-256=:${btoa(String.fromCharCode(...bytes))}:`;
}
