// What this service has asked and waits for: a passkey's signature, a code. Each can be answered once, for a few minutes, in this
// process alone: after a restart it is asked again.
import { limits } from '@farthing/protocol';

type Open<Ask> = { readonly ask: Ask; readonly untilMs: number };

export class Asks<Ask> {
  /** Oldest first. */
  readonly #open = new Map<string, Open<Ask>>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** @param name of the question; one of the same name is replaced */
  put(name: string, ask: Ask): void {
    const nowMs = this.#nowMs();
    this.#open.delete(name);
    for (const [oldest, { untilMs }] of this.#open) {
      if (this.#open.size < limits.hostedAsks && untilMs > nowMs) break;
      this.#open.delete(oldest);
    }
    this.#open.set(name, { ask, untilMs: nowMs + limits.hostedAskMs });
  }

  /** Still open; it stays so. */
  get(name: string): Ask | undefined {
    const found = this.#open.get(name);
    return found && found.untilMs > this.#nowMs() ? found.ask : undefined;
  }

  /** Whoever takes it is the only one to answer it. */
  take(name: string): Ask | undefined {
    const found = this.get(name);
    this.#open.delete(name);
    return found;
  }
}
