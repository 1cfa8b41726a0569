// The store on SQLite: one file for all processes of a site on one machine. Payments and what they change go through the
// journal, the rest straight to tables; all of it in group commits, so that concurrent requests share one fsync.
import type { DatabaseSync } from 'node:sqlite';
import { GroupCommit, openDatabase } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { storeFigures } from '../figures.ts';
import { Journal, type JournalOptions } from './journal.ts';
import { changeSession, reserve, settle, takeOver } from './payments.ts';
import type { ClaimDue, VendorStore } from './port.ts';
import { migrations, type Statements, statements } from './schema.ts';
import { evidenceIn, integer, one } from './tables.ts';

/** A process without traffic reads along, so that it does not have to start anew when it gets some. */
const LOOK_MS = 10_000;

/** Opens or makes the file (mode 0600). @throws {Error} it cannot be opened, or durability does not hold */
export const sqlite = (path: string): VendorStore => storeOn(openDatabase(path, migrations));

export function storeOn(db: DatabaseSync, options?: JournalOptions & { lockedMs?: number }): VendorStore {
  const sql = statements(db);
  const journal = new Journal(db, sql, options);
  const commit = new GroupCommit(
    db,
    { begin: () => journal.begin(), end: () => journal.end() },
    { observe: storeFigures(), ...options },
  );
  /** As of now, and never of a transaction that failed. */
  const now = () => {
    commit.check();
    journal.catchUp();
    return journal;
  };
  const look = setInterval(() => {
    try {
      now();
    } catch {
      // Whoever asks next is told.
    }
  }, LOOK_MS);
  look.unref();

  return {
    reserve: (entry) => commit.decide(() => reserve(journal, entry)),
    find: async (id) => now().find(id),
    unsettled: async (limit) =>
      [...now().state.allOpen()].slice(0, limit).map(({ line }) => ({ id: line.id, mints: [...line.steps.mints] })),
    takeOver: (id, take) => commit.decide(() => takeOver(journal, id, take)),
    // Nobody waits for a verdict alone: it goes with the next payment.
    settle: (id, owner, verdict, undo) =>
      commit.decide(() => settle(journal, { id, owner, verdict }, undo), { hurry: false }),
    readSession: async (key) => now().state.sessions.get(key)?.row,
    changeSession: (key, change) => commit.decide(() => changeSession(journal, key, change)),
    claimsDue: (limit, kind = '') =>
      commit.decide(() => {
        journal.change((state) => state.flush());
        return sql.due.all(kind, BigInt(limit)).map(due);
      }),
    countDue: (atMost, kind) =>
      commit.decide(() => {
        journal.change((state) => state.flush());
        const most = BigInt(atMost);
        const row = kind === undefined ? one(sql.countDue, most) : one(sql.countKind, kind, most);
        return Number(integer(row?.['n']));
      }),
    sweep: (nowMs, limit) => {
      const endMs = nowMs - limits.clockSkewMs - limits.retentionMs;
      journal.prepareSweep(endMs);
      return commit.decide(() => {
        const swept = journal.sweep(endMs, limit);
        journal.change((state) => state.sweepRows(() => dropOld(sql, nowMs)));
        return swept;
      });
    },
    ...documents(commit, sql),
    close: async () => {
      clearInterval(look);
      commit.close();
    },
  };
}

/** Rows of their own, which nothing in memory mirrors. */
type Plain = Pick<VendorStore, 'claimsPaid' | 'lease' | 'take' | 'readDoc' | 'listDocs' | 'swapDoc'>;

function documents(commit: GroupCommit, sql: Statements): Plain {
  const put = (key: string, value: string | undefined) => {
    if (value === undefined) sql.dropDoc.run(key);
    else sql.setDoc.run(key, value);
  };
  return {
    claimsPaid: (paid, { key, was, put: writes }) =>
      commit.run(() => {
        if (one(sql.doc, key)?.['value'] !== was) return false;
        for (const { key: root, total, over } of paid) {
          sql.paid.run(total, root, total);
          if (over) sql.paidOver.run(root);
        }
        for (const [name, value] of Object.entries(writes)) put(name, value);
        return true;
      }),
    lease: (name, count) =>
      commit.run(() => {
        const first = integer(one(sql.lease, name)?.['next'] ?? 1n);
        sql.setLease.run(name, first + count);
        return first;
      }),
    take: (key, limit, untilMs) => commit.run(() => sql.quota.run(key, BigInt(untilMs), BigInt(limit)).changes === 1n),
    readDoc: async (key) => {
      const value = one(sql.doc, key)?.['value'];
      return value === undefined ? undefined : String(value);
    },
    listDocs: async (prefix) =>
      sql.docs
        .all(prefix, BigInt(prefix.length))
        .map((row) => ({ key: String(row['key']), value: String(row['value']) })),
    swapDoc: (key, was, value) =>
      commit.run(() => {
        if (one(sql.doc, key)?.['value'] !== was) return false;
        put(key, value);
        return true;
      }),
  };
}

function dropOld(sql: Statements, nowMs: number): void {
  sql.oldQuotas.run(BigInt(nowMs));
  for (const old of [sql.oldClaims, sql.oldSessions, sql.oldDeeds, sql.oldTallies]) {
    old.run(BigInt(nowMs - limits.retentionMs));
  }
}

const due = (row: Record<string, unknown>): ClaimDue => ({
  key: String(row['key']),
  total: integer(row['total']),
  ...evidenceIn(row),
  ...(typeof row['deed'] === 'string' ? { deed: JSON.parse(row['deed']) } : {}),
});
