// Sends figures and traces to a collector, when the command is told to: OTLP over HTTP. Loaded then and not before, because the SDK is
// a hundred times what it measures.
import { metrics, trace } from '@opentelemetry/api';

/** With all tries: who ends while the collector is away must not wait for it longer than this. */
const PATIENCE_MS = 2_000;

/** Both signals go below `url`, such as `http://127.0.0.1:4318`. @returns sends what is left and stops */
export async function exportTo(url: string, { everyMs }: { everyMs: number }): Promise<() => Promise<void>> {
  const [
    { MeterProvider, PeriodicExportingMetricReader },
    { OTLPMetricExporter },
    sdk,
    { OTLPTraceExporter },
    { resourceFromAttributes },
  ] = await Promise.all([
    import('@opentelemetry/sdk-metrics'),
    import('@opentelemetry/exporter-metrics-otlp-http'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  // No host and no user: who watches knows where it comes from.
  const resource = resourceFromAttributes({ 'service.name': 'farthing-broker' });
  const exporter = new OTLPMetricExporter({ url: `${url}/v1/metrics`, timeoutMillis: PATIENCE_MS });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: everyMs });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const spans = new sdk.BatchSpanProcessor({
    exporter: new OTLPTraceExporter({ url: `${url}/v1/traces`, timeoutMillis: PATIENCE_MS }),
    scheduledDelayMillis: everyMs,
  });
  const traces = new sdk.TracerProvider({ resource, spanProcessors: [spans] });
  metrics.setGlobalMeterProvider(meters);
  trace.setGlobalTracerProvider(traces);
  return async () => {
    // A collector that is away is no reason to end badly.
    await Promise.allSettled([meters.shutdown(), traces.shutdown()]);
    metrics.disable();
    trace.disable();
  };
}
