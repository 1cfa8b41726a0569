// Rows of the Redis store as text. What verdicts need of a payment stands apart from what only a repeat needs, so that the script
// reads no more than it must.
import type { ClaimStep, Evidence, Json, Spend } from '@farthing/protocol';
import { type Line, STATES, type Steps } from '../lines.ts';
import type { Stored } from '../port.ts';

/** What the server answers: text, numbers, and lists of them. */
export type Reply = string | number | null | readonly Reply[];

/** Members of the script's `head`: instruments, tallies, claims, mints, session. With a verdict there are instruments alone. */
type Head = {
  readonly s: readonly string[];
  readonly t: readonly (readonly [key: string, add: string])[];
  readonly c: readonly ScriptClaim[];
  readonly m: readonly string[];
  readonly x?: readonly [key: string, undo: Json];
};
export type ScriptClaim = readonly [
  ...[key: string, add: string, untilMs: string, once: 0 | 1, rank: string],
  evidence: string | number,
];
/** With the owner and the time that a payment with a verdict keeps. */
type Tail = readonly [credential: string, target: string, outcome: string, owner: string, atMs: number];

/** Whole milliseconds: the future ends later, never sooner. */
export const ms = (value: number): string => BigInt(Math.ceil(value)).toString();

export function printPayment({ steps, state, credential, target, outcome, owner, atMs, untilMs }: Line): string {
  const tail: Tail = [credential, target, outcome, owner, atMs];
  const head = state === 'committed' ? { s: steps.spends } : headOf(steps);
  return `${ms(untilMs)} ${JSON.stringify(head)}\n${JSON.stringify(tail)}`;
}

const headOf = ({ spends, tallies, claims, mints, session }: Steps): Head => ({
  s: spends,
  t: tallies.map(({ key, add }) => [key, add]),
  c: claims.map((step) => scriptClaim(step, (evidence) => JSON.stringify(evidence))),
  m: mints,
  ...(session ? { x: [session.key, session.undo] } : {}),
});

type Step = Omit<ClaimStep, 'add'> & { readonly add: string | bigint };

/** @param place where the evidence is: its text, or the number of an argument */
export function scriptClaim(
  { key, add, untilMs, once, evidence }: Step,
  place: (evidence: Evidence) => string | number,
): ScriptClaim {
  const shown = evidence ? ([String(evidence.rank), place(evidence)] as const) : (['-', ''] as const);
  return [key, add.toString(), ms(untilMs), once ? 1 : 0, ...shown];
}

export const headIn = (row: string): Head => JSON.parse(row.slice(row.indexOf(' ') + 1, row.indexOf('\n')));

/** A payment without a verdict: state, time, owner. */
export const printOpen = ({ state, atMs, owner }: Pick<Line, 'state' | 'atMs' | 'owner'>): string =>
  state === 'committed' ? '' : `${STATES.indexOf(state)} ${atMs} ${owner}`;

export function readStored(id: string, row: Reply | undefined, open: Reply | undefined): Stored {
  const [credential, target, outcome, owner, atMs]: Tail = JSON.parse(textOf(row).slice(textOf(row).indexOf('\n') + 1));
  const stored = { id, credential, target, outcome };
  const state = textOf(open);
  if (state === '') return { ...stored, owner, atMs, state: 'committed' };
  const [number = '', at = ''] = state.split(' ', 2);
  const by = state.slice(number.length + at.length + 2);
  return { ...stored, owner: by, atMs: Number(at), state: STATES[Number(number)] ?? 'reserved' };
}

/** As a session lies in its row. `row` is nobody's to change. */
export type SessionState = { readonly version: string; readonly row: Json | undefined; readonly untilMs: string };

export const printSession = ({ version, row, untilMs }: SessionState): string =>
  `${untilMs} ${version} ${JSON.stringify(row)}`;

export function readSession(text: string): SessionState {
  if (text === '') return { version: '', row: undefined, untilMs: '0' };
  const [untilMs = '', version = ''] = text.split(' ', 2);
  return { version, untilMs, row: JSON.parse(text.slice(untilMs.length + version.length + 2)) };
}

export function textOf(reply: Reply | undefined): string {
  if (typeof reply !== 'string') throw new Error('the store answered with something that is not text');
  return reply;
}

export function listOf(reply: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(reply)) throw new Error('the store answered with something that is no list');
  return reply;
}

export const textsOf = (spends: readonly Spend[]): string[] => spends.map(({ key }) => key);
