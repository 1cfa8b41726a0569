// What a transaction has sent to be written while it goes on deciding.
import type { Change } from './changes.ts';
import type { Line } from './line.ts';
import { write } from './sets.ts';
import type { View } from './view.ts';

export class Writes {
  readonly #tables: View['tables'];
  readonly #line: Line;
  readonly #isCurrent: boolean;
  readonly #sent: Promise<void>[] = [];

  /** @param isCurrent false: they might break what a newer program has made of the tables */
  constructor({ tables }: View, line: Line, isCurrent: boolean) {
    this.#tables = tables;
    this.#line = line;
    this.#isCurrent = isCurrent;
  }

  get isEmpty(): boolean {
    return this.#sent.length === 0;
  }

  /** Goes over at once, after what was sent before. */
  send(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    if (!this.#isCurrent) throw new Error('a newer program has taken the ledger over: end this one');
    const sent = write(changes, this.#tables, this.#line);
    // It is heard in the end.
    sent.catch(() => undefined);
    this.#sent.push(sent);
  }

  /** @throws {Error} what went wrong first: all that was asked after it failed for its sake */
  async done(): Promise<void> {
    for (const sent of this.#sent) await sent;
  }
}
