// The queue of processes that want to write. A lock that was waited for inside a serialisable transaction ends it, because its
// moment was before the lock was had: so they wait here, on a connection of its own. It makes nothing right that the turn does not
// make right, only fair: without it the same process could lose its turn until nobody waits for its answer any more.
import { Line } from './line.ts';

export class Gate {
  readonly #url: string;
  #line: Line | undefined;
  #isIn = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** Waits in line, unless we are in. @throws {Undone} others take too long @throws {Away} */
  async enter(): Promise<void> {
    if (this.#line?.isBroken) this.#forget();
    if (this.#isIn) return;
    this.#line ??= await Line.open(this.#url, { lockMs: WAIT_MS });
    try {
      await this.#line.script('BEGIN ISOLATION LEVEL READ COMMITTED; SELECT one FROM gate WHERE one = 1 FOR UPDATE');
      this.#isIn = true;
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** Lets the next one in. */
  leave(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    this.#line?.script('COMMIT').catch(() => this.#forget());
  }

  async close(): Promise<void> {
    const line = this.#line;
    this.#isIn = false;
    this.#line = undefined;
    await line?.close();
  }

  /** The server lets in the next one when the connection ends. */
  #forget(): void {
    void this.close();
  }
}

const WAIT_MS = 3_000;
