// Watches requests: sees every 402 with its challenges, every credential that leaves, every answer to one.
// It only observes; what to do about it is in navigation.ts and page-fetch.ts.
import { readChallenges } from '@farthing/protocol';
import type { Ask } from '@farthing/wallet';
import { browser, type WebRequest } from '../browser.ts';
import { type Armed, takeByHeader } from './rules.ts';

/** A request that this worker follows from its sending to its headers. */
export type Watched = {
  readonly requestId: string;
  readonly tabId: number;
  readonly url: string;
  readonly method: string;
  readonly main: boolean;
  readonly initiator?: string | undefined;
  /** The browser loads it ahead of any wish of the person. */
  readonly speculative: boolean;
  /** It was redirected here from another origin. */
  readonly crossed: boolean;
  readonly armed?: Armed | undefined;
};

export type HeadersSeen = Watched & {
  readonly status: number;
  readonly challenges: readonly string[];
  readonly receipt?: string | undefined;
  readonly allowOrigin?: string | undefined;
};

export type Observer = {
  /** Every answer that asks for payment or answers one. */
  answered(seen: HeadersSeen): void;
  /** A request with a credential of ours ended without an answer. */
  lost(request: Watched): void;
};

const FILTER: WebRequest.RequestFilter = {
  urls: ['http://*/*', 'https://*/*'],
  types: ['main_frame', 'xmlhttprequest', 'image', 'media'],
};
/** The digest of a body is the challenge's: the repeat sends the same body, and its site priced it. */
export function askOf({ url, method, challenges }: HeadersSeen, site: string): Ask {
  const digest = readChallenges(challenges).find((challenge) => challenge.digest !== undefined)?.digest;
  return { url, method, site, challenges, ...(digest === undefined ? {} : { digest }) };
}

const watched = new Map<string, Watched>();
const MOST = 2000;

/** Must run in the worker's first turn, or a stopped worker is not woken for these events. */
export function observe(observer: Observer): void {
  const { webRequest } = browser;
  webRequest.onSendHeaders.addListener(sending, FILTER, ['requestHeaders']);
  webRequest.onBeforeRedirect.addListener(redirected, FILTER);
  webRequest.onHeadersReceived.addListener((details) => received(details, observer), FILTER, ['responseHeaders']);
  webRequest.onCompleted.addListener(({ requestId }) => void watched.delete(requestId), FILTER);
  webRequest.onErrorOccurred.addListener((details) => failed(details, observer), FILTER);
}

type Chromium = { readonly initiator?: string; readonly documentLifecycle?: string };

function sending(details: WebRequest.OnSendHeadersDetailsType & Chromium): void {
  const header = (name: string) => details.requestHeaders?.find((h) => h.name.toLowerCase() === name)?.value;
  const credentials = [header('authorization'), header('payment-authorization')].filter((value) => value !== undefined);
  const before = watched.get(details.requestId);
  if (watched.size > MOST) watched.delete(watched.keys().next().value ?? '');
  watched.set(details.requestId, {
    requestId: details.requestId,
    tabId: details.tabId,
    url: details.url,
    method: details.method,
    main: details.type === 'main_frame',
    initiator: details.initiator,
    speculative:
      header('sec-purpose') !== undefined ||
      header('purpose') === 'prefetch' ||
      details.documentLifecycle === 'prerender',
    crossed: before?.crossed ?? false,
    armed: credentials.map(takeByHeader).find((entry) => entry !== undefined),
  });
}

function redirected(details: WebRequest.OnBeforeRedirectDetailsType): void {
  const before = watched.get(details.requestId);
  if (!before) return;
  const crossed = before.crossed || new URL(details.url).origin !== new URL(details.redirectUrl).origin;
  watched.set(details.requestId, { ...before, crossed, armed: undefined });
}

function received(details: WebRequest.OnHeadersReceivedDetailsType & Chromium, observer: Observer): void {
  const request = watched.get(details.requestId);
  const headers = details.responseHeaders ?? [];
  const all = (name: string) => headers.filter((h) => h.name.toLowerCase() === name).map((h) => h.value ?? '');
  const challenges = all('www-authenticate').filter((value) => /\bpayment\b/i.test(value));
  const asks = details.statusCode === 402 && challenges.length > 0;
  if (!request || (!asks && !request.armed)) return;
  observer.answered({
    ...request,
    url: details.url,
    status: details.statusCode,
    challenges,
    receipt: all('payment-receipt')[0],
    allowOrigin: all('access-control-allow-origin')[0],
  });
  if (request.armed) watched.set(details.requestId, { ...request, armed: undefined });
}

function failed(details: WebRequest.OnErrorOccurredDetailsType, observer: Observer): void {
  const request = watched.get(details.requestId);
  watched.delete(details.requestId);
  if (request?.armed) observer.lost(request);
}
