// The steps of payments as operations of the script: what is sent, and what its answers mean. Steps of sessions run here, on the row
// as it was last seen; the script takes their result only if the row still is that one.
import type { Evidence, Json } from '@farthing/protocol';
import { lineOf } from '../lines.ts';
import type { Reservation, Reserved, SessionChange, SessionWritten, Stored, Undo, VendorStore } from '../port.ts';
import { AGAIN, type Operation, type Printed } from './batches.ts';
import {
  headIn,
  listOf,
  ms,
  printOpen,
  printPayment,
  type Reply,
  readStored,
  type ScriptClaim,
  scriptClaim,
  textOf,
  textsOf,
} from './lines.ts';
import { ANSWERS } from './script-payments.ts';
import type { Sessions } from './sessions.ts';

/** A version that no row has. */
const UNSEEN = '?';

/** Looks first where the row is unknown, or where the step threw: the throw counts only on the row as it is. */
export function reservation(entry: Reservation, sessions: Sessions): Operation<Reserved> {
  const { session } = entry;
  let written: SessionWritten | undefined;
  let thrown: { readonly error: unknown } | undefined;
  const look = (seen: string): Printed => ({
    step: 'reserve',
    values: [entry.id, textsOf(entry.spends), [], [], '', session ? [session.key, seen] : 0, []],
  });
  return {
    print() {
      if (!session) return printReservation(entry);
      [written, thrown] = [undefined, undefined];
      const seen = sessions.get(session.key);
      if (!seen) return look(UNSEEN);
      try {
        written = session.step(seen.row);
      } catch (error) {
        thrown = { error };
        return look(seen.version);
      }
      const text = sessions.expect(session.key, written.next, ms(written.untilMs));
      return printReservation(entry, { written, text, seen: seen.version });
    },
    read(reply) {
      if (reply === 0) return written ? { kind: 'won', written } : { kind: 'won' };
      const answer = listOf(reply);
      if (answer[0] === ANSWERS.fresh && thrown) throw thrown.error;
      if (session && answer[0] === ANSWERS.stale) {
        sessions.learn(session.key, textOf(answer[1]));
        return AGAIN;
      }
      if (session && written) sessions.forget(session.key);
      const all = [...entry.tallies, ...(written?.deeds.flatMap(({ tallies }) => tallies) ?? [])];
      return refusal(answer, { ...entry, tallies: all });
    },
  };
}

type InSession = { readonly written: SessionWritten; readonly text: string; readonly seen: string };

function printReservation(entry: Reservation, inSession?: InSession): Printed {
  const { id, spends, tallies, session, state } = entry;
  const { written } = inSession ?? {};
  const line = lineOf(entry, written);
  const all = written ? [...tallies, ...written.deeds.flatMap((deed) => deed.tallies)] : tallies;
  const limits = all.map(({ key, add, limit, untilMs }) => [
    ...[key, add.toString(), limit.toString()],
    untilMs === undefined ? '-' : ms(untilMs),
  ]);
  const deeds = written?.deeds ?? [];
  const texts = [printPayment(line)];
  if (inSession) texts.push(inSession.text);
  for (const { deed, untilMs } of deeds) texts.push(`${ms(untilMs)} ${JSON.stringify(deed)}`);
  // What is booked now, or must lie somewhere until it is.
  const claims = (written ?? entry).claims.filter(({ once }) => once || state === 'committed');
  const steps = printClaims(claims, texts);
  const at = session && inSession ? [session.key, inSession.seen] : 0;
  const keys = deeds.map(({ key }) => key);
  return { step: 'reserve', values: [id, textsOf(spends), limits, steps, printOpen(line), at, keys], texts };
}

/** Adds their evidence to the texts. */
function printClaims(claims: Reservation['claims'], texts: string[]): ScriptClaim[] {
  const place = (evidence: Evidence) => texts.push(JSON.stringify(evidence));
  return claims.map((claim) => scriptClaim(claim, place));
}

function refusal(answer: readonly Reply[], { id, spends, tallies }: Reservation): Reserved {
  const [kind, second, third, fourth, fifth] = answer;
  if (kind === ANSWERS.known) return { kind: 'known', stored: readStored(id, second, third) };
  if (kind === ANSWERS.held) {
    const lost = listOf(second).flatMap((number) => spends[Number(number) - 1] ?? []);
    const [first] = lost;
    if (!first) throw unknown(answer);
    const names = lost.flatMap(({ code, name }) => (code === first.code && name !== undefined ? name : []));
    return { kind: 'held', code: first.code, names, by: readStored(textOf(third), fourth, fifth) };
  }
  if (kind === ANSWERS.over) {
    const tally = tallies[Number(second) - 1];
    if (!tally) throw unknown(answer);
    return { kind: 'over', code: tally.code, key: tally.key, sum: BigInt(textOf(third)) };
  }
  throw unknown(answer);
}

function unknown([kind]: readonly Reply[]): Error {
  if (kind === ANSWERS.tooMuch) return new Error('a sum passes what a store can hold');
  return new Error(`the store gave an answer that nobody knows: ${kind}`);
}

type Settling = { readonly id: string; readonly owner: string; readonly verdict: Parameters<VendorStore['settle']>[2] };

export function settling(
  { id, owner, verdict }: Settling,
  undo: Undo | undefined,
  sessions: Sessions,
): Operation<boolean> {
  let change: { readonly key: string; readonly seen: string; readonly text?: string } | undefined;
  return {
    print: () => ({
      step: 'settle',
      values: [id, owner, verdict, undo ? 1 : 0, change?.seen ?? UNSEEN],
      texts: change?.text === undefined ? [] : [change.text],
    }),
    read(reply) {
      if (reply === 0) return true;
      // Whether it came to pass or not, the row is not what was expected.
      if (change) sessions.forget(change.key);
      const answer = listOf(reply);
      if (answer[0] === ANSWERS.none) return false;
      if (answer[0] !== ANSWERS.undo || !undo) throw unknown(answer);
      const [key, step] = headIn(textOf(answer[1])).x ?? [];
      if (key === undefined || step === undefined) throw unknown(answer);
      const { row = null, version, untilMs } = sessions.learn(key, textOf(answer[2]));
      const next: Json | undefined = undo(row, step);
      change = { key, seen: version, ...(next === undefined ? {} : { text: sessions.expect(key, next, untilMs) }) };
      return AGAIN;
    },
  };
}

export function sessionChange<Change extends SessionChange>(
  key: string,
  change: (row: Json) => Change,
  sessions: Sessions,
): Operation<Change | undefined> {
  let made: Change | undefined;
  let thrown: { readonly error: unknown } | undefined;
  return {
    print() {
      [made, thrown] = [undefined, undefined];
      const seen = sessions.get(key);
      const look = { step: 'changeSession', values: [key, seen?.version ?? UNSEEN, []] };
      if (seen?.row === undefined) return look;
      try {
        made = change(seen.row);
      } catch (error) {
        thrown = { error };
        return look;
      }
      const texts = [sessions.expect(key, made.next, ms(made.untilMs))];
      const claims = printClaims(made.claims, texts);
      return { step: 'changeSession', values: [key, seen.version, claims], texts };
    },
    read(reply) {
      if (reply === 0) return made;
      const answer = listOf(reply);
      if (answer[0] === ANSWERS.fresh && thrown) throw thrown.error;
      sessions.forget(key);
      if (answer[0] === ANSWERS.none) return undefined;
      if (answer[0] !== ANSWERS.stale) throw unknown(answer);
      sessions.learn(key, textOf(answer[1]));
      return AGAIN;
    },
  };
}

/** One that is done or not. */
export const change = (printed: Printed): Operation<boolean> => ({
  print: () => printed,
  read: (reply) => reply === 0,
});

export const finding = (id: string): Operation<Stored | undefined> => ({
  print: () => ({ step: 'find', values: [id] }),
  read(reply) {
    const [row, open] = listOf(reply);
    return row === '' ? undefined : readStored(id, row, open);
  },
});
