// Customers on credit of whom the broker said no: nothing more is taken of them until its day ends, in any session. In
// memory, because another process, or this one after a restart, hears the same no at its own next question.
import type { Env } from '@farthing/protocol';

const DAY_MS = 86_400_000;
const MOST = 10_000;

export class Refused {
  readonly #env: () => Env;
  /** Days since 1970, oldest first. */
  readonly #days = new Map<string, number>();

  constructor(env: () => Env) {
    this.#env = env;
  }

  has(party: string): boolean {
    return this.#days.get(party) === this.#today();
  }

  add(party: string): void {
    this.#days.delete(party);
    this.#days.set(party, this.#today());
    for (const oldest of this.#days.keys()) {
      if (this.#days.size <= MOST) break;
      this.#days.delete(oldest);
    }
  }

  #today(): number {
    return Math.floor(this.#env().nowMs / DAY_MS);
  }
}
