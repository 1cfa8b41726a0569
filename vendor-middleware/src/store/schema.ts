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
  // The log: payments as lines of text in batches, found by their packed keys; the other tables are folded from it.
  `CREATE TABLE log(seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
   CREATE TABLE payments(seq INTEGER PRIMARY KEY, lines TEXT NOT NULL) STRICT;
   CREATE TABLE folds(seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT;
   CREATE TABLE segments(
     first INTEGER PRIMARY KEY, last INTEGER NOT NULL, due_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,
     keys BLOB NOT NULL) STRICT;
   CREATE INDEX segments_due ON segments(due_ms);
   CREATE TABLE open(
     id TEXT PRIMARY KEY, seq INTEGER NOT NULL, owner TEXT NOT NULL, at_ms INTEGER NOT NULL,
     state INTEGER NOT NULL CHECK (state IN (0, 2))) STRICT, WITHOUT ROWID;
   CREATE TABLE seeds(seed TEXT NOT NULL) STRICT;
   INSERT INTO seeds VALUES (hex(randomblob(16)));
   INSERT INTO payments
     SELECT 1 + n / 64, group_concat(line, char(10))
     FROM (SELECT
       row_number() OVER (ORDER BY until_ms) - 1 AS n,
       json_array(id, credential, target, owner, at_ms, until_ms, state, outcome, json(steps)) AS line
       FROM reservations)
     GROUP BY n / 64;
   INSERT INTO log SELECT seq, '{}' FROM payments;
   DROP TABLE spends;
   DROP TABLE reservations;`,
];

export type Statements = ReturnType<typeof statements>;

export function statements(db: DatabaseSync) {
  return {
    seed: db.prepare('SELECT seed FROM seeds'),
    since: db.prepare('SELECT seq, body, lines FROM log LEFT JOIN payments USING (seq) WHERE seq > ? ORDER BY seq'),
    append: db.prepare('INSERT INTO log VALUES (?, ?)'),
    payments: db.prepare('SELECT lines FROM payments WHERE seq = ?'),
    addPayments: db.prepare('INSERT INTO payments VALUES (?, ?)'),
    setPayments: db.prepare('UPDATE payments SET lines = ? WHERE seq = ?'),
    between: db.prepare('SELECT seq, lines FROM payments WHERE seq BETWEEN ? AND ?'),
    dropPayments: db.prepare('DELETE FROM payments WHERE seq BETWEEN ? AND ?'),
    folded: db.prepare('SELECT max(seq) AS seq FROM folds'),
    foldUntil: db.prepare('SELECT max(seq) AS seq FROM folds WHERE at_ms <= ?'),
    addFold: db.prepare('INSERT OR REPLACE INTO folds VALUES (?, ?)'),
    oldFolds: db.prepare('DELETE FROM folds WHERE seq < ?'),
    oldLog: db.prepare('DELETE FROM log WHERE seq < ?'),
    segments: db.prepare('SELECT first, last, due_ms, keys FROM segments ORDER BY first'),
    keyBytes: db.prepare('SELECT sum(bytes) AS bytes FROM segments'),
    addSegment: db.prepare('INSERT INTO segments VALUES (?1, ?2, ?3, length(?4), ?4)'),
    dropSegment: db.prepare('DELETE FROM segments WHERE first = ?'),
    dueSegments: db.prepare('SELECT first, last FROM segments WHERE due_ms < ? ORDER BY due_ms'),
    open: db.prepare('SELECT * FROM open ORDER BY seq'),
    setOpen: db.prepare('INSERT OR REPLACE INTO open VALUES (?, ?, ?, ?, ?)'),
    dropOpen: db.prepare('DELETE FROM open WHERE id = ?'),
    tally: db.prepare('SELECT total, until_ms FROM tallies WHERE key = ?'),
    setTally: db.prepare(
      `INSERT INTO tallies(key, total, until_ms) VALUES (?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET total = excluded.total, until_ms = excluded.until_ms`,
    ),
    claim: db.prepare('SELECT total, until_ms, evidence FROM claims WHERE key = ?'),
    setClaim: db.prepare(
      `INSERT INTO claims(key, total, paid, until_ms, evidence) VALUES (?, ?, 0, ?, ?)
       ON CONFLICT(key) DO UPDATE
       SET total = excluded.total, until_ms = excluded.until_ms, evidence = coalesce(excluded.evidence, evidence)`,
    ),
    setEvidence: db.prepare(
      `INSERT INTO claims(key, total, paid, until_ms, evidence) VALUES (?, 0, 0, ?, ?)
       ON CONFLICT(key) DO UPDATE SET until_ms = excluded.until_ms, evidence = excluded.evidence WHERE total = 0`,
    ),
    dropEvidence: db.prepare('DELETE FROM claims WHERE key = ? AND total = 0'),
    session: db.prepare('SELECT row, until_ms FROM sessions WHERE key = ?'),
    setSession: db.prepare(
      `INSERT INTO sessions VALUES (?, ?, ?)
       ON CONFLICT(key) DO UPDATE SET row = excluded.row, until_ms = excluded.until_ms`,
    ),
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
    paidOver: db.prepare('UPDATE claims SET evidence = NULL WHERE key = ? AND total = paid'),
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
    oldQuotas: db.prepare('DELETE FROM quotas WHERE until_ms < ?'),
    oldClaims: db.prepare('DELETE FROM claims WHERE until_ms < ?'),
    oldSessions: db.prepare('DELETE FROM sessions WHERE until_ms < ?'),
    oldDeeds: db.prepare('DELETE FROM deeds WHERE until_ms < ?'),
    oldTallies: db.prepare('DELETE FROM tallies WHERE until_ms < ?'),
  };
}
