// Brings archived periods back: the last one into the ledger, or all of them into a copy, where everything can be read and audited
// as if nothing had been archived.
import { basename, dirname, join } from 'node:path';
import { nativeCrypto } from '@farthing/node-kit';
import { type AuditReport, auditLedger } from '../audit/audit.ts';
import { canGoOn } from '../audit/opening.ts';
import { copyOf, type Place } from '../books/open.ts';
import { scratchFolder } from '../books/scratch.ts';
import type { Keys } from '../keys.ts';
import { copyFrom, needFolder, openingsIn, openStore, type Rehearsal, rehearse } from './books.ts';
import { putBack } from './change.ts';
import type { Opening } from './record.ts';
import { needFile } from './rows.ts';

/** Puts the period of `path` back, which must be the last that was archived. @throws {Error} why nothing was changed */
export async function restorePeriod(
  place: Place,
  { keys, path, told }: { keys: Keys; path: string; told: (line: string) => void },
): Promise<{ opening: Opening; report: AuditReport }> {
  await using copy = await rehearse(place, dirname(path));
  const openings = openingsIn(copy.db, keys);
  const opening = openings.at(-1);
  const named = openings.find(({ file }) => file.name === basename(path));
  if (!opening || !named) throw new Error(`${basename(path)} is not archived: broker archive --list names what is`);
  if (named !== opening) throw new Error(`put ${opening.file.name} back first: periods come back last one first`);
  const before = openings.at(-2);
  await needFile(path, opening);
  const about = { place, keys, folder: dirname(path) };
  const there = await audited(copy, about);
  await copy.store.inOne(() => putBack(copy.store, { opening, before, path }, nativeCrypto));
  const report = await audited(copy, about);
  needSame(there, report);
  told(`${opening.file.name}: tried on a copy`);
  const store = await openStore(place);
  try {
    await store.inOne(() => putBack(store, { opening, before, path }, nativeCrypto));
    told(`${opening.file.name}: back`);
  } finally {
    await store.close();
  }
  return { opening, report };
}

type Audited = { readonly place: Place; readonly keys: Keys; readonly folder: string };

/** What another version kept nobody can go on from: then everything is audited, over the archives beside. */
async function audited({ path }: Rehearsal, { place, ...about }: Audited): Promise<AuditReport> {
  const report = canGoOn(path) ? auditLedger(path, about.keys.root) : await auditWhole(place, about);
  if (!report.ok)
    throw new Error(`the audit has ${report.findings.length} findings: nothing was changed. broker audit names them`);
  return report;
}

/** @throws {Error} one does not end where the other ends */
export function needSame(before: AuditReport, after: AuditReport): void {
  const isSame = before.head === after.head && before.entries === after.entries && before.orders === after.orders;
  if (!isSame) throw new Error('the ledger with its archives is not the one without: nothing was changed');
}

/** `openings`: of the periods that are archived. */
type Whole = Rehearsal & { readonly openings: readonly Opening[] };

/** All periods in one ledger, from the files in `folder`. @throws {Error} a file is missing, or not what was signed */
export async function wholeOf(place: Place, { keys, folder }: { keys: Keys; folder: string }): Promise<Whole> {
  needFolder(folder);
  const copy = await copyFrom(place, scratchFolder('whole'));
  try {
    const openings = openingsIn(copy.db, keys);
    for (const [i, opening] of [...openings.entries()].toReversed()) {
      const path = join(folder, opening.file.name);
      await needFile(path, opening);
      const archived = { opening, before: openings[i - 1], path };
      await copy.store.inOne(() => putBack(copy.store, archived, nativeCrypto));
    }
    return { ...copy, openings };
  } catch (error) {
    await copy[Symbol.asyncDispose]();
    throw error;
  }
}

/** Audits what is there from the opening on, and then everything from the start over the archives. */
export async function auditWhole(place: Place, about: { keys: Keys; folder: string }): Promise<AuditReport> {
  await using copy = await copyOf(place);
  const { root } = about.keys;
  // What another version kept is not needed to start at the first entry.
  const left = canGoOn(copy.path) ? auditLedger(copy.path, root) : undefined;
  if (left && !left.ok) return left;
  await using whole = await wholeOf(place, about);
  const report = auditLedger(whole.path, root);
  if (left && report.ok) needSame(left, report);
  return report;
}
