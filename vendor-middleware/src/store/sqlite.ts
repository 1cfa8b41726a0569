// The store on SQLite: one file for all processes of a site on one machine. Every write goes through group commit, so
// that concurrent requests share one fsync, and resolves only when it is on disk.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GroupCommit, openDatabase } from '@farthing/node-kit';
import { type ClaimStep, limits, type ProblemCode } from '@farthing/protocol';
import type { ClaimTotal, Reservation, Reserved, Stored, VendorStore } from './port.ts';

const migrations = [
  `CREATE TABLE reservations(
     id TEXT PRIMARY KEY, credential TEXT NOT NULL, target TEXT NOT NULL, owner TEXT NOT NULL,
     at_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, state INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
     outcome TEXT NOT NULL, steps TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX reservations_until ON reservations(until_ms);
   CREATE TABLE spends(
     key TEXT PRIMARY KEY, reservation TEXT NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE tallies(
     key TEXT PRIMARY KEY, total INTEGER NOT NULL CHECK (total >= 0)) STRICT, WITHOUT ROWID;
   CREATE TABLE claims(
     seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, total INTEGER NOT NULL CHECK (total >= paid),
     paid INTEGER NOT NULL CHECK (paid >= 0), until_ms INTEGER NOT NULL) STRICT;
   CREATE INDEX claims_due ON claims(seq) WHERE total > paid;
   CREATE INDEX claims_until ON claims(until_ms);
   CREATE TABLE leases(name TEXT PRIMARY KEY, next INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE quotas(key TEXT PRIMARY KEY, used INTEGER NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE docs(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
];

const STATES = ['reserved', 'committed', 'loose'] as const;

/** What a verdict needs to know of a reservation, as JSON in its row. Amounts are decimal text. */
type Steps = {
  mints: string[];
  spends: string[];
  tallies: { key: string; add: string }[];
  claims: { key: string; add: string; untilMs: number }[];
};

/** Opens or makes the file (mode 0600). @throws {Error} it cannot be opened, or durability does not hold */
export function sqlite(path: string): VendorStore {
  const db = openDatabase(path, migrations);
  const commit = new GroupCommit(db);
  const sql = statements(db);

  function reserve(entry: Reservation): Reserved {
    const known = one(sql.find, entry.id);
    if (known) return { kind: 'known', stored: stored(known) };
    for (const { key, code } of entry.spends) {
      const holder = one(sql.holder, key);
      if (holder) return { kind: 'held', code, by: stored(holder) };
    }
    const over = tally(entry);
    if (over) return { kind: 'over', code: over };
    for (const { key } of entry.spends) sql.spend.run(key, entry.id);
    const { id, credential, target, owner, atMs, untilMs, outcome, state } = entry;
    const steps: Steps = {
      mints: [...entry.mints],
      spends: entry.spends.map(({ key }) => key),
      tallies: entry.tallies.map(({ key, add }) => ({ key, add: add.toString() })),
      claims: entry.claims.map(({ key, add, untilMs: until }) => ({ key, add: add.toString(), untilMs: until })),
    };
    const number = state === 'committed' ? 1n : 0n;
    sql.insert.run(
      id,
      credential,
      target,
      owner,
      BigInt(atMs),
      BigInt(untilMs),
      number,
      outcome,
      JSON.stringify(steps),
    );
    if (state === 'committed') book(entry.claims);
    return { kind: 'won' };
  }

  /** Checks every tally before it writes one: `reserve` writes all or nothing. Sums are made here, where none can overflow. */
  function tally({ tallies }: Reservation): ProblemCode | undefined {
    const sums = tallies.map(({ key, add, limit, code }) => {
      const sum = integer(one(sql.tally, key)?.['total'] ?? 0n) + add;
      return { key, sum, code, over: sum > limit };
    });
    const over = sums.find((sum) => sum.over);
    if (!over) for (const { key, sum } of sums) sql.setTally.run(key, sum);
    return over?.code;
  }

  function book(steps: readonly ClaimStep[]): void {
    for (const { key, add, untilMs } of steps) {
      const total = integer(one(sql.claim, key)?.['total'] ?? 0n) + add;
      sql.setClaim.run(key, total, BigInt(untilMs));
    }
  }

  function settle(id: string, owner: string, verdict: 'commit' | 'release' | 'loose'): boolean {
    const row = one(sql.find, id);
    if (!row || row['state'] === 1n || (verdict !== 'commit' && row['owner'] !== owner)) return false;
    const steps = JSON.parse(String(row['steps'])) as Steps;
    if (verdict === 'loose') sql.setState.run(2n, id);
    if (verdict === 'commit') {
      sql.setState.run(1n, id);
      book(steps.claims.map((step) => ({ ...step, add: BigInt(step.add) })));
    }
    if (verdict === 'release') {
      sql.remove.run(id);
      for (const key of steps.spends) sql.unspend.run(key);
      for (const { key, add } of steps.tallies) {
        sql.setTally.run(key, integer(one(sql.tally, key)?.['total'] ?? 0n) - BigInt(add));
      }
    }
    return true;
  }

  const swap = (key: string, was: string | undefined, value: string | undefined): boolean => {
    if (one(sql.doc, key)?.['value'] !== was) return false;
    put(key, value);
    return true;
  };
  const put = (key: string, value: string | undefined) => {
    if (value === undefined) sql.dropDoc.run(key);
    else sql.setDoc.run(key, value);
  };

  function sweep(nowMs: number, limit: number): number {
    const old = sql.old.all(BigInt(nowMs - limits.clockSkewMs - limits.retentionMs), BigInt(limit));
    for (const row of old) {
      sql.remove.run(String(row['id']));
      for (const key of (JSON.parse(String(row['steps'])) as Steps).spends) sql.unspend.run(key);
    }
    sql.oldQuotas.run(BigInt(nowMs));
    sql.oldClaims.run(BigInt(nowMs - limits.retentionMs));
    return old.length;
  }

  return {
    reserve: (entry) => commit.run(() => reserve(entry)),
    find: async (id) => {
      const row = one(sql.find, id);
      return row && stored(row);
    },
    unsettled: async (limit) =>
      sql.open
        .all(BigInt(limit))
        .map((row) => ({ id: String(row['id']), mints: (JSON.parse(String(row['steps'])) as Steps).mints })),
    takeOver: (id, { from, atMs, to, nowMs }) =>
      commit.run(() => sql.take.run(to, BigInt(nowMs), id, from, BigInt(atMs)).changes === 1n),
    settle: (id, owner, verdict) => commit.run(() => settle(id, owner, verdict)),
    // In the queue, so that what was committed before the question is in the answer.
    claimsDue: (limit) =>
      commit.run(() =>
        sql.due
          .all(BigInt(limit))
          .map((row): ClaimTotal => ({ key: String(row['key']), total: integer(row['total']) })),
      ),
    countDue: (atMost) => commit.run(() => Number(integer(one(sql.countDue, BigInt(atMost))?.['n']))),
    claimsPaid: (paid, { key, was, put: writes }) =>
      commit.run(() => {
        if (one(sql.doc, key)?.['value'] !== was) return false;
        for (const { key: root, total } of paid) sql.paid.run(total, root, total);
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
    swapDoc: (key, was, value) => commit.run(() => swap(key, was, value)),
    sweep: (nowMs, limit) => commit.run(() => sweep(nowMs, limit)),
    close: async () => commit.close(),
  };
}

function statements(db: DatabaseSync) {
  return {
    find: db.prepare('SELECT * FROM reservations WHERE id = ?'),
    holder: db.prepare('SELECT r.* FROM spends s JOIN reservations r ON r.id = s.reservation WHERE s.key = ?'),
    open: db.prepare('SELECT id, steps FROM reservations WHERE state <> 1 LIMIT ?'),
    insert: db.prepare('INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    spend: db.prepare('INSERT INTO spends VALUES (?, ?)'),
    unspend: db.prepare('DELETE FROM spends WHERE key = ?'),
    remove: db.prepare('DELETE FROM reservations WHERE id = ?'),
    setState: db.prepare('UPDATE reservations SET state = ? WHERE id = ?'),
    take: db.prepare(
      'UPDATE reservations SET owner = ?, at_ms = ?, state = 0 WHERE id = ? AND owner = ? AND at_ms = ? AND state <> 1',
    ),
    tally: db.prepare('SELECT total FROM tallies WHERE key = ?'),
    setTally: db.prepare('INSERT INTO tallies VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET total = excluded.total'),
    claim: db.prepare('SELECT total FROM claims WHERE key = ?'),
    setClaim: db.prepare(
      `INSERT INTO claims(key, total, paid, until_ms) VALUES (?, ?, 0, ?)
       ON CONFLICT(key) DO UPDATE SET total = excluded.total, until_ms = max(until_ms, excluded.until_ms)`,
    ),
    due: db.prepare('SELECT key, total FROM claims WHERE total > paid ORDER BY seq LIMIT ?'),
    countDue: db.prepare('SELECT count(*) AS n FROM (SELECT 1 FROM claims WHERE total > paid LIMIT ?)'),
    paid: db.prepare('UPDATE claims SET paid = ? WHERE key = ? AND paid < ?'),
    lease: db.prepare('SELECT next FROM leases WHERE name = ?'),
    setLease: db.prepare('INSERT INTO leases VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET next = excluded.next'),
    quota: db.prepare(
      `INSERT INTO quotas VALUES (?1, 1, ?2) ON CONFLICT(key) DO UPDATE SET used = used + 1, until_ms = excluded.until_ms
       WHERE used < ?3`,
    ),
    doc: db.prepare('SELECT value FROM docs WHERE key = ?'),
    docs: db.prepare('SELECT key, value FROM docs WHERE substr(key, 1, ?2) = ?1 ORDER BY key'),
    setDoc: db.prepare('INSERT INTO docs VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value'),
    dropDoc: db.prepare('DELETE FROM docs WHERE key = ?'),
    old: db.prepare('SELECT id, steps FROM reservations WHERE until_ms < ? LIMIT ?'),
    oldQuotas: db.prepare('DELETE FROM quotas WHERE until_ms < ?'),
    oldClaims: db.prepare('DELETE FROM claims WHERE until_ms < ?'),
  };
}

type Row = Record<string, unknown>;

const one = (statement: StatementSync, ...values: (string | bigint)[]): Row | undefined => statement.get(...values);

function integer(value: unknown): bigint {
  if (typeof value !== 'bigint') throw new Error('the store holds a value that is not an integer');
  return value;
}

const stored = (row: Row): Stored => ({
  id: String(row['id']),
  credential: String(row['credential']),
  target: String(row['target']),
  owner: String(row['owner']),
  atMs: Number(row['at_ms']),
  outcome: String(row['outcome']),
  state: STATES[Number(row['state'])] ?? 'reserved',
});
