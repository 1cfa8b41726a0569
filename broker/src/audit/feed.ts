// The signed orders in step with the journal: each is replayed when the first entry asks for what it says, so that an audit holds no
// more of them in memory than a few, however many there are.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Read } from './evidence.ts';
import type { Cells } from './findings.ts';
import type { Model } from './model.ts';
import { intCell, textCell } from './tables.ts';

type Papers = readonly { readonly after: number; readonly seq: bigint }[];
type Source = { readonly read: Generator<Read>; readonly papers: Papers; readonly after: number };

export class Feed {
  readonly #model: Model;
  readonly #read: Generator<Read>;
  readonly #numberOf: StatementSync;
  readonly #nextOrder: StatementSync;
  /** Of the papers that were made after an entry: which order came before the last of them. */
  readonly #papers = new Map<bigint, number>();
  /** Number of the last order that was read; how many were genuine. */
  #at: bigint;
  #orders: number;
  #isDry = false;
  /** Up to this entry nothing more has to be replayed for what the broker did by itself. */
  #clear = 0n;

  /** `papers`: invoices and credit notes. `after`: orders that are archived. */
  constructor(db: DatabaseSync, model: Model, { read, papers, after }: Source) {
    this.#model = model;
    this.#read = read;
    this.#at = BigInt(after);
    this.#orders = after;
    this.#numberOf = db.prepare('SELECT n FROM stored_order WHERE from_key = ? AND rid = ?');
    this.#nextOrder = db.prepare(
      'SELECT seq, from_key, rid FROM journal WHERE seq > ? AND rid IS NOT NULL ORDER BY seq LIMIT 1',
    );
    for (const { after: order, seq } of papers) this.#papers.set(seq, Math.max(order, this.#papers.get(seq) ?? 0));
  }

  /** How many genuine orders there were so far, archived ones included. */
  get orders(): number {
    return this.#orders;
  }

  /** Replays all that an entry is checked against: its order, or for one of the broker's own, all that came before it. */
  before(entry: Cells): void {
    const seq = intCell(entry, 'seq');
    if (entry['rid'] !== null) {
      const name = `${textCell(entry, 'from_key')} ${textCell(entry, 'rid')}`;
      if (!this.#model.moves.has(name)) this.#upTo(this.#numberIn(entry));
    } else if (seq > this.#clear) {
      const next = this.#nextOrder.get(seq);
      const number = next && this.#numberIn(next as Cells);
      if (number === undefined) this.end();
      else this.#upTo(number - 1n);
      this.#clear = typeof next?.['seq'] === 'bigint' ? next['seq'] : seq;
    }
  }

  /** Replays all that the papers speak of which were made after an entry. */
  papers(seq: bigint): void {
    const order = this.#papers.get(seq);
    if (order === undefined) return;
    this.#upTo(BigInt(order));
    this.#model.papers(order, seq);
  }

  /** What no entry asked for. */
  end(): void {
    while (!this.#isDry) this.#one();
  }

  /** `undefined`: there is no such order, which its entry will say. */
  #upTo(number: bigint | undefined): void {
    while (number !== undefined && !this.#isDry && this.#at < number) this.#one();
  }

  #one(): void {
    const { done, value } = this.#read.next();
    if (done) {
      this.#isDry = true;
      return;
    }
    this.#at = value.n;
    if (value.evidence) this.#model.take(value.evidence, ++this.#orders);
  }

  #numberIn(entry: Cells): bigint | undefined {
    const number = this.#numberOf.get(textCell(entry, 'from_key'), textCell(entry, 'rid'))?.['n'];
    return typeof number === 'bigint' ? number : undefined;
  }
}
