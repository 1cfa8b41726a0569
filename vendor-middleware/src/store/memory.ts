// The store in memory: for tests, demos, and sites that accept to lose what was not yet claimed at a restart.
import { limits } from '@farthing/protocol';
import type { ClaimTotal, Reservation, Reserved, Stored, VendorStore } from './port.ts';

type Row = Omit<Reservation, 'state'> & { state: Stored['state'] };
type Claim = { total: bigint; paid: bigint; untilMs: number };

/** Everything is forgotten when the process ends; unclaimed money then returns to its buyers. */
export function memory(): VendorStore {
  const rows = new Map<string, Row>();
  const spends = new Map<string, string>();
  const tallies = new Map<string, bigint>();
  const claims = new Map<string, Claim>();
  const leases = new Map<string, bigint>();
  const quotas = new Map<string, { used: number; untilMs: number }>();
  const docs = new Map<string, string>();

  const swap = (key: string, was: string | undefined, value: string | undefined): boolean => {
    if (docs.get(key) !== was) return false;
    put(key, value);
    return true;
  };
  const put = (key: string, value: string | undefined) => {
    if (value === undefined) docs.delete(key);
    else docs.set(key, value);
  };
  const book = ({ claims: steps }: Pick<Row, 'claims'>) => {
    for (const { key, add, untilMs } of steps) {
      const now = claims.get(key) ?? { total: 0n, paid: 0n, untilMs };
      claims.set(key, { ...now, total: now.total + add, untilMs: Math.max(now.untilMs, untilMs) });
    }
  };
  const due = (): ClaimTotal[] =>
    [...claims].filter(([, { total, paid }]) => total > paid).map(([key, { total }]) => ({ key, total }));

  function reserve(entry: Reservation): Reserved {
    const known = rows.get(entry.id);
    if (known) return { kind: 'known', stored: view(known) };
    for (const { key, code } of entry.spends) {
      const holder = rows.get(spends.get(key) ?? '');
      if (holder) return { kind: 'held', code, by: view(holder) };
    }
    for (const { key, add, limit, code } of entry.tallies) {
      if ((tallies.get(key) ?? 0n) + add > limit) return { kind: 'over', code };
    }
    for (const { key, add } of entry.tallies) tallies.set(key, (tallies.get(key) ?? 0n) + add);
    for (const { key } of entry.spends) spends.set(key, entry.id);
    rows.set(entry.id, { ...entry });
    if (entry.state === 'committed') book(entry);
    return { kind: 'won' };
  }

  function settle(id: string, owner: string, verdict: 'commit' | 'release' | 'loose'): boolean {
    const row = rows.get(id);
    if (!row || row.state === 'committed' || (verdict !== 'commit' && row.owner !== owner)) return false;
    if (verdict === 'loose') row.state = 'loose';
    if (verdict === 'commit') {
      row.state = 'committed';
      book(row);
    }
    if (verdict === 'release') {
      rows.delete(id);
      for (const { key } of row.spends) spends.delete(key);
      for (const { key, add } of row.tallies) tallies.set(key, (tallies.get(key) ?? 0n) - add);
    }
    return true;
  }

  function sweep(nowMs: number, limit: number): number {
    let swept = 0;
    for (const [id, row] of rows) {
      if (swept >= limit) break;
      if (row.untilMs + limits.clockSkewMs + limits.retentionMs >= nowMs) continue;
      rows.delete(id);
      for (const { key } of row.spends) spends.delete(key);
      swept++;
    }
    for (const [key, { untilMs }] of quotas) if (untilMs < nowMs) quotas.delete(key);
    for (const [key, claim] of claims) if (claim.untilMs + limits.retentionMs < nowMs) claims.delete(key);
    return swept;
  }

  return {
    reserve: async (entry) => reserve(entry),
    find: async (id) => {
      const row = rows.get(id);
      return row && view(row);
    },
    unsettled: async (limit) =>
      [...rows.values()]
        .filter(({ state }) => state !== 'committed')
        .slice(0, limit)
        .map(({ id, mints }) => ({ id, mints })),
    takeOver: async (id, { from, atMs, to, nowMs }) => {
      const row = rows.get(id);
      if (!row || row.state === 'committed' || row.owner !== from || row.atMs !== atMs) return false;
      rows.set(id, { ...row, owner: to, atMs: nowMs, state: 'reserved' });
      return true;
    },
    settle: async (id, owner, verdict) => settle(id, owner, verdict),
    claimsDue: async (limit) => due().slice(0, limit),
    countDue: async (atMost) => Math.min(due().length, atMost),
    claimsPaid: async (paid, { key, was, put: writes }) => {
      if (docs.get(key) !== was) return false;
      for (const { key: root, total } of paid) {
        const claim = claims.get(root);
        if (claim && total > claim.paid) claims.set(root, { ...claim, paid: total });
      }
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

const view = ({ id, credential, target, owner, atMs, outcome, state }: Row): Stored => ({
  id,
  credential,
  target,
  owner,
  atMs,
  outcome,
  state,
});
