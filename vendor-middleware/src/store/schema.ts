// The tables of the SQLite store, as they came to be, and every statement that is run on them.
import type { DatabaseSync } from 'node:sqlite';

export const migrations = [
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
  // Sessions: a row each, deeds for the broker, evidence with claims, and claims by their kind.
  `CREATE TABLE sessions(
     key TEXT PRIMARY KEY, row TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX sessions_until ON sessions(until_ms);
   CREATE TABLE deeds(
     key TEXT PRIMARY KEY, deed TEXT NOT NULL, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE INDEX deeds_until ON deeds(until_ms);
   ALTER TABLE claims ADD COLUMN evidence TEXT;
   ALTER TABLE tallies ADD COLUMN until_ms INTEGER;
   CREATE INDEX tallies_until ON tallies(until_ms) WHERE until_ms IS NOT NULL;
   DROP INDEX claims_due;
   CREATE INDEX claims_due ON claims(substr(key, 1, instr(key, ':')), seq) WHERE total > paid;`,
];

export function statements(db: DatabaseSync) {
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
    setTally: db.prepare(
      `INSERT INTO tallies(key, total, until_ms) VALUES (?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET total = excluded.total, until_ms = coalesce(excluded.until_ms, until_ms)`,
    ),
    claim: db.prepare('SELECT total, until_ms, evidence FROM claims WHERE key = ?'),
    setClaim: db.prepare(
      `INSERT INTO claims(key, total, paid, until_ms, evidence) VALUES (?, ?, 0, ?, ?)
       ON CONFLICT(key) DO UPDATE
       SET total = excluded.total, until_ms = excluded.until_ms, evidence = excluded.evidence`,
    ),
    session: db.prepare('SELECT row FROM sessions WHERE key = ?'),
    setSession: db.prepare(
      `INSERT INTO sessions VALUES (?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET row = excluded.row, until_ms = excluded.until_ms`,
    ),
    putSession: db.prepare('UPDATE sessions SET row = ? WHERE key = ?'),
    setDeed: db.prepare(
      `INSERT INTO deeds VALUES (?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET deed = excluded.deed, until_ms = excluded.until_ms`,
    ),
    due: db.prepare(
      `SELECT c.key, c.total, c.evidence, d.deed FROM claims c LEFT JOIN deeds d ON d.key = c.key
       WHERE c.total > c.paid AND substr(c.key, 1, instr(c.key, ':')) = ? ORDER BY c.seq LIMIT ?`,
    ),
    countDue: db.prepare('SELECT count(*) AS n FROM (SELECT 1 FROM claims WHERE total > paid LIMIT ?)'),
    countKind: db.prepare(
      `SELECT count(*) AS n FROM
       (SELECT 1 FROM claims WHERE total > paid AND substr(key, 1, instr(key, ':')) = ? LIMIT ?)`,
    ),
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
    oldSessions: db.prepare('DELETE FROM sessions WHERE until_ms < ?'),
    oldDeeds: db.prepare('DELETE FROM deeds WHERE until_ms < ?'),
    oldTallies: db.prepare('DELETE FROM tallies WHERE until_ms < ?'),
  };
}
