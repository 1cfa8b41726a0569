// Questions to the broker about customers on credit, in the background: a payment never waits for one. When the answer is
// no, the site takes nothing more of this customer's credit.
import { type Env, makeOrder, PaymentProblem, type Question } from '@farthing/protocol';
import { type BrokerAt, sendOrder } from './broker-client.ts';
import type { Sessions } from './methods.ts';
import type { Refused } from './refused.ts';
import type { Problem } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';

/** More at once are left out: the bound on what credit can be overspent is one of chance anyway. */
const MOST = 100;

type Parts = {
  readonly store: VendorStore;
  readonly seed: Uint8Array;
  readonly broker: BrokerAt;
  readonly refused: Refused;
  readonly env: () => Env;
  readonly tell: (problem: Problem) => void;
};

export class Questions {
  readonly #parts: Parts;
  readonly #open = new Set<Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  ask(question: Question, about: { key: string; role: Sessions }): void {
    if (this.#open.size >= MOST || question.brk !== this.#parts.broker.keys.brk) return;
    const asked = this.#ask(question, about)
      .catch((error: unknown) => {
        // Without the broker credit goes on, up to what the certificates allow.
        if (error instanceof PaymentProblem) return;
        const message = error instanceof Error ? error.message : 'unknown fault';
        this.#parts.tell({ code: 'store-fault', message: `a session could not be stopped: ${message}` });
      })
      .finally(() => this.#open.delete(asked));
    this.#open.add(asked);
  }

  /** Lets what was asked finish. */
  async close(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #ask({ path, typ, members, party }: Question, { key, role }: { key: string; role: Sessions }): Promise<void> {
    const { store, seed, broker, refused, env } = this.#parts;
    const order = makeOrder(typ, members, seed, env());
    const { answer } = await sendOrder(broker, path, { order, crypto: env().crypto });
    if (answer === 'ok') return;
    refused.add(party);
    await store.changeSession(key, (row) => {
      const { final, untilMs } = role.view(row, env());
      return { next: final ? row : role.stop(row), claims: [], untilMs };
    });
  }
}
