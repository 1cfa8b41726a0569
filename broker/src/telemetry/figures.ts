// What an operator of a broker watches, and the way of an order from HTTP to commit.
import { batchFigures, LoopDelay, Trail } from '@farthing/node-kit/telemetry';
import type { ProblemCode } from '@farthing/protocol';
import { metrics, type ObservableResult, SpanKind, trace } from '@opentelemetry/api';
import type { Drift } from '../laws/laws.ts';

/** Refusals of what was spent, used or answered before. Honest repeats of the same bytes get their answer and are not counted. */
const DOUBLE: ReadonlySet<string> = new Set<ProblemCode>([
  'scrip-spent',
  'coin-spent',
  'release-used',
  'voucher-used',
  'cheque-conflict',
  'rid-conflict',
]);

const NAME = '@farthing/broker';

export type Gauges = {
  /** What does not hold of the laws. */
  readonly broken: () => readonly Drift[];
  readonly isReady: () => Promise<boolean>;
};

/** Make it after the SDK, if there is one: instruments stay what they are when they are made. */
export class Figures {
  readonly #meter = metrics.getMeter(NAME);
  readonly #tracer = trace.getTracer(NAME);
  readonly batch = batchFigures(this.#meter, 'farthing.broker.ledger');
  readonly #delay = new LoopDelay();
  readonly #ends: (() => void)[] = [() => this.#delay.stop()];
  readonly #orders = this.#meter.createHistogram('farthing.broker.order.duration', {
    unit: 's',
    description: 'From the head of an order to its answer',
    advice: { explicitBucketBoundaries: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5] },
  });
  readonly #doubles = this.#meter.createCounter('farthing.broker.double_spends', {
    description: 'Orders refused because their money was spent before',
  });

  /** Follows one order. `path`: of its route. */
  order(path: string): Trail {
    const startMs = performance.now();
    const about = { name: 'order', kind: SpanKind.SERVER, attributes: { 'http.route': path } };
    return new Trail(this.#tracer, about, (outcome) => {
      this.#orders.record((performance.now() - startMs) / 1000, { path, outcome });
      if (DOUBLE.has(outcome)) this.#doubles.add(1, { code: outcome });
    });
  }

  /** What is asked for at each export. */
  show({ broken, isReady }: Gauges): void {
    this.#gauge('laws.drift', '1', (result) => {
      for (const { law, cur, drift } of broken()) result.observe(Number(drift), { law, cur });
    });
    this.#gauge('laws.broken', '1', (result) => result.observe(broken().length));
    this.#gauge('ready', '1', async (result) => result.observe((await isReady()) ? 1 : 0));
    this.#gauge('event_loop.delay', 's', (result) => result.observe(this.#delay.take()));
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #gauge(name: string, unit: string, observe: (result: ObservableResult) => void | Promise<void>): void {
    const gauge = this.#meter.createObservableGauge(`farthing.broker.${name}`, { unit });
    gauge.addCallback(observe);
    this.#ends.push(() => gauge.removeCallback(observe));
  }
}
