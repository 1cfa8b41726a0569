// The tables of other brokers against the model.
import type { DatabaseSync } from 'node:sqlite';
import { type Cells, compare, type Findings } from './findings.ts';
import type { PeerModel } from './peer-model.ts';
import { keyed } from './tables.ts';

export function checkPeers(db: DatabaseSync, model: PeerModel, findings: Findings): void {
  model.end();
  const vendors = keyed(db, 'SELECT * FROM peer_vendor', ['vnd']);
  compare(findings, 'peer_vendor', { expected: model.vendors, actual: vendors });
  const actual = keyed(db, 'SELECT * FROM peer_payment', ['vnd', 'challenge']);
  const expected = new Map<string, Cells>();
  for (const [name, { brk, cur, amount, hash, ask, endedBy, state, until, paidAt }] of model.payments) {
    // A hold that ended by itself, and was not asked for again, or was refused then.
    const mayEnd = state === 'held' && actual.get(name)?.['state'] === 'void';
    expected.set(name, {
      ...{ brk, cur, amount, hash, ask: BigInt(ask), ended_by: BigInt(endedBy) },
      ...{ state: mayEnd ? 'void' : state, until: mayEnd ? 0n : BigInt(until) },
      paid_at: BigInt(paidAt),
    });
  }
  compare(findings, 'peer_payment', { expected, actual });
}
