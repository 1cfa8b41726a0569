// The command with a collector: what arrives there, read as OTLP's JSON, and what must not be in it.
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { issueVouchers } from '../operate.ts';
import { Bench, Person, USD } from '../testing/client.ts';
import { Processes } from '../testing/process.ts';

type Attribute = { readonly key: string; readonly value: { readonly stringValue?: string } };
type Point = {
  readonly attributes: Attribute[];
  readonly count?: number;
  readonly asInt?: string;
  readonly asDouble?: number;
};
type Metric = { readonly name: string } & Record<'gauge' | 'sum' | 'histogram', { dataPoints: Point[] } | undefined>;
type Span = {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceId: string;
};

const processes = new Processes();
const arrivals = new EventEmitter();
let data: string;
let collector: Server;
let url: string;
const bodies: string[] = [];
const metrics = new Map<string, Point[]>();
const spans: Span[] = [];

beforeEach(async () => {
  vi.stubEnv('OTEL_METRIC_EXPORT_INTERVAL', '200');
  data = mkdtempSync(join(tmpdir(), 'farthing-otlp-'));
  collector = createServer(async (request, response) => {
    let body = '';
    for await (const part of request.setEncoding('utf8')) body += String(part);
    bodies.push(body);
    take(request.url ?? '', JSON.parse(body));
    arrivals.emit('arrived');
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
});
afterEach(() => {
  vi.unstubAllEnvs();
  processes.kill();
  collector.closeAllConnections();
  collector.close();
  rmSync(data, { recursive: true });
});

// biome-ignore lint/suspicious/noExplicitAny: the shape is OTLP's, and what is read of it is typed above
function take(path: string, body: any): void {
  for (const { scopeMetrics = [] } of body.resourceMetrics ?? [])
    for (const { metrics: some } of scopeMetrics)
      for (const { name, gauge, sum, histogram } of some as Metric[])
        metrics.set(name, (gauge ?? sum ?? histogram)?.dataPoints ?? []);
  for (const { scopeSpans = [] } of body.resourceSpans ?? [])
    for (const scope of scopeSpans) spans.push(...(scope.spans as Span[]));
  expect(['/v1/metrics', '/v1/traces']).toContain(path);
}

/** Waits for a collector that has heard of it. */
async function exported(name: string): Promise<void> {
  while (!metrics.has(name)) await once(arrivals, 'arrived');
}

const labels = (point: Point | undefined) =>
  Object.fromEntries((point?.attributes ?? []).map(({ key, value }) => [key, value.stringValue]));

test('a collector gets the figures that an operator watches and the way of each order, and nobody’s name', async () => {
  const { line, child, ended } = await processes.serve(data, '--test', '--json', '--otlp', url);
  const bench = await new Bench().attach(String(JSON.parse(line).url));
  const anna = new Person(bench);
  await anna.faucet(1000n);
  const { json } = await issueVouchers({ data }, { amount: 7n, currency: USD }, 1);
  const [code = ''] = (json as { vouchers: string[] }).vouchers;
  await bench.send('/v1/voucher', anna.order('voucher/1', { code }));
  expect(await bench.refused('/v1/voucher', new Person(bench).order('voucher/1', { code }))).toBe('voucher-used');
  await exported('farthing.broker.ready');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);

  const orders = metrics.get('farthing.broker.order.duration') ?? [];
  expect(orders.map((point) => ({ ...labels(point), count: point.count }))).toEqual([
    { path: '/v1/faucet', outcome: 'ok', count: 1 },
    { path: '/v1/voucher', outcome: 'ok', count: 1 },
    { path: '/v1/voucher', outcome: 'voucher-used', count: 1 },
  ]);
  const [double] = metrics.get('farthing.broker.double_spends') ?? [];
  expect({ ...labels(double), n: Number(double?.asDouble ?? double?.asInt) }).toEqual({ code: 'voucher-used', n: 1 });
  for (const name of ['batch.size', 'batch.duration', 'commit.duration', 'wait.duration']) {
    expect(metrics.get(`farthing.broker.ledger.${name}`)?.[0]?.count, name).toBeGreaterThanOrEqual(3);
  }
  for (const name of ['ledger.queue', 'laws.broken', 'ready', 'event_loop.delay']) {
    expect(metrics.get(`farthing.broker.${name}`), name).toHaveLength(1);
  }

  const roots = spans.filter(({ name }) => name === 'order');
  expect(roots).toHaveLength(3);
  for (const { spanId, traceId, parentSpanId } of roots) {
    expect(parentSpanId ?? '').toBe('');
    const below = spans.filter((one) => one.parentSpanId === spanId);
    expect(below.map(({ name }) => name)).toEqual(['check', 'commit']);
    expect(below.every((one) => one.traceId === traceId)).toBe(true);
  }
  for (const secret of [anna.pk, code, bench.public.brk, data]) {
    expect(bodies.some((body) => body.includes(secret))).toBe(false);
  }
});

test('a collector that is away costs nothing but its figures', async () => {
  await new Promise<void>((resolve) => collector.close(() => resolve()));
  const { line, child, ended } = await processes.serve(data, '--test', '--json', '--otlp', url);
  const bench = await new Bench().attach(String(JSON.parse(line).url));
  await new Person(bench).faucet(1000n);
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
