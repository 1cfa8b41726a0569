// The store in memory: for tests, demos, and sites that accept to lose what was not yet claimed at a restart.
import { type Deed, type Json, limits, type Tally } from '@farthing/protocol';
import { MemoryClaims } from './memory-claims.ts';
import { holding } from './payments.ts';
import type { ClaimDue, Reservation, Reserved, Stored, Undo, VendorStore } from './port.ts';

/** Without a verdict. */
type Open = Omit<Reservation, 'state' | 'session'> & {
  state: Exclude<Stored['state'], 'committed'>;
  session?: { key: string; undo: Json };
};
type SessionRow = { readonly row: Json; readonly untilMs: number };

/** Everything is forgotten when the process ends; unclaimed money then returns to its buyers. */
export function memory(): VendorStore {
  const opens = new Map<string, Open>();
  const ends = new Map<string, Ended>();
  const spends = new Map<string, string>();
  const tallies = new Map<string, { sum: bigint; untilMs: number }>();
  const claims = new MemoryClaims();
  const leases = new Map<string, bigint>();
  const quotas = new Map<string, { used: number; untilMs: number }>();
  const docs = new Map<string, string>();
  const sessions = new Map<string, SessionRow>();
  const deeds = new Map<string, Deed>();

  const swap = (key: string, was: string | undefined, value: string | undefined): boolean => {
    if (docs.get(key) !== was) return false;
    put(key, value);
    return true;
  };
  const put = (key: string, value: string | undefined) => {
    if (value === undefined) docs.delete(key);
    else docs.set(key, value);
  };
  const due = (limit: number, kind: string): ClaimDue[] =>
    claims.due(limit, kind).map(({ key, claim: { total, evidence } }) => {
      const deed = deeds.get(key)?.deed;
      return { key, total, ...(evidence ? { evidence } : {}), ...(deed ? { deed } : {}) };
    });
  const find = (id: string): Stored | undefined => {
    const open = opens.get(id);
    if (open) return view(open);
    const ended = ends.get(id);
    return ended === undefined ? undefined : readEnded(id, ended);
  };
  const commit = (id: string, row: Settling) => {
    claims.add(row.claims);
    opens.delete(id);
    ends.set(id, printEnded(row));
  };
  const read = (key: string): Json | undefined => sessions.get(key)?.row;
  const write = (key: string, row: Json, untilMs: number) => sessions.set(key, { row, untilMs });
  const sumOf = (key: string) => tallies.get(key)?.sum ?? 0n;
  const over = (list: readonly Tally[]) => list.find(({ key, add, limit }) => sumOf(key) + add > limit);
  const count = (list: readonly Tally[]) => {
    for (const { key, add, untilMs = Number.POSITIVE_INFINITY } of list) {
      const now = tallies.get(key);
      tallies.set(key, { sum: (now?.sum ?? 0n) + add, untilMs: Math.max(now?.untilMs ?? 0, untilMs) });
    }
  };

  function reserve(entry: Reservation): Reserved {
    const known = find(entry.id);
    if (known) return { kind: 'known', stored: known };
    const held = holding(entry.spends, (key) => find(spends.get(key) ?? ''));
    if (held) return held;
    const { session, state, ...plain } = entry;
    const { id } = entry;
    const written = session?.step(read(session.key));
    const all = [...entry.tallies, ...(written?.deeds ?? []).flatMap((deed) => deed.tallies)];
    const full = over(all);
    if (full) return { kind: 'over', code: full.code, key: full.key, sum: sumOf(full.key) };
    count(all);
    for (const { key } of entry.spends) spends.set(key, id);
    let row: Settling = plain;
    if (session && written) {
      const { key } = session;
      const { next, undo, outcome, untilMs, claims: steps } = written;
      write(key, next, untilMs);
      for (const deed of written.deeds) deeds.set(deed.key, deed);
      row = { ...plain, outcome, untilMs, claims: steps, session: { key, undo } };
    }
    if (state === 'committed') commit(id, row);
    else opens.set(id, { ...row, state });
    return written ? { kind: 'won', written } : { kind: 'won' };
  }

  function settle(id: string, owner: string, verdict: 'commit' | 'release' | 'loose', undo?: Undo): boolean {
    const row = opens.get(id);
    if (!row || (verdict !== 'commit' && row.owner !== owner)) return false;
    if (verdict === 'loose') row.state = 'loose';
    if (verdict === 'commit') commit(row.id, row);
    if (verdict === 'release') {
      opens.delete(id);
      for (const { key } of row.spends) spends.delete(key);
      count(row.tallies.map((tally) => ({ ...tally, add: -tally.add })));
      const seen = row.session && sessions.get(row.session.key);
      if (row.session && seen && undo) {
        write(row.session.key, undo(seen.row, row.session.undo), seen.untilMs);
      }
    }
    return true;
  }

  function sweep(nowMs: number, limit: number): number {
    let swept = 0;
    const isOver = (untilMs: number) => untilMs + limits.clockSkewMs + limits.retentionMs < nowMs;
    const forget = (keys: readonly string[]) => {
      for (const key of keys) spends.delete(key);
      swept++;
    };
    for (const [id, { untilMs, spends: own }] of opens) {
      if (swept >= limit) break;
      if (!isOver(untilMs)) continue;
      opens.delete(id);
      forget(own.map(({ key }) => key));
    }
    for (const [id, ended] of ends) {
      if (swept >= limit) break;
      if (!isOver(untilOf(ended))) continue;
      ends.delete(id);
      forget(spentBy(ended));
    }
    for (const [key, { untilMs }] of quotas) if (untilMs < nowMs) quotas.delete(key);
    claims.sweep(nowMs);
    for (const map of [deeds, tallies, sessions]) {
      for (const [key, { untilMs }] of map) if (untilMs + limits.retentionMs < nowMs) map.delete(key);
    }
    return swept;
  }

  return {
    reserve: async (entry) => reserve(entry),
    find: async (id) => find(id),
    unsettled: async (limit) => [...opens.values()].slice(0, limit).map(({ id, mints }) => ({ id, mints })),
    takeOver: async (id, { from, atMs, to, nowMs }) => {
      const row = opens.get(id);
      if (!row || row.owner !== from || row.atMs !== atMs) return false;
      opens.set(id, { ...row, owner: to, atMs: nowMs, state: 'reserved' });
      return true;
    },
    settle: async (id, owner, verdict, undo) => settle(id, owner, verdict, undo),
    readSession: async (key) => read(key),
    changeSession: async (key, change) => {
      const row = read(key);
      if (row === undefined) return undefined;
      const made = change(row);
      write(key, made.next, made.untilMs);
      claims.add(made.claims);
      return made;
    },
    claimsDue: async (limit, kind = '') => due(limit, kind),
    countDue: async (atMost, kind) => Math.min(claims.countDue(kind), atMost),
    claimsPaid: async (paid, { key, was, put: writes }) => {
      if (docs.get(key) !== was) return false;
      claims.pay(paid);
      for (const [name, value] of Object.entries(writes)) put(name, value);
      return true;
    },
    lease: async (name, count) => {
      const first = leases.get(name) ?? 1n;
      leases.set(name, first + count);
      return first;
    },
    take: async (key, limit, untilMs) => {
      const used = (quotas.get(key)?.used ?? 0) + 1;
      if (used > limit) return false;
      quotas.set(key, { used, untilMs });
      return true;
    },
    readDoc: async (key) => docs.get(key),
    listDocs: async (prefix) =>
      [...docs]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, value]) => ({ key, value }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    swapDoc: async (key, was, value) => swap(key, was, value),
    sweep: async (nowMs, limit) => sweep(nowMs, limit),
    close: async () => {},
  };
}

const view = ({ id, credential, target, owner, atMs, outcome, state }: Open): Stored => ({
  id,
  credential,
  target,
  owner,
  atMs,
  outcome,
  state,
});

// A payment that stands, as one text: a site keeps all of them for days, and each object more that the collector has to move or to
// mark holds up every page.
type Ended = string;
type Settling = Omit<Open, 'state'>;
type EndedParts = [untilMs: number, credential: string, target: string, owner: string, atMs: number, outcome: string];

const printEnded = ({ untilMs, credential, target, owner, atMs, outcome, spends }: Settling): Ended => {
  const parts: EndedParts = [untilMs, credential, target, owner, atMs, outcome];
  return JSON.stringify([...parts, ...spends.map(({ key }) => key)]);
};

const untilOf = (ended: Ended): number => Number.parseInt(ended.slice(1), 10);
const spentBy = (ended: Ended): string[] => JSON.parse(ended).slice(6);

function readEnded(id: string, ended: Ended): Stored {
  const [, credential, target, owner, atMs, outcome] = JSON.parse(ended) as EndedParts;
  return { id, credential, target, owner, atMs, outcome, state: 'committed' };
}
