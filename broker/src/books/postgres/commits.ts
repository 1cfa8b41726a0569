// Commits of one process, each with a number that is written down in the same transaction: after a commit that was not answered
// it tells whether that one stands.
import { randomBytes } from 'node:crypto';
import { Away, type Line } from './line.ts';

/** After that long nobody asks any more. */
const KEPT_MS = 86_400_000;

export class Commits<Result> {
  readonly #me = randomBytes(12).toString('hex');
  #batches = 0;
  #unsure: { readonly batch: number; readonly result: Result } | undefined;
  #lastMs = 0;

  /** Removes what processes that ended long ago have written down. */
  static async forget(line: Line): Promise<void> {
    await line.script(`DELETE FROM writer WHERE at_ms < ${Date.now() - KEPT_MS}`);
  }

  /** How long the last one took. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Ends the transaction. @throws {Away} perhaps it stands: ask `standing` in the next one */
  async commit(line: Line, result: Result): Promise<void> {
    const batch = ++this.#batches;
    const startMs = performance.now();
    try {
      await line.script(
        `INSERT INTO writer VALUES ('${this.#me}', ${batch}, ${Date.now()})
         ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, at_ms = excluded.at_ms; COMMIT`,
      );
      this.#lastMs = performance.now() - startMs;
    } catch (error) {
      if (error instanceof Away) this.#unsure = { batch, result };
      throw error;
    }
  }

  /** In a transaction that has the turn: the result of a commit that was not answered, if it stands. */
  async standing(line: Line): Promise<Result | undefined> {
    if (!this.#unsure) return undefined;
    const { batch, result } = this.#unsure;
    const [row] = await line.script(`SELECT batch FROM writer WHERE id = '${this.#me}'`);
    this.#unsure = undefined;
    return row?.['batch'] === BigInt(batch) ? result : undefined;
  }

  /** Nobody waits for it any more. */
  abandon(): void {
    this.#unsure = undefined;
  }
}
