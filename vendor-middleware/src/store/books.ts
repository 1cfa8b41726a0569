// What the steps of payments read and change, wherever it lies: the log of a file, or rows of a database.
import type { ClaimStep, ClaimSum, Deed } from '@farthing/protocol';
import type { OpenState, SessionRow, TallySum } from './batch.ts';
import type { Line } from './lines.ts';
import type { Stored } from './port.ts';

/** Rows by key, as they stand within the step. */
type Entries<Row> = { get(key: string): Row | undefined; set(key: string, row: Row): void };

/** How things stand. What is changed here is written with the step, or not at all. */
export interface Standing {
  readonly sessions: Entries<SessionRow>;
  readonly claims: Entries<ClaimSum>;
  readonly tallies: Entries<TallySum>;
  /** A payment without a verdict. `line` says how it began. */
  open(id: string): (Omit<OpenState, 'id'> & { readonly line: Line }) | undefined;
  put(line: Line): void;
  update(id: string, now: Partial<Omit<OpenState, 'id'>>): void;
  /** Its verdict was good. */
  close(id: string): void;
  /** As if it had never been. */
  release(id: string): void;
}

export interface Books {
  readonly state: Standing;
  find(id: string): Stored | undefined;
  /** The payment that has this instrument. */
  holder(key: string): Stored | undefined;
  /** After everything that may throw. */
  change(run: (state: Standing) => void): void;
  keepDeed(deed: Deed): void;
  /** What shows claims of one step, before they are due. */
  keepEvidence(steps: readonly ClaimStep[]): void;
  /** Of claims that came to nothing. */
  dropEvidence(steps: readonly Pick<ClaimStep, 'key' | 'once'>[]): void;
}
