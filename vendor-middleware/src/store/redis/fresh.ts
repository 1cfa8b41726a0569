// New payments in Redis: one command that makes all of their rows, or none. Its arguments go as they are, so that the server parses no
// JSON and Lua touches no row.
import { limits } from '@farthing/protocol';
import { additions } from '../fresh.ts';
import { lineOf } from '../lines.ts';
import type { Reservation } from '../port.ts';
import type { Printed } from './batches.ts';
import { ms, printOpen, printPayment, type ScriptClaim } from './lines.ts';

const MINUTE_MS = 60_000;
/** Lua passes at most so many keys with their rows to a command. */
const MOST_ROWS = 2000;
const KEPT_MS = limits.retentionMs + limits.clockSkewMs;

/** Rows as keys and values, those of payments first; `undefined`: two of them want the same, or they are too many. */
export function printFresh(tag: string, entries: readonly Reservation[]): Required<Printed> | undefined {
  const rows = new Map<string, string>();
  const minutes: number[] = [];
  const opened: string[] = [];
  for (const entry of entries) {
    const line = lineOf(entry, undefined);
    const key = `${tag}p:${entry.id}`;
    rows.set(key, printPayment(line));
    minutes.push(minuteOf(entry.untilMs));
    if (entry.state === 'reserved') opened.push(entry.id, printOpen(line));
  }
  for (const { id, spends } of entries) for (const { key } of spends) rows.set(`${tag}s:${key}`, id);
  const wanted = entries.reduce((sum, { spends }) => sum + 1 + spends.length, 0);
  if (rows.size !== wanted || wanted > MOST_ROWS) return undefined;
  const claims = [...additions(entries)].map(
    ([key, { add, untilMs }]): ScriptClaim => [key, add.toString(), ms(untilMs), 0, '-', ''],
  );
  return { step: 'fresh', values: [runs(minutes), claims, opened], texts: [...rows].flat() };
}

/** When the sweep looks at it, as the script plans it for other rows. */
const minuteOf = (untilMs: number): number => Math.floor((Math.ceil(untilMs) + KEPT_MS) / MINUTE_MS);

/** How many in a row have the same. */
function runs(minutes: readonly number[]): [minute: number, count: number][] {
  const all: [number, number][] = [];
  for (const minute of minutes) {
    const last = all.at(-1);
    if (last?.[0] === minute) last[1]++;
    else all.push([minute, 1]);
  }
  return all;
}
