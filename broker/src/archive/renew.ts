// Makes what the audit goes on from anew, out of the archives: after a version of the program that keeps it in another shape.
import { dirname, join } from 'node:path';
import { nativeCrypto } from '@farthing/node-kit';
import { type AuditReport, auditLedger, keepAt } from '../audit/audit.ts';
import type { Place } from '../books/open.ts';
import { scratchFolder } from '../books/scratch.ts';
import type { Keys } from '../keys.ts';
import { copyFrom, openStore } from './books.ts';
import { renew } from './change.ts';
import { type Opening, signOpening } from './record.ts';
import { needSame, wholeOf } from './restore.ts';
import { StateFile } from './state-file.ts';

export type Renewing = {
  readonly keys: Keys;
  /** Where the archives are. */
  readonly folder: string;
  readonly nowMs: number;
};

/**
 * Audits everything from the first entry, and signs the last opening record anew with what that audit knows at its end.
 * @returns nothing is renewed where there are findings
 * @throws {Error} why nothing was changed
 */
export async function renewOpening(place: Place, { keys, folder, nowMs }: Renewing): Promise<AuditReport> {
  await using whole = await wholeOf(place, { keys, folder });
  const last = whole.openings.at(-1);
  if (!last) throw new Error('no period is archived: the audit starts at the first entry');
  const report = auditLedger(whole.path, keys.root);
  if (!report.ok) return report;
  const cut = { seq: last.entries.last, orders: last.orders.last };
  const state = StateFile.write(join(dirname(whole.path), 'state'), (take) => {
    keepAt(whole.db, { root: keys.root, cut }, take);
  });
  const renewed = { last, opening: signedAnew(last, { keys, state, nowMs }), state };
  await using trial = await copyFrom(place, scratchFolder('renew'));
  await trial.store.inOne(() => renew(trial.store, renewed));
  const left = auditLedger(trial.path, keys.root);
  if (!left.ok) return left;
  needSame(left, report);
  const store = await openStore(place);
  try {
    await store.inOne(() => renew(store, renewed));
  } finally {
    await store.close();
  }
  return report;
}

function signedAnew(
  last: Opening,
  { keys, state, nowMs }: Omit<Renewing, 'folder'> & { readonly state: StateFile },
): Opening {
  const { typ: _, sig: __, ...same } = last;
  return signOpening({ ...same, state: state.digest, at: Math.floor(nowMs / 1000) }, keys.seed, nativeCrypto);
}
