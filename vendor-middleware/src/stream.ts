// Streams that are paid by the unit: each chunk of the source is one unit, taken out of what the session has paid ahead and
// written durably before the chunk leaves. When that is used up the stream waits for the next word, which comes with a
// companion request (HEAD to the same URL).
import { type JsonObject, PaymentProblem, printReceipt, type SessionView } from '@farthing/protocol';
import type { Request, Response } from 'express';
import { answerCompanion } from './companion.ts';
import { attach, type Delivery, end } from './deliver.ts';
import { Meter } from './meter.ts';
import type { Sessions } from './methods.ts';

export type Chunk = string | Uint8Array;

/** Gives the units of one answer, in order. It is asked for the next only when the last has left; `signal`: nobody listens. */
export type StreamSource = (req: Request, signal: AbortSignal) => AsyncIterable<Chunk>;

export type Stream = { readonly source: StreamSource; readonly type: string; readonly holdMs: number };

/** Serves a request that was paid: a HEAD is the companion of a running stream, anything else starts one. */
export function serve(stream: Stream, delivery: Delivery, { req, res }: { req: Request; res: Response }): void {
  end(delivery, true);
  attach(delivery, res);
  const { site, pass, visit, challenge } = delivery;
  const role = site.methods.find(({ name }) => name === challenge?.method)?.sessions;
  if (!pass.session || !role) throw new PaymentProblem('method-unsupported');
  const about = { site, role, key: pass.session.key, price: visit.quote.price };
  if (req.method === 'HEAD') return void answerCompanion(about, req, res);
  const playing = new Playing(stream, { ...delivery, key: about.key, role, meter: new Meter(about) }, res);
  void playing.run(req).catch((error: unknown) => {
    const message = error instanceof Error ? error.message : 'unknown fault';
    site.tell({ code: 'stream-failed', message: `a stream broke off: ${message}` });
    res.destroy();
  });
}

class Playing {
  readonly #stream: Stream;
  readonly #delivery: Delivery & { readonly key: string; readonly meter: Meter; readonly role: Sessions };
  readonly #res: Response;
  readonly #gone = new AbortController();

  constructor(stream: Stream, delivery: Delivery & { key: string; meter: Meter; role: Sessions }, res: Response) {
    this.#stream = stream;
    this.#delivery = delivery;
    this.#res = res;
    res.once('close', () => this.#gone.abort());
  }

  get #isEvents(): boolean {
    return this.#stream.type.startsWith('text/event-stream');
  }

  async run(req: Request): Promise<void> {
    const res = this.#res;
    const { meter } = this.#delivery;
    // Companions may come as soon as the answer begins: from then on the row says that it runs.
    await meter.take(0);
    res.status(200).setHeader('Content-Type', this.#stream.type);
    if (!this.#isEvents) res.setHeader('Trailer', 'Payment-Receipt');
    res.flushHeaders();
    const { signal } = this.#gone;
    const chunks = this.#stream.source(req, signal)[Symbol.asyncIterator]();
    try {
      while (!signal.aborted && !meter.isOver) {
        const next = await this.#unlessGone(chunks.next());
        if (!next || next.done || !(await this.#take())) break;
        if (!meter.holds) throw new Error('the process or its store stood still for too long');
        meter.count();
        await this.#write(next.value);
      }
    } finally {
      // A source that waits for something else may never come back: nobody waits for it.
      void Promise.resolve(chunks.return?.()).catch(() => {});
      await meter.leave();
    }
    this.#close();
  }

  /** Takes one unit; waits for the next word when there is none. False: the stream is at its end. */
  async #take(): Promise<boolean> {
    const { meter, role } = this.#delivery;
    const untilMs = performance.now() + this.#stream.holdMs;
    let told = false;
    while (!this.#gone.signal.aborted) {
      const metered = await meter.take(1);
      if (!metered) return false;
      if (metered.units > 0) return true;
      if (!told && metered.need && this.#isEvents) await this.#event('payment-need-payword', metered.need);
      told = true;
      if (!(await this.#moved(role.view(metered.next), untilMs))) return false;
    }
    return false;
  }

  /** Waits for money on the row: what was paid, or what another stream gave back. False: none came in time. */
  async #moved(before: SessionView, untilMs: number): Promise<boolean> {
    const { site, key, role, meter } = this.#delivery;
    const { signal } = this.#gone;
    for (;;) {
      const row = await site.store.readSession(key);
      const now = row === undefined ? undefined : role.view(row);
      if (!now || meter.isOver || signal.aborted) return false;
      if (now.final || now.authorized !== before.authorized || now.spent !== before.spent) return true;
      const withinMs = untilMs - performance.now();
      if (withinMs <= 0) return false;
      await site.bells.next(key, { signal, withinMs });
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
    const { site, pass, challenge, meter } = this.#delivery;
    if (this.#gone.signal.aborted) return;
    const receipt = {
      status: 'success' as const,
      method: challenge?.method ?? '',
      timestamp: `${new Date(site.env().nowMs).toISOString().slice(0, 19)}Z`,
      reference: String(meter.details['session'] ?? ''),
      challengeId: challenge?.id ?? pass.id,
    };
    const details = { ...meter.details, units: meter.delivered };
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
