// The truth of the SQLite store is a log: each group commit appends one batch. What is open, what was spent, and the newest
// rows are in memory, which is the sum of the log. Every transaction first reads what other processes have appended, so
// all processes of a site decide on the same state. Now and then the sum is folded into tables; a start goes on from there.
import type { DatabaseSync } from 'node:sqlite';
import type { ClaimStep, Deed } from '@farthing/protocol';
import { printChanges, readChanges } from './batch.ts';
import { type Print, printsOf } from './key-index.ts';
import { findLine, type Line, printLines, readLines, STATES } from './lines.ts';
import type { Stored } from './port.ts';
import type { Statements } from './schema.ts';
import type { Segment } from './segments.ts';
import { type Open, State } from './state.ts';
import { integer, one, tablesOf } from './tables.ts';

export type JournalOptions = {
  /** A hash of 32 bits. Tests make keys collide. */
  readonly print?: (key: string) => Print;
  /** So many batches or payments are folded at once. */
  readonly foldEvery?: number;
  /** A process that has not looked at the log for longer may have to start anew. */
  readonly logKeptMs?: number;
};

const FOLD_EVERY = 2048;
const LOG_KEPT_MS = 60_000;
/** Changes of a batch that only has payments. */
const NOTHING = '{}';

export class Journal {
  readonly #db: DatabaseSync;
  readonly #sql: Statements;
  readonly #print: (key: string) => Print;
  readonly #foldEvery: number;
  readonly #logKeptMs: number;
  #state: State;
  #foldWanted = false;
  #broken: unknown;

  constructor(
    db: DatabaseSync,
    sql: Statements,
    { print, foldEvery = FOLD_EVERY, logKeptMs = LOG_KEPT_MS }: JournalOptions = {},
  ) {
    this.#db = db;
    this.#sql = sql;
    this.#print = print ?? printsOf(String(one(this.#sql.seed)?.['seed']));
    this.#foldEvery = foldEvery;
    this.#logKeptMs = logKeptMs;
    this.#state = this.#start();
  }

  /** As of the last batch that was read; in a transaction it is the newest. */
  get state(): State {
    return this.#state;
  }

  /** At the start of a transaction. */
  begin(): void {
    this.catchUp();
    if (this.#foldWanted || this.#state.unfolded >= this.#foldEvery) this.#fold();
    this.#foldWanted = false;
  }

  /** At the end of a transaction: appends the batch. */
  end(): void {
    if (this.#broken !== undefined) throw this.#broken;
    const made = this.#state.take();
    if (!made) return;
    this.#sql.append.run(BigInt(made.first), printChanges(made.changes));
    for (const [i, lines] of made.lines.entries()) {
      const seq = BigInt(made.first + i);
      if (i > 0) this.#sql.append.run(seq, NOTHING);
      if (lines.length > 0) this.#sql.addPayments.run(seq, printLines(lines));
    }
    for (const { id, seq } of made.changes.released) this.#erase(id, BigInt(seq));
  }

  /**
   * Operations decide first, and then change everything in here: what breaks off in between leaves memory apart from the
   * file, and so fails the whole transaction, and the store with it.
   */
  change<Result>(run: (state: State) => Result): Result {
    try {
      return run(this.#state);
    } catch (error) {
      this.#broken ??= error ?? new Error('a change broke off');
      throw error;
    }
  }

  /** Straight to its table: nothing decides by it. */
  keepDeed({ key, deed, untilMs }: Deed): void {
    this.#sql.setDeed.run(key, JSON.stringify(deed), BigInt(untilMs));
  }

  /** Straight to its table, as a deed. */
  keepEvidence(steps: readonly ClaimStep[]): void {
    for (const { key, untilMs, evidence, once } of steps) {
      if (once && evidence) this.#sql.setEvidence.run(key, BigInt(untilMs), JSON.stringify(evidence));
    }
  }

  dropEvidence(steps: readonly Pick<ClaimStep, 'key' | 'once'>[]): void {
    for (const { key, once } of steps) if (once) this.#sql.dropEvidence.run(key);
  }

  /** Learns what other processes have appended. */
  catchUp(): void {
    let isBehind = false;
    for (const { seq, body, lines } of this.#sql.since.iterate(BigInt(this.#state.seq))) {
      isBehind = Number(seq) !== this.#state.seq + 1;
      if (isBehind) break;
      this.#state.apply(readChanges(String(body)), typeof lines === 'string' ? readLines(lines) : []);
    }
    if (isBehind) this.#state = this.#start();
  }

  find(id: string): Stored | undefined {
    const open = this.#state.open(id);
    return open ? this.#stored(open.line) : this.#look(id, (line) => line.id === id);
  }

  /** The payment that has this instrument. */
  holder(key: string): Stored | undefined {
    return this.#look(key, ({ steps }) => steps.spends.includes(key));
  }

  /** Before a sweep: the next transaction seals the newest payments too, if most of them ended before then. */
  prepareSweep(endMs: number): void {
    this.#foldWanted = this.#state.segments.tailDueMs < endMs;
  }

  /** Forgets payments that ended before `endMs`, about `limit` of them. What lies among them and has not ended moves. */
  sweep(endMs: number, limit: number): number {
    return this.change((state) => {
      let gone = 0;
      for (const due of this.#sql.dueSegments.all(BigInt(endMs))) {
        if (gone >= limit) break;
        const [first, last] = [integer(due['first']), integer(due['last'])];
        const lines = this.#sql.between.all(first, last).flatMap((row) => this.#linesIn(row));
        for (const line of lines) {
          if (line.untilMs >= endMs) state.put({ ...line, ...state.stateOf(line.id) });
          else if (state.open(line.id)) state.close(line.id);
        }
        gone += lines.filter(({ untilMs }) => untilMs < endMs).length;
        this.#sql.dropPayments.run(first, last);
        this.#sql.dropSegment.run(first);
        state.drop(Number(first));
      }
      return gone;
    });
  }

  #linesIn({ seq, lines }: Record<string, unknown>): Line[] {
    return readLines(String(lines)).filter(({ id }) => !this.#state.isReleased(id, Number(seq)));
  }

  #look(key: string, isIt: (line: Line) => boolean): Stored | undefined {
    for (const seq of this.#state.segments.seqsOf(key)) {
      const line = seq > this.#state.seq ? this.#state.ahead(isIt) : this.#lineAt(seq, key, isIt);
      if (line) return this.#stored(line);
    }
    return undefined;
  }

  #lineAt(seq: number, key: string, isIt: (line: Line) => boolean): Line | undefined {
    const text = one(this.#sql.payments, BigInt(seq))?.['lines'];
    if (typeof text !== 'string') return undefined;
    return findLine(text, key, (line) => isIt(line) && !this.#state.isReleased(line.id, seq));
  }

  #stored({ id, credential, target, outcome, owner, atMs }: Line): Stored {
    return { id, credential, target, outcome, owner, atMs, ...this.#state.stateOf(id) };
  }

  #erase(id: string, seq: bigint): void {
    const left = readLines(String(one(this.#sql.payments, seq)?.['lines'])).filter((line) => line.id !== id);
    if (left.length > 0) this.#sql.setPayments.run(printLines(left), seq);
    else this.#sql.dropPayments.run(seq, seq);
  }

  #fold(): void {
    const sql = this.#sql;
    this.#state.fold({
      segment: ({ first, last, dueMs, keys }) =>
        sql.addSegment.run(BigInt(first), BigInt(last), BigInt(Math.ceil(dueMs)), keys),
      open: (id, { seq, owner, atMs, state }) =>
        sql.setOpen.run(id, BigInt(seq), owner, BigInt(atMs), BigInt(STATES.indexOf(state))),
      closed: (id) => sql.dropOpen.run(id),
    });
    const nowMs = Date.now();
    sql.addFold.run(BigInt(this.#state.seq), BigInt(nowMs));
    const kept = one(sql.foldUntil, BigInt(nowMs - this.#logKeptMs))?.['seq'];
    if (typeof kept === 'bigint') for (const old of [sql.oldLog, sql.oldFolds]) old.run(kept);
  }

  /** All from one snapshot of the file. */
  #start(): State {
    if (this.#db.isTransaction) return this.#load();
    this.#db.exec('BEGIN');
    try {
      return this.#load();
    } finally {
      this.#db.exec('COMMIT');
    }
  }

  /** The tables, and the log since. */
  #load(): State {
    const sql = this.#sql;
    const folded = Number(integer(one(sql.folded)?.['seq'] ?? 0n));
    const state = new State(tablesOf(sql), { print: this.#print, folded });
    this.#state = state;
    state.segments.load(segmentsIn(sql), Number(integer(one(sql.keyBytes)?.['bytes'] ?? 0n)));
    for (const open of openIn(sql)) state.loadOpen(open);
    for (const { seq, body, lines } of sql.since.iterate(BigInt(folded))) {
      if (Number(seq) !== state.seq + 1) throw new Error('the log of the store has a gap: was the database edited?');
      state.apply(readChanges(String(body)), typeof lines === 'string' ? readLines(lines) : []);
    }
    return state;
  }
}

/**
 * Payments without a verdict as their table has them. Many began in one batch: it is read once. One that has moved or ended since
 * is not there any more; the log says what became of it.
 */
function* openIn(sql: Statements): Iterable<Open> {
  let batch = -1n;
  let begun = new Map<string, Line>();
  for (const cells of sql.open.iterate()) {
    const seq = integer(cells['seq']);
    if (seq !== batch) begun = new Map(linesAt(sql, seq).map((line) => [line.id, line]));
    batch = seq;
    const line = begun.get(String(cells['id']));
    const state = STATES[Number(cells['state'])] ?? 'reserved';
    if (line) yield { line, seq: Number(seq), owner: String(cells['owner']), atMs: Number(cells['at_ms']), state };
  }
}

function linesAt(sql: Statements, seq: bigint): Line[] {
  const text = one(sql.payments, seq)?.['lines'];
  return typeof text === 'string' ? readLines(text) : [];
}

function* segmentsIn(sql: Statements): Iterable<Segment> {
  for (const { first, last, due_ms, keys } of sql.segments.iterate()) {
    if (!(keys instanceof Uint8Array)) throw new Error('the store holds keys that are none');
    yield { first: Number(first), last: Number(last), dueMs: Number(due_ms), keys };
  }
}
