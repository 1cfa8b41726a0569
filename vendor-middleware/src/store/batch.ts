// One batch of the log: what a group commit changed, beside the payments that began in it. It says how things stand
// afterwards, never by how much they changed, so a batch may be applied to a state that has some of it already.
import type { ClaimSum, Evidence, Json } from '@farthing/protocol';
import type { Line } from './lines.ts';

export type SessionRow = { readonly row: Json; readonly untilMs: number };
export type TallySum = { readonly sum: bigint; readonly untilMs: number | undefined };

/** A payment without a verdict, as it stands. */
export type OpenState = Pick<Line, 'id' | 'owner' | 'atMs' | 'state'>;
/** A payment that was given back, and the batch it began in. */
export type Released = { readonly id: string; readonly seq: number };

export type Changes = {
  /** The tables have everything before this batch, and the payments before it are sealed. */
  readonly folded: boolean;
  /** The tables had everything before this batch, and lost rows that ended. */
  readonly swept: boolean;
  /** First batches of segments that were forgotten. */
  readonly dropped: readonly number[];
  readonly released: readonly Released[];
  readonly closed: readonly string[];
  readonly open: readonly OpenState[];
  readonly sessions: ReadonlyMap<string, SessionRow>;
  readonly claims: ReadonlyMap<string, ClaimSum>;
  readonly tallies: ReadonlyMap<string, TallySum>;
};

/** As text. Amounts are decimal text: JSON numbers are exact to 2^53 only. */
type Body = {
  folded?: 1;
  swept?: 1;
  dropped?: readonly number[];
  released?: readonly Released[];
  closed?: readonly string[];
  open?: readonly OpenState[];
  sessions?: (readonly [key: string, row: Json, untilMs: number])[];
  claims?: (readonly [key: string, total: string, untilMs: number, evidence?: Evidence])[];
  tallies?: (readonly [key: string, sum: string, untilMs?: number])[];
};

export function printChanges({ folded, swept, dropped, released, closed, open, ...rows }: Changes): string {
  const body: Body = {};
  if (folded) body.folded = 1;
  if (swept) body.swept = 1;
  if (dropped.length > 0) body.dropped = dropped;
  if (released.length > 0) body.released = released;
  if (closed.length > 0) body.closed = closed;
  if (open.length > 0) body.open = open;
  if (rows.sessions.size > 0) body.sessions = [...rows.sessions].map(([key, { row, untilMs }]) => [key, row, untilMs]);
  if (rows.claims.size > 0) {
    body.claims = [...rows.claims].map(([key, { total, untilMs, evidence }]) =>
      evidence ? [key, total.toString(), untilMs, evidence] : [key, total.toString(), untilMs],
    );
  }
  if (rows.tallies.size > 0) {
    body.tallies = [...rows.tallies].map(([key, { sum, untilMs }]) =>
      untilMs === undefined ? [key, sum.toString()] : [key, sum.toString(), untilMs],
    );
  }
  return JSON.stringify(body);
}

export function readChanges(text: string): Changes {
  const { folded, swept, dropped = [], released = [], closed = [], open = [], ...rows }: Body = JSON.parse(text);
  return {
    folded: folded === 1,
    swept: swept === 1,
    dropped,
    released,
    closed,
    open,
    sessions: new Map(rows.sessions?.map(([key, row, untilMs]) => [key, { row, untilMs }])),
    claims: new Map(
      rows.claims?.map(([key, total, untilMs, evidence]) => [
        key,
        { total: BigInt(total), untilMs, ...(evidence ? { evidence } : {}) },
      ]),
    ),
    tallies: new Map(rows.tallies?.map(([key, sum, untilMs]) => [key, { sum: BigInt(sum), untilMs }])),
  };
}
