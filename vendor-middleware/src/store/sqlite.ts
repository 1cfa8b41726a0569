// The store on SQLite: one file for all processes of a site on one machine. Every write goes through group commit, so
// that concurrent requests share one fsync, and resolves only when it is on disk.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GroupCommit, openDatabase } from '@farthing/node-kit';
import {
  addClaim,
  type ClaimStep,
  type Evidence,
  type Json,
  limits,
  type ProblemCode,
  type Tally,
} from '@farthing/protocol';
import type { ClaimDue, Reservation, Reserved, SessionWritten, Stored, Undo, VendorStore } from './port.ts';

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

const STATES = ['reserved', 'committed', 'loose'] as const;

/** What a verdict needs to know of a reservation, as JSON in its row. Amounts are decimal text. */
type Steps = {
  mints: string[];
  spends: string[];
  tallies: { key: string; add: string }[];
  claims: { key: string; add: string; untilMs: number; evidence?: Evidence }[];
  session?: { key: string; undo: Json };
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
    const { session } = entry;
    const written = session && { key: session.key, ...session.step(read(session.key)) };
    const code = tally([...entry.tallies, ...(written?.deeds ?? []).flatMap(({ tallies }) => tallies)]);
    if (code) return { kind: 'over', code };
    for (const { key } of entry.spends) sql.spend.run(key, entry.id);
    if (written) keep(written);
    insert(entry, written);
    if (entry.state === 'committed') book((written ?? entry).claims);
    return written ? { kind: 'won', written } : { kind: 'won' };
  }

  function insert(entry: Reservation, written: (SessionWritten & { key: string }) | undefined): void {
    const { id, credential, target, owner, atMs, state, mints, spends, tallies } = entry;
    const { claims, untilMs, outcome } = written ?? entry;
    const steps: Steps = {
      mints: [...mints],
      spends: spends.map(({ key }) => key),
      tallies: tallies.map(({ key, add }) => ({ key, add: add.toString() })),
      claims: claims.map((step) => ({ ...step, add: step.add.toString() })),
      ...(written ? { session: { key: written.key, undo: written.undo } } : {}),
    };
    const number = state === 'committed' ? 1n : 0n;
    const text = JSON.stringify(steps);
    sql.insert.run(id, credential, target, owner, BigInt(atMs), BigInt(untilMs), number, outcome, text);
  }

  const read = (key: string): Json | undefined => {
    const text = one(sql.session, key)?.['row'];
    return text === undefined ? undefined : JSON.parse(String(text));
  };

  function keep({ key, next, untilMs, deeds }: SessionWritten & { key: string }): void {
    sql.setSession.run(key, JSON.stringify(next), BigInt(untilMs));
    for (const made of deeds) sql.setDeed.run(made.key, JSON.stringify(made.deed), BigInt(made.untilMs));
  }

  /** Checks every tally before it writes one: `reserve` writes all or nothing. Sums are made here, where none can overflow. */
  function tally(tallies: readonly Tally[]): ProblemCode | undefined {
    const sums = tallies.map(({ key, add, limit, code, untilMs }) => {
      const sum = integer(one(sql.tally, key)?.['total'] ?? 0n) + add;
      return { key, sum, code, over: sum > limit, until: untilMs === undefined ? null : BigInt(untilMs) };
    });
    const over = sums.find((sum) => sum.over);
    if (!over) for (const { key, sum, until } of sums) sql.setTally.run(key, sum, until);
    return over?.code;
  }

  function book(steps: readonly ClaimStep[]): void {
    for (const step of steps) {
      const row = one(sql.claim, step.key);
      const known = row && {
        total: integer(row['total']),
        untilMs: Number(row['until_ms']),
        ...evidenceIn(row),
      };
      const { total, untilMs, evidence } = addClaim(known, step);
      sql.setClaim.run(step.key, total, BigInt(untilMs), evidence ? JSON.stringify(evidence) : null);
    }
  }

  function settle(id: string, owner: string, verdict: 'commit' | 'release' | 'loose', undo?: Undo): boolean {
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
        sql.setTally.run(key, integer(one(sql.tally, key)?.['total'] ?? 0n) - BigInt(add), null);
      }
      const seen = steps.session && read(steps.session.key);
      if (steps.session && seen !== undefined && undo) {
        sql.putSession.run(JSON.stringify(undo(seen, steps.session.undo)), steps.session.key);
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
    for (const old of [sql.oldClaims, sql.oldSessions, sql.oldDeeds, sql.oldTallies]) {
      old.run(BigInt(nowMs - limits.retentionMs));
    }
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
    settle: (id, owner, verdict, undo) => commit.run(() => settle(id, owner, verdict, undo)),
    readSession: async (key) => read(key),
    changeSession: (key, change) =>
      commit.run(() => {
        const row = read(key);
        if (row === undefined) return undefined;
        const made = change(row);
        sql.setSession.run(key, JSON.stringify(made.next), BigInt(made.untilMs));
        book(made.claims);
        return made;
      }),
    // In the queue, so that what was committed before the question is in the answer.
    claimsDue: (limit, kind = '') => commit.run(() => sql.due.all(kind, BigInt(limit)).map(due)),
    countDue: (atMost, kind) =>
      commit.run(() => {
        const most = BigInt(atMost);
        const row = kind === undefined ? one(sql.countDue, most) : one(sql.countKind, kind, most);
        return Number(integer(row?.['n']));
      }),
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

type Row = Record<string, unknown>;

const one = (statement: StatementSync, ...values: (string | bigint)[]): Row | undefined => statement.get(...values);

function integer(value: unknown): bigint {
  if (typeof value !== 'bigint') throw new Error('the store holds a value that is not an integer');
  return value;
}

function evidenceIn(row: Row): { evidence?: Evidence } {
  const text = row['evidence'];
  return typeof text === 'string' ? { evidence: JSON.parse(text) } : {};
}

const due = (row: Row): ClaimDue => ({
  key: String(row['key']),
  total: integer(row['total']),
  ...evidenceIn(row),
  ...(typeof row['deed'] === 'string' ? { deed: JSON.parse(row['deed']) } : {}),
});

const stored = (row: Row): Stored => ({
  id: String(row['id']),
  credential: String(row['credential']),
  target: String(row['target']),
  owner: String(row['owner']),
  atMs: Number(row['at_ms']),
  outcome: String(row['outcome']),
  state: STATES[Number(row['state'])] ?? 'reserved',
});
