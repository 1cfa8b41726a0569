// What a process knows of the store without asking the file: the sum of the log up to one batch, and what the next batch
// is about to change. Nothing here reads or writes payments; the journal does.
import type { ClaimSum } from '@farthing/protocol';
import type { Changes, OpenState, Released, SessionRow, TallySum } from './batch.ts';
import type { Print } from './key-index.ts';
import type { Line } from './lines.ts';
import { Rows, type Table } from './rows.ts';
import { type Segment, Segments } from './segments.ts';

export type Tables = {
  readonly sessions: Table<SessionRow>;
  readonly claims: Table<ClaimSum>;
  readonly tallies: Table<TallySum>;
};

/** A payment without a verdict. `line` says how it began, in which batch; owner, time and state are those of now. */
export type Open = Omit<OpenState, 'id'> & { readonly line: Line; readonly seq: number };

/** Batches from `first` on, one for each list of payments. */
export type Made = {
  readonly first: number;
  readonly changes: Changes;
  readonly lines: readonly (readonly Line[])[];
};

const MOST_LINES = 32;

export class State {
  readonly sessions: Rows<SessionRow>;
  readonly claims: Rows<ClaimSum>;
  readonly tallies: Rows<TallySum>;
  readonly segments: Segments;
  #open = new Map<string, Open>();
  /** Which open payments are in their table, and which may have changed since. */
  readonly #openStored = new Set<string>();
  #openChanged = new Set<string>();
  /** The last batch, and the last one that is in the tables. */
  #seq: number;
  #folded: number;

  // The batch that is being made.
  #lines = new Map<string, { readonly line: Line; readonly seq: number }>();
  #puts = 0;
  #touched = new Set<string>();
  #released: Released[] = [];
  #dropped: number[] = [];
  #folds = false;
  #sweeps = false;

  /** @param folded the batch that the tables stand at */
  constructor(tables: Tables, { print, folded }: { print: (key: string) => Print; folded: number }) {
    this.sessions = new Rows(tables.sessions);
    this.claims = new Rows(tables.claims);
    this.tallies = new Rows(tables.tallies);
    this.segments = new Segments(print, folded);
    this.#seq = this.#folded = folded;
  }

  get seq(): number {
    return this.#seq;
  }

  /** Batches or payments since the tables were brought up to date, whichever are more. */
  get unfolded(): number {
    return Math.max(this.#seq - this.#folded, this.segments.tailSize);
  }

  open(id: string): Open | undefined {
    return this.#open.get(id);
  }

  allOpen(): Iterable<Open> {
    return this.#open.values();
  }

  /** A payment without an open one was decided. */
  stateOf(id: string): { state: 'committed' } | Omit<OpenState, 'id'> {
    const open = this.#open.get(id);
    return open ? { owner: open.owner, atMs: open.atMs, state: open.state } : { state: 'committed' };
  }

  // ── the next batch ────────────────────────────────────────────────────────────────────────────────────────────────

  /** A payment begins in the next batch, or moves to it. Many make several batches: one is read whole to find a line. */
  put(line: Line): void {
    const seq = this.#seq + 1 + Math.floor(this.#puts++ / MOST_LINES);
    this.#lines.set(line.id, { line, seq });
    this.#add(line, seq);
  }

  /** Among those. */
  ahead(isIt: (line: Line) => boolean): Line | undefined {
    for (const { line } of this.#lines.values()) if (isIt(line)) return line;
    return undefined;
  }

  update(id: string, now: Partial<Omit<OpenState, 'id'>>): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#setOpen(id, { ...open, ...now });
    this.#touched.add(id);
  }

  /** Its verdict was good. */
  close(id: string): void {
    this.#endOpen(id);
    this.#touched.add(id);
  }

  /** As if it had never been. */
  release(id: string): void {
    const open = this.#open.get(id);
    if (!open) return;
    this.#unmake(open);
    if (this.#lines.delete(id)) this.#touched.add(id);
    else this.#released.push({ id, seq: open.seq });
  }

  isReleased(id: string, seq: number): boolean {
    return this.#released.some((released) => released.id === id && released.seq === seq);
  }

  drop(first: number): void {
    this.#dropped.push(first);
    this.segments.drop([first]);
  }

  /** The tables are brought up to date with all batches so far. */
  fold(write: { segment(segment: Segment): void; open(id: string, open: Open): void; closed(id: string): void }): void {
    this.flush();
    for (const id of this.#openChanged) {
      const open = this.#open.get(id);
      if (open) write.open(id, open);
      else if (this.#openStored.has(id)) write.closed(id);
    }
    for (const segment of this.#fold(this.#seq)) write.segment(segment);
    this.#folds = true;
  }

  flush(): void {
    for (const rows of this.#rows) rows.flush();
  }

  /** Takes rows that ended out of the tables. */
  sweepRows(remove: () => void): void {
    this.flush();
    remove();
    this.#forgetClean();
    this.#sweeps = true;
  }

  /** What is to be written: then it is the newest, and the next begins. The first of several batches has the changes. */
  take(): Made | undefined {
    const [sessions, claims, tallies] = [
      this.sessions.takeChanges(),
      this.claims.takeChanges(),
      this.tallies.takeChanges(),
    ];
    const isNothing =
      this.#lines.size + this.#touched.size + this.#released.length + this.#dropped.length === 0 &&
      sessions.size + claims.size + tallies.size === 0 &&
      !this.#folds &&
      !this.#sweeps;
    if (isNothing) return undefined;
    const lines = Array.from({ length: Math.ceil(this.#puts / MOST_LINES) }, (): Line[] => []);
    for (const { line, seq } of this.#lines.values()) lines[seq - this.#seq - 1]?.push(this.#asItStands(line));
    const closed: string[] = [];
    const open: OpenState[] = [];
    for (const id of this.#touched) {
      const now = this.#open.get(id);
      if (this.#lines.has(id)) continue;
      if (now) open.push({ id, owner: now.owner, atMs: now.atMs, state: now.state });
      else closed.push(id);
    }
    const changes = {
      folded: this.#folds,
      swept: this.#sweeps,
      dropped: this.#dropped,
      released: this.#released,
      closed,
      open,
      sessions,
      claims,
      tallies,
    };
    const first = this.#seq + 1;
    this.#seq += Math.max(1, lines.length);
    [this.#folds, this.#sweeps, this.#dropped, this.#released, this.#puts] = [false, false, [], [], 0];
    // Cleared, a Map would keep what it held reachable for as long as its oldest table lies in the old generation.
    if (this.#touched.size > 0) this.#touched = new Set();
    if (this.#lines.size > 0) this.#lines = new Map();
    return { first, changes, lines };
  }

  #asItStands(line: Line): Line {
    const open = this.#open.get(line.id);
    const isAsBegun = open
      ? open.state === line.state && open.owner === line.owner && open.atMs === line.atMs
      : line.state === 'committed';
    return isAsBegun ? line : { ...line, ...this.stateOf(line.id) };
  }

  // ── batches of others ─────────────────────────────────────────────────────────────────────────────────────────────

  apply(changes: Changes, lines: readonly Line[]): void {
    const seq = this.#seq + 1;
    if (changes.folded || changes.swept) for (const rows of this.#rows) rows.flushed();
    if (changes.folded) this.#fold(this.#seq);
    if (changes.swept) this.#forgetClean();
    for (const released of changes.released) {
      const open = this.#open.get(released.id);
      if (open?.seq === released.seq) this.#unmake(open);
    }
    for (const line of lines) this.#add(line, seq);
    for (const id of changes.closed) this.#endOpen(id);
    for (const { id, ...now } of changes.open) {
      const open = this.#open.get(id);
      if (open) this.#setOpen(id, { ...open, ...now });
    }
    for (const [key, row] of changes.sessions) this.sessions.learn(key, row);
    for (const [key, row] of changes.claims) this.claims.learn(key, row);
    for (const [key, row] of changes.tallies) this.tallies.learn(key, row);
    this.segments.drop(changes.dropped);
    this.#seq = seq;
  }

  /** An open payment as its table has it. */
  loadOpen(open: Open): void {
    this.#open.set(open.line.id, open);
    this.#openStored.add(open.line.id);
  }

  get #rows() {
    return [this.sessions, this.claims, this.tallies];
  }

  #forgetClean(): void {
    for (const rows of this.#rows) rows.forgetClean();
  }

  #fold(upTo: number): Segment[] {
    for (const id of this.#openChanged) {
      if (this.#open.has(id)) this.#openStored.add(id);
      else this.#openStored.delete(id);
    }
    this.#openChanged = new Set();
    this.#open = new Map(this.#open);
    this.#folded = upTo;
    return this.segments.seal(upTo);
  }

  #add(line: Line, seq: number): void {
    this.segments.add(line, seq);
    const { id, owner, atMs, state } = line;
    if (state === 'committed') this.#endOpen(id);
    else this.#setOpen(id, { line, seq, owner, atMs, state });
  }

  #unmake({ line, seq }: Open): void {
    this.segments.remove(line, seq);
    this.#endOpen(line.id);
  }

  #setOpen(id: string, open: Open): void {
    this.#open.set(id, open);
    this.#openChanged.add(id);
  }

  #endOpen(id: string): void {
    if (this.#open.delete(id)) this.#openChanged.add(id);
  }
}
