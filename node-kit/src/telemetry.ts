// What hosts tell OpenTelemetry's API in the same way. Without an SDK in the process all of it does nothing. Attributes are words of
// our own: never a key, an account, a site, an amount or a serial. No trace comes in from or goes out to another party, because it
// would join what they must not be able to join.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  context,
  type Link,
  type Meter,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { BatchTimes } from './group-commit.ts';

export type { BatchTimes } from './group-commit.ts';

/** Follows one thing from step to step: a span, with one below it for each step. */
export class Trail {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #ended: (outcome: string) => void;
  #step: Span | undefined;
  #isOver = false;

  /** @param ended is told the outcome, with or without an SDK */
  constructor(tracer: Tracer, about: About, ended: (outcome: string) => void = () => {}) {
    const { name, ...options } = about;
    this.#tracer = tracer;
    this.#span = tracer.startSpan(name, options);
    this.#ended = ended;
  }

  /** What follows is this, until the next step or the end. */
  step(name: string): void {
    if (this.#isOver || !this.#span.isRecording()) return;
    this.#step?.end();
    this.#step = this.#tracer.startSpan(name, {}, trace.setSpan(context.active(), this.#span));
  }

  /** `outcome`: `ok`, or a code of ours. Only the first counts. */
  end(outcome: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ended(outcome);
    this.#step?.end();
    this.#span.setAttribute('farthing.outcome', outcome);
    if (outcome === 'fault') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }

  /** For a later span that goes on with this; `undefined` where nobody records. */
  get link(): Link | undefined {
    return this.#span.isRecording() ? { context: this.#span.spanContext() } : undefined;
  }
}

export type About = {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes?: Readonly<Record<string, string | number>>;
  readonly links?: Link[];
};

const SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Of group commits under `prefix`. */
export function batchFigures(meter: Meter, prefix: string): (times: BatchTimes) => void {
  const seconds = (name: string, description: string) =>
    meter.createHistogram(`${prefix}.${name}`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: SECONDS },
    });
  const size = meter.createHistogram(`${prefix}.batch.size`, {
    description: 'Operations that shared a transaction',
    advice: { explicitBucketBoundaries: SIZES },
  });
  const whole = seconds('batch.duration', 'A transaction, from its begin to durable');
  const commit = seconds('commit.duration', 'COMMIT alone: above all the fsync');
  const wait = seconds('wait.duration', 'What the first operation of a transaction waited for its begin');
  const queue = meter.createGauge(`${prefix}.queue`, { description: 'Operations that wait after a transaction' });
  return ({ operations, waitedMs, tookMs, commitMs, left }) => {
    size.record(operations);
    whole.record(tookMs / 1000);
    commit.record(commitMs / 1000);
    wait.record(waitedMs / 1000);
    queue.record(left);
  };
}

/** How late this process's event loop is, at worst 1 time in 100. */
export class LoopDelay {
  #monitor: ReturnType<typeof monitorEventLoopDelay> | undefined;

  /** Seconds, since the last call. The first call starts it: who exports nothing pays nothing. */
  take(): number {
    if (!this.#monitor) {
      this.#monitor = monitorEventLoopDelay({ resolution: 20 });
      this.#monitor.enable();
      return 0;
    }
    const lateNs = this.#monitor.percentile(99);
    this.#monitor.reset();
    return Number.isFinite(lateNs) ? lateNs / 1e9 : 0;
  }

  stop(): void {
    this.#monitor?.disable();
    this.#monitor = undefined;
  }
}
