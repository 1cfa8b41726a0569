// Runs in the page's own world: a fetch or XHR that is answered with 402 is repeated once, as `address#nonce`, after
// the worker has put a credential on exactly that request. No credential ever comes into this world.
import { matchesPattern } from '../pattern.ts';

const ASK = 'farthing:ask';
const ANSWER = 'farthing:answer';
const AHEAD = 'farthing:ahead';
/** A person may have to decide; a challenge does not live longer than this. */
const ASKED_MS = 300_000;
const FIRST_MS = 300;

// Taken before any script of the page runs.
const nativeFetch = window.fetch;
const NativeXhr = window.XMLHttpRequest;
const { dispatchEvent, addEventListener } = document;
const waiting = new Map<number, (nonce: string | undefined) => void>();
let next = 1;
let ahead: string[] = [];

addEventListener.call(document, ANSWER, (event) => {
  const { id, nonce } = parse(event);
  if (typeof id !== 'number') return;
  waiting.get(id)?.(typeof nonce === 'string' ? nonce : undefined);
  waiting.delete(id);
});
addEventListener.call(document, AHEAD, (event) => {
  const found = parse(event);
  if (Array.isArray(found)) ahead = found.filter((pattern) => typeof pattern === 'string');
});

function parse(event: Event): { id?: unknown; nonce?: unknown } {
  try {
    return event instanceof CustomEvent ? JSON.parse(String(event.detail)) : {};
  } catch {
    return {};
  }
}

/** The fragment that makes one repeat of this request a paid one. */
function nonceFor(url: string, method: string, first: boolean): Promise<string | undefined> {
  return new Promise((done) => {
    const id = next++;
    waiting.set(id, done);
    dispatchEvent.call(document, new CustomEvent(ASK, { detail: JSON.stringify({ id, url, method, first }) }));
    setTimeout(
      () => {
        if (waiting.delete(id)) done(undefined);
      },
      first ? FIRST_MS : ASKED_MS,
    );
  });
}

const bare = (url: string) => url.split('#', 1)[0] ?? url;
const asksForPayment = (status: number, header: string | null) =>
  status === 402 && header !== null && /\bpayment\b/i.test(header);

function isAhead(url: string): boolean {
  if (ahead.length === 0) return false;
  const { origin, pathname } = new URL(url);
  return origin === location.origin && ahead.some((pattern) => matchesPattern(pattern, pathname));
}

window.fetch = async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  // A stream can be sent once, so there is nothing to repeat.
  if (init?.body instanceof ReadableStream) return nativeFetch.call(this, input, init);
  const request = new Request(input, init);
  if (!/^https?:/.test(request.url) || request.headers.has('authorization')) return nativeFetch.call(this, request);
  const copy = request.body === null ? undefined : request.clone();
  const paid = async (nonce: string) =>
    // HTTP/1.1 takes no streamed body: a blob it is.
    nativeFetch.call(this, `${bare(request.url)}#${nonce}`, {
      ...init,
      ...repeated(request),
      body: (await copy?.blob()) ?? null,
    });
  // A body's digest is bound by the challenge for it, so what has a body is not paid ahead.
  const early =
    copy === undefined && isAhead(request.url) ? await nonceFor(request.url, request.method, true) : undefined;
  const answer = await (early === undefined ? nativeFetch.call(this, request) : paid(early));
  if (answer.redirected || !asksForPayment(answer.status, answer.headers.get('www-authenticate'))) return answer;
  const nonce = await nonceFor(request.url, request.method, false);
  return nonce === undefined ? answer : paid(nonce);
};

/** Everything that a request says of itself but its body; what was paid is never taken from a cache. */
function repeated(request: Request): RequestInit {
  const { method, headers, credentials, redirect, referrer, referrerPolicy, integrity, keepalive, signal } = request;
  const mode = request.mode === 'navigate' ? 'same-origin' : request.mode;
  return {
    method,
    headers,
    mode,
    credentials,
    cache: 'no-store',
    redirect,
    referrer,
    referrerPolicy,
    integrity,
    keepalive,
    signal,
  };
}

/** A subclass: patching the prototype misses engines' own calls. Synchronous requests stay as they are. */
window.XMLHttpRequest = class XMLHttpRequest extends NativeXhr {
  #method = 'GET';
  #url = '';
  #async = true;
  #login: [user: string | null, password: string | null] = [null, null];
  #headers: [string, string][] = [];
  #body: Document | XMLHttpRequestBodyInit | null | undefined;
  #state: 'fresh' | 'asking' | 'done' = 'fresh';

  constructor() {
    super();
    // Registered first, so that the page's listeners do not see the 402 that is about to be paid.
    for (const name of ['readystatechange', 'load', 'loadend', 'progress'])
      super.addEventListener(name, (event) => this.#guard(event));
  }

  override open(method: string, url: string | URL, async = true, user?: string | null, password?: string | null): void {
    this.#method = method.toUpperCase();
    this.#url = new URL(url, document.baseURI).href;
    this.#async = async;
    this.#login = [user ?? null, password ?? null];
    this.#headers = [];
    this.#state = 'fresh';
    super.open(method, url, async, user, password);
  }

  override setRequestHeader(name: string, value: string): void {
    super.setRequestHeader(name, value);
    this.#headers.push([name, value]);
    if (/^authorization$/i.test(name)) this.#state = 'done'; // the site's own login
  }

  override send(body?: Document | XMLHttpRequestBodyInit | null): void {
    this.#body = body;
    super.send(body);
  }

  #guard(event: Event): void {
    if (this.#state === 'asking') {
      event.stopImmediatePropagation();
      return;
    }
    if (this.#state === 'done' || !this.#async || this.readyState < NativeXhr.HEADERS_RECEIVED) return;
    if (!asksForPayment(this.status, this.getResponseHeader('www-authenticate'))) return;
    event.stopImmediatePropagation();
    if (this.readyState !== NativeXhr.DONE) return;
    this.#state = 'asking';
    void nonceFor(this.#url, this.#method, false).then((nonce) => this.#again(nonce));
  }

  #again(nonce: string | undefined): void {
    this.#state = 'done';
    if (nonce === undefined) {
      for (const name of ['readystatechange', 'load', 'loadend']) this.dispatchEvent(new ProgressEvent(name));
      return;
    }
    const { responseType, timeout, withCredentials } = this;
    super.open(this.#method, `${bare(this.#url)}#${nonce}`, true, ...this.#login);
    Object.assign(this, { responseType, timeout, withCredentials });
    for (const [name, value] of this.#headers) super.setRequestHeader(name, value);
    super.send(this.#body);
  }
};
