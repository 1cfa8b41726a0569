// Streams that are paid by the unit: each chunk of the source is one unit, taken out of what the session has paid ahead and
// written durably before the chunk leaves. When that is used up the stream waits for the next word, which comes with a
// companion request (HEAD to the same URL).
import { type JsonObject, type Metered, PaymentProblem, printReceipt, type SessionView } from '@farthing/protocol';
import type { Request, Response } from 'express';
import { unlessAborted } from './abort.ts';
import { answerCompanion } from './companion.ts';
import { attach, type Delivery, end } from './deliver.ts';
import { Meter } from './meter.ts';
import type { Sessions } from './methods.ts';
import { type Chunk, Units } from './units.ts';

/**
 * Gives the units of one answer, in order. It is asked for one unit more than is paid, and for no more than the reader
 * takes; `signal`: nobody listens.
 */
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
    const { meter } = this.#delivery;
    try {
      // Companions may come as soon as the answer begins: from then on the row says that it runs.
      const joined = await meter.take(0);
      this.#begin();
      const units = new Units(this.#stream.source(req, this.#gone.signal), this.#gone.signal);
      await this.#play(units, joined?.left ?? 0).finally(() => units.close());
    } finally {
      await meter.leave();
    }
    this.#close();
  }

  #begin(): void {
    const res = this.#res;
    res.status(200).setHeader('Content-Type', this.#stream.type);
    if (!this.#isEvents) res.setHeader('Trailer', 'Payment-Receipt');
    res.flushHeaders();
  }

  async #play(units: Units, ahead: number): Promise<void> {
    let left = ahead;
    while (!this.#delivery.meter.isOver) {
      const taken = await this.#take(await units.gather(left));
      if (!taken) return;
      left = taken.left;
      await this.#deliver(units.take(taken.units));
    }
  }

  /** Hands units that were taken to the connection: what was handed counts as delivered. */
  async #deliver(chunks: readonly Chunk[]): Promise<void> {
    const { meter } = this.#delivery;
    for (const chunk of chunks) {
      if (this.#gone.signal.aborted || meter.hasLeft) return;
      if (!meter.holds) throw new Error('the process or its store stood still for too long');
      meter.count();
      if (!this.#res.write(chunk)) await this.#drained();
    }
  }

  /** Takes units that are in hand; waits for the next word when none is paid. `undefined`: the stream is at its end. */
  async #take(units: number): Promise<Metered | undefined> {
    if (units === 0) return undefined;
    const { site, meter, role } = this.#delivery;
    const untilMs = performance.now() + this.#stream.holdMs;
    let told = false;
    while (!this.#gone.signal.aborted) {
      const metered = await meter.take(units);
      if (!metered || metered.units > 0) return metered;
      if (!told && metered.need && this.#isEvents) await this.#event('payment-need-payword', metered.need);
      told = true;
      if (!(await this.#moved(role.view(metered.next, site.env()), untilMs))) return undefined;
    }
    return undefined;
  }

  /** Waits for money on the row: what was paid, or what another stream gave back. False: none came in time. */
  async #moved(before: SessionView, untilMs: number): Promise<boolean> {
    const { site, key, role, meter } = this.#delivery;
    const { signal } = this.#gone;
    for (;;) {
      const row = await site.store.readSession(key);
      const now = row === undefined ? undefined : role.view(row, site.env());
      if (!now || meter.isOver || signal.aborted) return false;
      if (now.final || now.authorized !== before.authorized || now.spent !== before.spent) return true;
      const withinMs = untilMs - performance.now();
      if (withinMs <= 0) return false;
      await site.bells.next(key, { signal, withinMs });
    }
  }

  async #drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#res.once('drain', resolve);
    await unlessAborted(promise, this.#gone.signal);
    this.#res.off('drain', resolve);
  }

  async #event(name: string, data: JsonObject): Promise<void> {
    if (this.#gone.signal.aborted) return;
    if (!this.#res.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)) await this.#drained();
  }

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
}
