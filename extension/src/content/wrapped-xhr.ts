// XMLHttpRequest of a page: the same as for `fetch`. A subclass, as patching the prototype misses engines' own calls.
// Synchronous requests stay as they are.
import { asksForPayment, bare, digestOf, isAhead, nonceFor, type Wish } from './asking.ts';

type Body = Document | XMLHttpRequestBodyInit | null | undefined;
const NativeXhr = window.XMLHttpRequest;
const HELD = ['readystatechange', 'load', 'loadend', 'progress'];

export function wrapXhr(): void {
  window.XMLHttpRequest = class XMLHttpRequest extends NativeXhr {
    #method = 'GET';
    #url = '';
    #async = true;
    #login: [user: string | null, password: string | null] = [null, null];
    #headers: [string, string][] = [];
    #body: Body;
    /** `asking`: the page sees nothing of what happens. `done`: it sees what comes. */
    #state: 'fresh' | 'asking' | 'done' = 'fresh';
    #nonce: string | undefined;
    #reopened = false;
    #refused = false;
    /** Counts what the page has begun or ended with this object. */
    #turn = 0;

    constructor() {
      super();
      // Registered first, so that the page's listeners do not see the 402 that is about to be paid.
      for (const name of HELD) super.addEventListener(name, (event) => this.#guard(event));
    }

    override open(
      method: string,
      url: string | URL,
      async = true,
      user?: string | null,
      password?: string | null,
    ): void {
      this.#method = method.toUpperCase();
      this.#url = new URL(url, document.baseURI).href;
      this.#async = async;
      this.#login = [user ?? null, password ?? null];
      this.#headers = [];
      this.#state = 'fresh';
      this.#nonce = undefined;
      this.#reopened = false;
      this.#refused = false;
      this.#turn++;
      super.open(method, url, async, user, password);
    }

    override setRequestHeader(name: string, value: string): void {
      super.setRequestHeader(name, value);
      this.#headers.push([name, value]);
      if (/^authorization$/i.test(name)) this.#state = 'done'; // the site's own login
    }

    override send(body?: Body): void {
      if (this.#state === 'asking') throw new DOMException('The object is already sent.', 'InvalidStateError');
      this.#body = body;
      const mayWait = this.#state === 'fresh' && this.#async && this.readyState === NativeXhr.OPENED;
      if (!mayWait || !canDigest(body) || !isAhead(this.#url, this.#method, hasBytes(body))) {
        super.send(body);
        return;
      }
      this.#ask('ahead', (nonce) => {
        this.#state = 'fresh';
        if (nonce === undefined) super.send(body);
        else this.#repeat(nonce);
      });
    }

    override abort(): void {
      const wasAsking = this.#state === 'asking';
      this.#turn++;
      this.#state = 'done';
      super.abort();
      // To the page, this request was on its way.
      if (wasAsking) this.#tell(['readystatechange', 'abort', 'loadend']);
    }

    #guard(event: Event): void {
      if (this.#state === 'asking') {
        event.stopImmediatePropagation();
        return;
      }
      if (!this.#async || this.readyState < NativeXhr.HEADERS_RECEIVED) return;
      const ended = this.status === 410 && this.#nonce !== undefined && !this.#reopened;
      const asks = asksForPayment(this.status, this.getResponseHeader('www-authenticate'));
      const isFirst = asks && this.#state === 'fresh';
      const isRefused = asks && this.#state === 'done' && this.#nonce !== undefined && !this.#refused;
      if (!ended && !isFirst && !isRefused) return;
      event.stopImmediatePropagation();
      if (this.readyState !== NativeXhr.DONE) return;
      this.#refused = isRefused;
      if (asks) this.#ask(isFirst ? 'asked' : 'refused', (nonce) => this.#pay(nonce));
      else this.#ask('ended', (nonce) => this.#reopen(nonce));
    }

    /** `go` runs unless the page has ended this request meanwhile, or begun another. */
    #ask(step: Wish['step'], go: (nonce: string | undefined) => void): void {
      const turn = this.#turn;
      this.#state = 'asking';
      void this.#wish(step)
        .then((wish) => (turn === this.#turn ? nonceFor(wish) : undefined))
        .then((nonce) => {
          if (turn === this.#turn) go(nonce);
        });
    }

    async #wish(step: Wish['step']): Promise<Wish> {
      const body = this.#body;
      const bytes = canDigest(body) && hasBytes(body) ? await new Response(body).arrayBuffer() : undefined;
      const digest = bytes && (await digestOf(bytes));
      return {
        url: this.#url,
        method: this.#method,
        step,
        ...(digest === undefined ? {} : { digest }),
        ...(this.#nonce === undefined ? {} : { nonce: this.#nonce }),
      };
    }

    #pay(nonce: string | undefined): void {
      this.#state = 'done';
      if (nonce === undefined) this.#tell(['readystatechange', 'load', 'loadend']);
      else this.#repeat(nonce);
    }

    /** The site has ended the session and charged nothing: it is asked again, once. */
    #reopen(isOver: string | undefined): void {
      this.#reopened = true;
      this.#state = isOver === undefined ? 'done' : 'fresh';
      if (isOver === undefined) this.#tell(['readystatechange', 'load', 'loadend']);
      else this.#repeat(undefined);
    }

    #tell(names: readonly string[]): void {
      for (const name of names)
        this.dispatchEvent(name === 'readystatechange' ? new Event(name) : new ProgressEvent(name));
    }

    #repeat(nonce: string | undefined): void {
      this.#nonce = nonce;
      const { responseType, timeout, withCredentials } = this;
      const address = nonce === undefined ? this.#url : `${bare(this.#url)}#${nonce}`;
      super.open(this.#method, address, true, ...this.#login);
      Object.assign(this, { responseType, timeout, withCredentials });
      for (const [name, value] of this.#headers) super.setRequestHeader(name, value);
      super.send(this.#body);
    }
  };
}

const hasBytes = (body: Body) => body !== null && body !== undefined;

/** A form gets another boundary each time that it is sent, and a document is printed anew. */
const canDigest = (body: Body): body is Exclude<Body, Document | FormData> =>
  !(body instanceof Document) && !(body instanceof FormData);
