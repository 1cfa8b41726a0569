// What a site's owner watches, and the way of a paid request through the wall to its claim.
import { batchFigures, LoopDelay, Trail } from '@farthing/node-kit/telemetry';
import type { ProblemCode } from '@farthing/protocol';
import { type Link, metrics, type ObservableResult, SpanKind, trace } from '@opentelemetry/api';

/** Refusals of what was spent before. A repeat of the same request gets its answer and is not counted. */
const DOUBLE: ReadonlySet<string> = new Set<ProblemCode>([
  'scrip-spent',
  'coin-spent',
  'index-used',
  'cheque-conflict',
  'challenge-reused',
  'idempotency-reused',
]);

const NAME = '@farthing/vendor';
/** Payments that a batch of claims is linked to; the rest of a large one goes without. */
const LINKS = 32;

export type Gauges = {
  /** Claims that the broker has not paid yet, and since when the oldest waits (ms of `performance.now()`). */
  readonly claims: () => { readonly count: number; readonly sinceMs: number | undefined };
  /** Paid requests whose handlers run. */
  readonly open: () => number;
};

/** For a store's group commits. */
export const storeFigures = () => batchFigures(metrics.getMeter(NAME), 'farthing.site.store');

/** Make it after the SDK, if there is one: instruments stay what they are when they are made. */
export class Figures {
  readonly #meter = metrics.getMeter(NAME);
  readonly #tracer = trace.getTracer(NAME);
  readonly #delay = new LoopDelay();
  readonly #ends: (() => void)[] = [() => this.#delay.stop()];
  /** Of payments that no claim was made of yet. */
  #links: Link[] = [];
  readonly #payments = this.#meter.createHistogram('farthing.site.payment.duration', {
    unit: 's',
    description: 'From a credential to its verdict, by method and outcome',
    advice: { explicitBucketBoundaries: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5] },
  });
  readonly #doubles = this.#meter.createCounter('farthing.site.double_spends', {
    description: 'Credentials refused because their money was spent before',
  });

  /** Follows one credential. It stands below the span of the request, where the owner's server makes one. */
  payment(method: string): Trail {
    const startMs = performance.now();
    const about = { name: 'payment', kind: SpanKind.INTERNAL, attributes: { 'farthing.method': method } };
    return new Trail(this.#tracer, about, (outcome) => {
      this.#payments.record((performance.now() - startMs) / 1000, { method, outcome });
      if (DOUBLE.has(outcome)) this.#doubles.add(1, { code: outcome });
    });
  }

  /** A payment that stands: the next claims go on from it. */
  stands({ link }: Trail): void {
    if (link && this.#links.length < LINKS) this.#links.push(link);
  }

  /** Follows one batch of claims to the broker. */
  redemption(typ: string, claims: number): Trail {
    const links = this.#links;
    this.#links = [];
    const attributes = { 'farthing.order': typ, 'farthing.claims': claims };
    return new Trail(this.#tracer, { name: 'redemption', kind: SpanKind.CLIENT, attributes, links });
  }

  /** What is asked for at each export. */
  show({ claims, open }: Gauges): void {
    this.#gauge('claims.waiting', '1', (result) => result.observe(claims().count));
    this.#gauge('claims.oldest', 's', (result) => {
      const { sinceMs } = claims();
      result.observe(sinceMs === undefined ? 0 : (performance.now() - sinceMs) / 1000);
    });
    this.#gauge('payments.open', '1', (result) => result.observe(open()));
    this.#gauge('event_loop.delay', 's', (result) => result.observe(this.#delay.take()));
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #gauge(name: string, unit: string, observe: (result: ObservableResult) => void): void {
    const gauge = this.#meter.createObservableGauge(`farthing.site.${name}`, { unit });
    gauge.addCallback(observe);
    this.#ends.push(() => gauge.removeCallback(observe));
  }
}
