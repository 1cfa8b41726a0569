/** Waits for a value, or until `signal` aborts: `undefined` then. A signal that lives long keeps nothing of it. */
export function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  return Promise.race([value, aborted]).finally(() => signal.removeEventListener('abort', stop));
}
