// The one file of the content scripts that names the extension API: they talk to the worker and do nothing else.
// Both browsers' own runtime is enough here, and every page would pay for the polyfill's bytes.

type Runtime = {
  sendMessage(message: unknown): Promise<unknown>;
  readonly onMessage: { addListener(listener: (message: unknown) => void): void };
};

declare const chrome: { readonly runtime?: Runtime } | undefined;

/** `undefined` when the worker does not answer: after an update of the extension an old script is on its own. */
export async function tell(name: 'hello' | 'preempt' | 'payFetch', body: object): Promise<unknown> {
  try {
    return await chrome?.runtime?.sendMessage({ name, body });
  } catch {
    return undefined;
  }
}

/** The worker's answer without its envelope; `undefined` for a problem. */
export function answerOf(raw: unknown): unknown {
  return typeof raw === 'object' && raw !== null && 'ok' in raw ? raw.ok : undefined;
}

/** What the worker says without being asked. Pages cannot send these. */
export function hear(listener: (message: unknown) => void): void {
  chrome?.runtime?.onMessage.addListener(listener);
}
