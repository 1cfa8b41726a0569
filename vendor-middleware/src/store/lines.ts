// A payment as a line of text: what a repeat of it must get, and what its verdict will need.
import type { ClaimStep, Evidence, Json } from '@farthing/protocol';
import type { Reservation, SessionWritten, Stored } from './port.ts';

export const STATES = ['reserved', 'committed', 'loose'] as const;

/** What a verdict needs to know. Amounts are decimal text. */
export type Steps = {
  readonly mints: readonly string[];
  readonly spends: readonly string[];
  readonly tallies: readonly { key: string; add: string }[];
  readonly claims: readonly { key: string; add: string; untilMs: number; evidence?: Evidence; once?: true }[];
  readonly session?: { readonly key: string; readonly undo: Json };
};

/** Nothing is left of them, beside the instruments, once there is a verdict. */
const DONE = { mints: [], tallies: [], claims: [] } as const;

/** `state` is what it was when the line was written. */
export type Line = Stored & { readonly untilMs: number; readonly steps: Steps };

export function lineOf(entry: Reservation, written: SessionWritten | undefined): Line {
  const { id, credential, target, owner, atMs, state, mints, spends, tallies, session } = entry;
  const { claims, untilMs, outcome } = written ?? entry;
  const keys = spends.map(({ key }) => key);
  const begun = { id, credential, target, owner, atMs, untilMs, state, outcome };
  if (state === 'committed') return { ...begun, steps: { ...DONE, spends: keys } };
  const steps: Steps = {
    mints,
    spends: keys,
    tallies: tallies.map(({ key, add }) => ({ key, add: add.toString() })),
    claims: claims.map(({ key, add, untilMs: endMs, evidence, once }) => ({
      ...{ key, add: add.toString(), untilMs: endMs },
      // What shows a claim of one step lies in its table from the first.
      ...(once ? { once } : evidence ? { evidence } : {}),
    })),
    ...(session && written ? { session: { key: session.key, undo: written.undo } } : {}),
  };
  return { ...begun, steps };
}

/** As text: what has a verdict needs no other. */
export const printSteps = ({ state, steps }: Pick<Line, 'state' | 'steps'>): string =>
  JSON.stringify(keptOf(state, steps));

const keptOf = (state: Line['state'], steps: Steps): Partial<Steps> =>
  state === 'committed' ? { spends: steps.spends } : steps;

export const readSteps = (text: string): Steps => stepsOf(JSON.parse(text));

const stepsOf = (kept: Pick<Steps, 'spends'> & Partial<Steps>): Steps => ({ ...DONE, ...kept });

export const claimsOf = ({ steps }: Line): ClaimStep[] =>
  steps.claims.map((step) => ({ ...step, add: BigInt(step.add) }));

/** Holds no line break: JSON escapes it. Put together by hand, which takes two thirds of the time. */
export function printLine({ id, credential, target, owner, atMs, untilMs, state, outcome, steps }: Line): string {
  const names = `${quoted(id)},${quoted(credential)},${quoted(target)},${quoted(owner)}`;
  const rest = `${STATES.indexOf(state)},${quoted(outcome)},${JSON.stringify(keptOf(state, steps))}`;
  return `[${names},${JSON.stringify(atMs)},${JSON.stringify(untilMs)},${rest}]`;
}

/** Stands in JSON as it is. */
const PLAIN = /^[ !#-[\]-~]*$/;
const quoted = (text: string): string => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

export function readLine(text: string): Line {
  const cells: [string, string, string, string, number, number, number, string, Steps] = JSON.parse(text);
  const [id, credential, target, owner, atMs, untilMs, state, outcome, steps] = cells;
  return {
    id,
    credential,
    target,
    owner,
    atMs,
    untilMs,
    state: STATES[state] ?? 'reserved',
    outcome,
    steps: stepsOf(steps),
  };
}

export const printLines = (lines: readonly Line[]): string => lines.map(printLine).join('\n');
export const readLines = (text: string): Line[] => text.split('\n').map(readLine);

/** Without parsing the others. @param isIt the key may stand in a line that is not the one: this decides */
export function findLine(text: string, key: string, isIt: (line: Line) => boolean): Line | undefined {
  const quoted = JSON.stringify(key);
  for (let at = text.indexOf(quoted); at >= 0; ) {
    const end = text.indexOf('\n', at);
    const line = readLine(text.slice(text.lastIndexOf('\n', at) + 1, end < 0 ? undefined : end));
    if (isIt(line)) return line;
    at = end < 0 ? -1 : text.indexOf(quoted, end);
  }
  return undefined;
}
