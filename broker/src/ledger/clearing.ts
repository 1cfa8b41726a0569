// What two brokers settle with each other: the claims that are open between them, and what was settled or is proposed.

import { type Crypto, type Currency, type PeerClaim, signObject } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { int, num, type Row, text } from './rows.ts';

/** The accounts of one peer in one currency. */
export type Pair = { readonly brk: string; readonly cur: Currency };
/** `ours`: we asked. `answer`: empty while the other has not answered us. */
export type ClearingRow = Pair & {
  readonly period: number;
  readonly ours: boolean;
  readonly doc: string;
  readonly answer: string;
};

export function openClearing(db: Books, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const last = db.prepare('SELECT * FROM clearing WHERE brk = ? AND cur = ? ORDER BY period DESC LIMIT 1', {
    // The last one may be dropped again.
    rows: ['clearing WHERE brk = ?1 AND cur = ?2'],
  });
  const add = db.prepare(
    "INSERT INTO clearing (brk, cur, period, ours, doc, answer, at_ms, sig) VALUES (?, ?, ?, ?, ?, '', 0, '')",
  );
  const settle = db.prepare(
    'UPDATE clearing SET answer = ?, at_ms = ?, sig = ? WHERE brk = ? AND cur = ? AND period = ? AND ours = 1',
  );
  const drop = db.prepare("DELETE FROM clearing WHERE brk = ? AND cur = ? AND period = ? AND ours = 1 AND answer = ''");
  const owed = db.prepare(
    `SELECT vnd, challenge, amount, paid_at AS at FROM peer_payment
     WHERE brk = ? AND cur = ? AND state = 'paid' AND cleared = 0 AND paid_at < ? ORDER BY vnd, challenge`,
  );
  const owing = db.prepare(
    `SELECT vnd, challenge, amount, receipt ->> '$.at' AS at FROM coin_payment
     WHERE via = ? AND via <> '' AND cur = ? AND state = 'paid' AND cleared = 0 AND receipt ->> '$.at' < ?
     ORDER BY vnd, challenge`,
    { rows: ["coin_payment WHERE via = ?1 AND via <> '' AND cur = ?2 AND state = 'paid' AND cleared = 0"] },
  );
  const clearOwed = db.prepare(
    `UPDATE peer_payment SET cleared = ?
     WHERE brk = ? AND cur = ? AND state = 'paid' AND cleared = 0 AND paid_at < ?`,
  );
  const clearOwing = db.prepare(
    `UPDATE coin_payment SET cleared = ?
     WHERE via = ? AND via <> '' AND cur = ? AND state = 'paid' AND cleared = 0 AND receipt ->> '$.at' < ?`,
    { rows: ["coin_payment WHERE via = ?2 AND via <> '' AND cur = ?3 AND state = 'paid' AND cleared = 0"] },
  );

  const freeOwed = db.prepare('UPDATE peer_payment SET cleared = 0 WHERE brk = ? AND cur = ? AND cleared = ?');
  const freeOwing = db.prepare('UPDATE coin_payment SET cleared = 0 WHERE via = ? AND cur = ? AND cleared = ?');

  return {
    /** What the peer owes us for payments from before a moment (seconds), by site and challenge. */
    owed: ({ brk, cur }: Pair, before: number): PeerClaim[] => owed.all(brk, cur, before).map(claimOf),
    /** What we owe the peer. */
    owing: ({ brk, cur }: Pair, before: number): PeerClaim[] => owing.all(brk, cur, before).map(claimOf),

    last({ brk, cur }: Pair): ClearingRow | undefined {
      const row = last.get(brk, cur);
      if (!row) return undefined;
      return {
        ...{ brk, cur, period: num(row, 'period'), ours: row['ours'] === 1n },
        ...{ doc: text(row, 'doc'), answer: text(row, 'answer') },
      };
    },
    add({ brk, cur, period, ours, doc }: Omit<ClearingRow, 'answer'>): void {
      add.run(brk, cur, period, ours ? 1 : 0, doc);
    },
    /** The other has signed what we proposed. */
    settle({ brk, cur, period }: Pair & { period: number }, { answer, atMs }: { answer: string; atMs: number }): void {
      const signed = { typ: 'clearing-row/1', brk, cur, period, at: atMs };
      settle.run(answer, atMs, signObject(signed, seed, crypto), brk, cur, period);
    },
    /** The other has refused: nothing was settled, and its claims are open again. */
    drop({ brk, cur, period }: Pair & { period: number }): void {
      if (Number(drop.run(brk, cur, period).changes) === 0) return;
      freeOwed.run(brk, cur, period);
      freeOwing.run(brk, cur, period);
    },
    /** All open claims from before a moment belong to this period now. */
    mark({ brk, cur }: Pair, { period, before }: { period: number; before: number }): void {
      clearOwed.run(period, brk, cur, before);
      clearOwing.run(period, brk, cur, before);
    },
  };
}

const claimOf = (row: Row): PeerClaim => ({
  ...{ vnd: text(row, 'vnd'), challengeId: text(row, 'challenge') },
  ...{ amount: int(row, 'amount').toString(), at: num(row, 'at') },
});
