// What a site tells OpenTelemetry, read through the SDK, and what must not be in it.
import { metrics, trace } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buy, type TestSite, testSite } from './testing/site.ts';

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
const spans = new InMemorySpanExporter();
let site: TestSite;
beforeEach(async () => {
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }));
  site = await testSite();
});
afterEach(async () => {
  await site.close();
  metrics.disable();
  trace.disable();
});

async function points(name: string) {
  await reader.forceFlush();
  const all =
    exporter
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
  return all.find(({ descriptor }) => descriptor.name === `farthing.site.${name}`)?.dataPoints ?? [];
}

const below = (span: ReadableSpan | undefined) =>
  spans
    .getFinishedSpans()
    .filter(({ parentSpanContext }) => parentSpanContext?.spanId === span?.spanContext().spanId)
    .map(({ name }) => name);

test('a paid request is followed through the wall to its claim; a double spend is counted', async () => {
  site.app.get('/page', site.pay.wall({ price: '0.001 USD' }), (_req, res) => res.send('page'));
  const [piece] = site.broker.sell(10_000n);
  if (!piece) throw new Error('nothing was sold');
  const { answer, paid } = await buy(`${site.url}/page`, piece);
  expect(answer.status).toBe(200);
  expect((await fetch(`${site.url}/page`, { headers: { authorization: paid.header } })).status).toBe(200);
  expect((await buy(`${site.url}/page`, piece)).answer.status).toBe(402);
  expect((await points('claims.waiting'))[0]?.value).toBe(1);
  expect((await points('claims.oldest'))[0]?.value).toBeGreaterThan(0);
  await site.pay.redeemNow();

  const labels = (await points('payment.duration')).map(({ attributes }) => attributes);
  expect(labels).toEqual([
    { method: 'scrip', outcome: 'ok' },
    { method: 'scrip', outcome: 'repeat' },
    { method: 'scrip', outcome: 'scrip-spent' },
  ]);
  expect((await points('double_spends')).map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ code: 'scrip-spent' }, 1],
  ]);
  expect((await points('claims.waiting'))[0]?.value).toBe(0);
  expect((await points('claims.oldest'))[0]?.value).toBe(0);
  expect((await points('store.commit.duration')).length).toBe(1);

  const [first] = spans.getFinishedSpans().filter(({ name }) => name === 'payment');
  expect(below(first)).toEqual(['check', 'reserve', 'handler', 'verdict']);
  const [redemption] = spans.getFinishedSpans().filter(({ name }) => name === 'redemption');
  expect(redemption?.links.map(({ context }) => context.spanId)).toEqual([first?.spanContext().spanId]);
  expect(redemption?.attributes).toMatchObject({ 'farthing.claims': 1, 'farthing.outcome': 'ok' });

  const told = JSON.stringify([
    spans.getFinishedSpans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
    exporter.getMetrics().map(({ scopeMetrics }) => scopeMetrics),
  ]);
  for (const secret of [piece.scrip.root, site.pay.vnd, '/page', paid.challenge.id]) expect(told).not.toContain(secret);
});
