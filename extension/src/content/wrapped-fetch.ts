// `fetch` of a page: asks ahead where that is known to help, pays a 402, pays with another kind of money where the site refuses one,
// and opens another session where one has ended.
import { asksForPayment, bare, digestOf, isAhead, nonceFor, type Wish } from './asking.ts';

const nativeFetch = window.fetch;

export function wrapFetch(): void {
  window.fetch = async function fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    // A stream can be sent once, so there is nothing to repeat.
    if (init?.body instanceof ReadableStream) return nativeFetch.call(this, input, init);
    const request = new Request(input, init);
    if (!/^https?:/.test(request.url) || request.headers.has('authorization')) return nativeFetch.call(this, request);
    return new Visit(request, init).run();
  };
}

/** One request of the page: at most one payment succeeds for it. */
class Visit {
  readonly #request: Request;
  readonly #init: RequestInit | undefined;
  readonly #copy: Request | undefined;
  #body: Promise<Blob> | undefined;
  #sent = false;
  /** Names the payment that the last request carried. */
  #nonce: string | undefined;

  constructor(request: Request, init: RequestInit | undefined) {
    this.#request = request;
    this.#init = init;
    if (request.body !== null) this.#copy = request.clone();
  }

  async run(): Promise<Response> {
    const { url, method } = this.#request;
    const early = isAhead(url, method, this.#copy !== undefined);
    const answer = await this.#paid(await this.#send(early ? await this.#ask('ahead') : undefined));
    // The site has ended the session meanwhile, and charged nothing: another is opened, once.
    if (answer.status !== 410 || this.#nonce === undefined) return answer;
    if ((await this.#ask('ended')) === undefined) return answer;
    return this.#paid(await this.#send(undefined));
  }

  /** The answer to this payment, if the site asks for one and the worker makes it. */
  async #paid(answer: Response): Promise<Response> {
    const paid = await this.#pay(answer, 'asked');
    // The site refused this kind of money and took nothing: another is tried, once.
    return paid === answer ? answer : this.#pay(paid, 'refused');
  }

  async #pay(answer: Response, step: Wish['step']): Promise<Response> {
    if (answer.redirected || !asksForPayment(answer.status, answer.headers.get('www-authenticate'))) return answer;
    const nonce = await this.#ask(step);
    return nonce === undefined ? answer : this.#send(nonce);
  }

  async #ask(step: Wish['step']): Promise<string | undefined> {
    const { url, method, signal } = this.#request;
    const digest =
      this.#copy && step !== 'ended' ? await digestOf(await (await this.#blob()).arrayBuffer()) : undefined;
    const wish = { url, method, step, ...(digest === undefined ? {} : { digest }) };
    return nonceFor(this.#nonce === undefined ? wish : { ...wish, nonce: this.#nonce }, signal);
  }

  #send(nonce: string | undefined): Promise<Response> {
    this.#nonce = nonce;
    const first = !this.#sent;
    this.#sent = true;
    return first && nonce === undefined ? nativeFetch(this.#request) : this.#repeat(nonce);
  }

  async #repeat(nonce: string | undefined): Promise<Response> {
    const { url } = this.#request;
    const address = nonce === undefined ? url : `${bare(url)}#${nonce}`;
    const body = this.#copy === undefined ? null : await this.#blob();
    return nativeFetch(address, { ...this.#init, ...repeated(this.#request), body });
  }

  /** HTTP/1.1 takes no streamed body: a blob it is. */
  #blob(): Promise<Blob> {
    this.#body ??= this.#copy?.blob() ?? Promise.resolve(new Blob());
    return this.#body;
  }
}

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
