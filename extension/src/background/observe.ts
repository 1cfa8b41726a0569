// Watches requests: sees every 402 with its challenges, every credential that leaves, every answer to one.
// It only observes; what to do about it is in navigation.ts, page-fetch.ts and streams.ts.
import { readChallenges } from '@farthing/protocol';
import type { Ask } from '@farthing/wallet';
import { browser, type WebRequest } from '../browser.ts';
import { type Armed, takeByHeader } from './rules.ts';
import { SessionMap } from './session.ts';

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
  /** The site says that it consumed nothing of the payment. */
  readonly notCharged: boolean;
  readonly allowOrigin?: string | undefined;
};

export type Observer = {
  /** Every answer that asks for payment or answers one. */
  answered(seen: HeadersSeen): void;
  /** A request with a credential of ours ended without an answer. */
  lost(request: Watched): void;
  /** A request is over, whether its answer came whole or not. */
  over(requestId: string): void;
};

const FILTER: WebRequest.RequestFilter = {
  urls: ['http://*/*', 'https://*/*'],
  types: ['main_frame', 'xmlhttprequest', 'image', 'media'],
};
/**
 * The digest of a body is the challenge's: the repeat sends the same body, and its site priced it. Pages are paid by single
 * charges: in a session the same address again is another purchase.
 */
export function askOf({ url, method, challenges }: HeadersSeen, site: string): Ask {
  const digest = readChallenges(challenges).find((challenge) => challenge.digest !== undefined)?.digest;
  return { url, method, site, challenges, sessions: false, ...(digest === undefined ? {} : { digest }) };
}

const watched = new Map<string, Watched>();
const MOST = 2000;
/** Pages on their way, by request: the worker that sees the answer may not be the one that saw the request. */
const loading = new SessionMap<Watched>('loading', 50);
export const loadingReady = loading.ready;

const known = (requestId: string) => watched.get(requestId) ?? loading.get(requestId);

function note(request: Watched): void {
  if (watched.size > MOST) watched.delete(watched.keys().next().value ?? '');
  watched.set(request.requestId, request);
  if (request.main && request.tabId >= 0) loading.set(request.requestId, request);
}

function forget(requestId: string): void {
  watched.delete(requestId);
  loading.delete(requestId);
}

/**
 * Must run in the worker's first turn, or a stopped worker is not woken for these events. `inOrder` runs what it is given
 * one after the other, when what the last worker knew has been read.
 */
export function observe(observer: Observer, inOrder: (act: () => unknown) => void): void {
  const { webRequest } = browser;
  webRequest.onSendHeaders.addListener((details) => inOrder(() => sending(details)), FILTER, ['requestHeaders']);
  webRequest.onBeforeRedirect.addListener((details) => inOrder(() => redirected(details)), FILTER);
  webRequest.onHeadersReceived.addListener((details) => inOrder(() => received(details, observer)), FILTER, [
    'responseHeaders',
  ]);
  webRequest.onCompleted.addListener(({ requestId }) => inOrder(() => completed(requestId, observer)), FILTER);
  webRequest.onErrorOccurred.addListener((details) => inOrder(() => failed(details, observer)), FILTER);
}

type Chromium = { readonly initiator?: string; readonly documentLifecycle?: string };

function sending(details: WebRequest.OnSendHeadersDetailsType & Chromium): void {
  const header = (name: string) => details.requestHeaders?.find((h) => h.name.toLowerCase() === name)?.value;
  const credentials = [header('authorization'), header('payment-authorization')].filter((value) => value !== undefined);
  const before = known(details.requestId);
  note({
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
  const before = known(details.requestId);
  if (!before) return;
  const crossed = before.crossed || new URL(details.url).origin !== new URL(details.redirectUrl).origin;
  note({ ...before, crossed, armed: undefined });
}

function received(details: WebRequest.OnHeadersReceivedDetailsType & Chromium, observer: Observer): void {
  const request = known(details.requestId);
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
    notCharged: all('payment-consumed')[0] === '?0',
    allowOrigin: all('access-control-allow-origin')[0],
  });
  if (request.armed) note({ ...request, armed: undefined });
}

function completed(requestId: string, observer: Observer): void {
  forget(requestId);
  observer.over(requestId);
}

function failed(details: WebRequest.OnErrorOccurredDetailsType, observer: Observer): void {
  const request = known(details.requestId);
  forget(details.requestId);
  if (request?.armed) observer.lost(request);
  observer.over(details.requestId);
}
