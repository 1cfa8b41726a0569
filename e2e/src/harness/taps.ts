// Streams that flow as a spec lets them: each unit is given by hand, so that no spec waits for a clock.

type Tap = { given: number; ends: number; readonly wake: Set<() => void> };

export class Taps {
  readonly #taps = new Map<string, Tap>();

  /** So many more units may leave. */
  give(name: string, units: number): void {
    this.#change(name, (tap) => {
      tap.given += units;
    });
  }

  /** The stream that runs now ends when what was given has left; the next one flows. */
  end(name: string): void {
    this.#change(name, (tap) => {
      tap.ends++;
    });
  }

  close(): void {
    for (const name of this.#taps.keys()) this.end(name);
  }

  /** Each unit's number, from 1. */
  async *open(name: string, signal: AbortSignal): AsyncGenerator<number> {
    const tap = this.#tap(name);
    const { ends } = tap;
    for (let n = 1; ; n++) {
      while (tap.given === 0 && tap.ends === ends && !signal.aborted) await this.#next(tap, signal);
      if (tap.given === 0 || signal.aborted) return;
      tap.given--;
      yield n;
    }
  }

  #next({ wake }: Tap, signal: AbortSignal): Promise<void> {
    return new Promise((done) => {
      const go = () => {
        wake.delete(go);
        done();
      };
      wake.add(go);
      signal.addEventListener('abort', go, { once: true });
    });
  }

  #tap(name: string): Tap {
    const tap = this.#taps.get(name) ?? { given: 0, ends: 0, wake: new Set() };
    this.#taps.set(name, tap);
    return tap;
  }

  #change(name: string, how: (tap: Tap) => void): void {
    const tap = this.#tap(name);
    how(tap);
    for (const go of [...tap.wake]) go();
  }
}
