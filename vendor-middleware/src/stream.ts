// Streams that are paid by the unit: each chunk of the source is one unit, taken out of what the session has paid ahead and
// written durably before the chunk leaves. When that is used up the stream waits for the next word, which comes with a
// companion request (HEAD to the same URL).
import { type JsonObject, PaymentProblem, type Price, printReceipt } from '@farthing/protocol';
import type { Request, Response } from 'express';
import { attach, type Delivery, end } from './deliver.ts';
import type { Sessions } from './methods.ts';

export type Chunk = string | Uint8Array;

/** Gives the units of one answer, in order. It is asked for the next only when the last has left; `signal`: nobody listens. */
export type StreamSource = (req: Request, signal: AbortSignal) => AsyncIterable<Chunk>;

export type Stream = { readonly source: StreamSource; readonly type: string; readonly holdMs: number };

/** Claims of a long stream go to the broker on the way. */
const NUDGE_MS = 5000;

/** Serves a request that was paid: a HEAD is the companion of a running stream, anything else starts one. */
export function serve(stream: Stream, delivery: Delivery, { req, res }: { req: Request; res: Response }): void {
  end(delivery, true);
  attach(delivery, res);
  if (req.method === 'HEAD') return void res.status(204).end();
  const playing = new Playing(stream, delivery, res);
  void playing.run(req).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : 'unknown fault';
    delivery.site.tell({ code: 'stream-failed', message: `a stream broke off: ${message}` });
    res.destroy();
  });
}

class Playing {
  readonly #stream: Stream;
  readonly #delivery: Delivery;
  readonly #res: Response;
  readonly #price: Price;
  readonly #key: string;
  readonly #role: Sessions;
  readonly #gone = new AbortController();
  #units = 0;
  #details: JsonObject = {};
  #nudgedAtMs = 0;

  constructor(stream: Stream, delivery: Delivery, res: Response) {
    const { site, pass, visit, challenge } = delivery;
    const role = site.methods.find(({ name }) => name === challenge?.method)?.sessions;
    if (!pass.session || !role) throw new PaymentProblem('method-unsupported');
    this.#stream = stream;
    this.#delivery = delivery;
    this.#res = res;
    this.#price = visit.quote.price;
    this.#key = pass.session.key;
    this.#role = role;
    res.once('close', () => this.#gone.abort());
  }

  get #isEvents(): boolean {
    return this.#stream.type.startsWith('text/event-stream');
  }

  async run(req: Request): Promise<void> {
    const res = this.#res;
    res.status(200).setHeader('Content-Type', this.#stream.type);
    if (!this.#isEvents) res.setHeader('Trailer', 'Payment-Receipt');
    res.flushHeaders();
    const { signal } = this.#gone;
    const chunks = this.#stream.source(req, signal)[Symbol.asyncIterator]();
    try {
      while (!signal.aborted) {
        const next = await this.#unlessGone(chunks.next());
        if (!next || next.done || !(await this.#take())) break;
        await this.#write(next.value);
        this.#units++;
      }
    } finally {
      // A source that waits for something else may never come back: nobody waits for it.
      void Promise.resolve(chunks.return?.()).catch(() => {});
      this.#delivery.site.redeemer.nudge();
    }
    this.#close();
  }

  /** Takes one unit; waits for the next word when there is none. False: the stream is at its end. */
  async #take(): Promise<boolean> {
    const { site } = this.#delivery;
    const untilMs = performance.now() + this.#stream.holdMs;
    let told: string | undefined;
    while (!this.#gone.signal.aborted) {
      if (told === undefined || told !== JSON.stringify(await site.store.readSession(this.#key))) {
        const metered = await this.#meter();
        if (!metered) return false;
        const { units, need, next } = metered;
        if (units > 0) return true;
        if (told === undefined && need && this.#isEvents) await this.#event('payment-need-payword', need);
        told = JSON.stringify(next);
      }
      const withinMs = untilMs - performance.now();
      if (withinMs <= 0) return false;
      await site.bells.next(this.#key, { signal: this.#gone.signal, withinMs });
    }
    return false;
  }

  async #meter() {
    const { site } = this.#delivery;
    try {
      const metered = await site.store.changeSession(this.#key, (row) =>
        this.#role.meter(row, { price: this.#price, units: 1 }, site.env()),
      );
      if (!metered) return undefined;
      this.#details = metered.details;
      if (metered.ask) site.questions.ask(metered.ask, { key: this.#key, role: this.#role });
      if (metered.units > 0 && performance.now() - this.#nudgedAtMs > NUDGE_MS) {
        this.#nudgedAtMs = performance.now();
        site.redeemer.nudge();
      }
      return metered;
    } catch (error) {
      // Closed by the customer, expired, or stopped by the broker: nothing was taken.
      if (error instanceof PaymentProblem) return undefined;
      throw error;
    }
  }

  async #write(chunk: Chunk): Promise<void> {
    if (this.#gone.signal.aborted || this.#res.write(chunk)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#res.once('drain', resolve);
    await this.#unlessGone(promise);
    this.#res.off('drain', resolve);
  }

  #event = (name: string, data: JsonObject) => this.#write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);

  /** The receipt of the whole stream: an event, or a trailer. */
  #close(): void {
    const { site, pass, challenge } = this.#delivery;
    if (this.#gone.signal.aborted) return;
    const receipt = {
      status: 'success' as const,
      method: challenge?.method ?? '',
      timestamp: `${new Date(site.env().nowMs).toISOString().slice(0, 19)}Z`,
      reference: String(this.#details['session'] ?? ''),
      challengeId: challenge?.id ?? pass.id,
    };
    const details = { ...this.#details, units: this.#units };
    if (this.#isEvents) void this.#event('payment-receipt', { ...details, ...receipt });
    else this.#res.addTrailers({ 'Payment-Receipt': printReceipt({ ...receipt, details }) });
    this.#res.end();
  }

  /** `undefined` when the listener hangs up first. */
  #unlessGone<Value>(value: Promise<Value>): Promise<Value | undefined> {
    const { signal } = this.#gone;
    const { promise: hungUp, resolve } = Promise.withResolvers<undefined>();
    const stop = () => resolve(undefined);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    return Promise.race([value, hungUp]).finally(() => signal.removeEventListener('abort', stop));
  }
}
