// EventSource of a page. One whose stream is free is the browser's own in everything. One that is answered with 402 has
// failed for good as far as the browser goes: that is held back from the page, and a second one, paid, takes its place
// behind the first, which passes its events on. It is paid again in the same way when it reconnects.
import { bare, nonceFor } from './asking.ts';

const NativeEventSource = window.EventSource;

export function wrapEventSource(): void {
  window.EventSource = class EventSource extends NativeEventSource {
    /** Carries the events of a paid stream. */
    #inner: globalThis.EventSource | undefined;
    /** `asking`: the page sees a connection that is being made. `failed`: it will not be made. */
    #state: 'native' | 'asking' | 'failed' | 'closed' = 'native';
    readonly #types = new Set<string>();
    #lastEventId = '';

    constructor(url: string | URL, init?: EventSourceInit) {
      super(url, init);
      // Registered first, so that the page's listeners do not see the 402 that is about to be paid.
      super.addEventListener('error', (event) => {
        const failed = this.#state === 'native' && !this.#inner && super.readyState === NativeEventSource.CLOSED;
        if (!event.isTrusted || !failed) return;
        event.stopImmediatePropagation();
        void this.#connect();
      });
      this.#hear('message');
    }

    override get readyState(): number {
      if (this.#state === 'asking') return NativeEventSource.CONNECTING;
      if (this.#state !== 'native') return NativeEventSource.CLOSED;
      return this.#inner ? this.#inner.readyState : super.readyState;
    }

    override close(): void {
      this.#state = 'closed';
      super.close();
      this.#inner?.close();
    }

    override addEventListener(type: string, listener: unknown, options?: boolean | AddEventListenerOptions): void {
      this.#hear(type);
      super.addEventListener(type, listener as EventListener, options);
    }

    /** Events of this type are passed on, whichever connection they come from. */
    #hear(type: string): void {
      if (this.#types.has(type)) return;
      this.#types.add(type);
      super.addEventListener(type, (event) => this.#note(event));
      if (this.#inner) this.#pass(this.#inner, type);
    }

    /** Asks for the stream to be paid; it goes on after the last event that came. */
    async #connect(): Promise<void> {
      this.#state = 'asking';
      const { url, withCredentials } = this;
      const at = this.#lastEventId === '' ? {} : { lastEventId: this.#lastEventId };
      const nonce = await nonceFor({ url, method: 'GET', step: 'asked', kind: 'events', ...at });
      if (this.#state !== 'asking') return;
      if (nonce === undefined) {
        this.#state = 'failed';
        this.dispatchEvent(new Event('error'));
        return;
      }
      this.#state = 'native';
      this.#open(new NativeEventSource(`${bare(url)}#${nonce}`, { withCredentials }));
    }

    #open(inner: globalThis.EventSource): void {
      this.#inner = inner;
      inner.addEventListener('open', (event) => this.#forward(event));
      inner.addEventListener('error', (event) => {
        // The stream has ended and its address asks for money again: to the page, it is still connecting.
        const asks = !(event instanceof MessageEvent) && inner.readyState === NativeEventSource.CLOSED;
        if (asks) void this.#connect();
        else this.#forward(event);
      });
      for (const type of this.#types) this.#pass(inner, type);
    }

    #pass(inner: globalThis.EventSource, type: string): void {
      if (type !== 'open' && type !== 'error') inner.addEventListener(type, (event) => this.#forward(event));
    }

    #forward(event: Event): void {
      if (this.#state !== 'native') return;
      if (!(event instanceof MessageEvent)) this.dispatchEvent(new Event(event.type));
      else this.dispatchEvent(new MessageEvent(event.type, partsOf(event)));
    }

    #note(event: Event): void {
      if (event instanceof MessageEvent) this.#lastEventId = event.lastEventId;
    }
  };
}

const partsOf = ({ data, origin, lastEventId }: MessageEvent) => ({ data, origin, lastEventId });
