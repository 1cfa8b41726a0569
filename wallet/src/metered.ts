// The answer of a stream as a fetch gives it: at once, with its meter running behind until the body has ended.
import { type Meter, type MeterOptions, runMeter } from './run-meter.ts';

/** The meter stops when the body has ended, broke off, or is not wanted any more. */
export function metered(
  response: Response,
  options: Omit<MeterOptions, 'signal'>,
): { response: Response; meter: Meter } {
  const stop = new AbortController();
  const meter = runMeter({ ...options, signal: stop.signal });
  // Faults of ours are for who waits for `done`; nothing more is paid then, and the stream ends by itself.
  meter.done.catch(() => {});
  const { status, statusText, headers, url } = response;
  const body = response.body ? watched(response.body, () => stop.abort()) : null;
  if (!body) stop.abort();
  const shown = new Response(body, { status, statusText, headers });
  return { response: Object.defineProperty(shown, 'url', { value: url }), meter };
}

function watched(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        ended();
        controller.close();
      } catch (error) {
        ended();
        controller.error(error);
      }
    },
    cancel(reason) {
      ended();
      return reader.cancel(reason);
    },
  });
}
