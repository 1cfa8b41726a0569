// The store on SQLite: one file for all processes of a site on one machine. Every write goes through group commit, so
// that concurrent requests share one fsync, and resolves only when it is on disk.
import type { StatementSync } from 'node:sqlite';
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
import { migrations, statements } from './schema.ts';

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
