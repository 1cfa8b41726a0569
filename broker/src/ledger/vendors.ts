// Sites that this broker vouches for, their batches of claims, and what was wrong with them.
import type { Books } from '../books/port.ts';
import { num, type Row, text } from './rows.ts';

export type VendorRow = {
  readonly vnd: string;
  readonly pk: string;
  readonly name: string;
  readonly origins: readonly string[];
  /** Seconds since 1970, as in the signed record. */
  readonly at: number;
};
export type BatchRow = {
  readonly hash: string;
  readonly vnd: string;
  readonly n: number;
  readonly prev: string;
  readonly from: string;
  readonly rid: string;
  readonly credited: bigint;
  readonly fee: bigint;
};
export type AlarmRow = { readonly n: number; readonly root: string; readonly cum: bigint; readonly why: string };

export type Vendors = ReturnType<typeof openVendors>;

export function openVendors(db: Books) {
  const get = db.prepare('SELECT * FROM vendor WHERE vnd = ?');
  const has = db.prepare('SELECT 1 FROM vendor WHERE vnd = ?');
  const all = db.prepare('SELECT * FROM vendor ORDER BY vnd');
  const put = db.prepare(
    `INSERT INTO vendor (vnd, pk, name, origins, at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (vnd) DO UPDATE SET name = excluded.name, origins = excluded.origins, at = excluded.at`,
  );
  const lastBatch = db.prepare('SELECT n, hash FROM batch WHERE vnd = ? ORDER BY n DESC LIMIT 1');
  const addBatch = db.prepare(
    'INSERT INTO batch (hash, vnd, n, prev, from_key, rid, credited, fee) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const addAlarm = db.prepare('INSERT INTO alarm (batch, n, vnd, root, cum, why) VALUES (?, ?, ?, ?, ?, ?)');

  return {
    get(vnd: string): VendorRow | undefined {
      const row = get.get(vnd);
      return row && vendorOf(row);
    },
    has: (vnd: string): boolean => has.get(vnd) !== undefined,
    all: (): VendorRow[] => all.all().map(vendorOf),
    /** Registers a name, or changes what is shown of it; its key never changes. */
    put({ vnd, pk, name, origins, at }: VendorRow): void {
      put.run(vnd, pk, name, JSON.stringify(origins), at);
    },
    lastBatch(vnd: string): { n: number; hash: string } {
      const row = lastBatch.get(vnd);
      return row ? { n: num(row, 'n'), hash: text(row, 'hash') } : { n: 0, hash: '' };
    },
    addBatch(batch: BatchRow, alarms: readonly AlarmRow[]): void {
      const { hash, vnd } = batch;
      addBatch.run(hash, vnd, batch.n, batch.prev, batch.from, batch.rid, batch.credited, batch.fee);
      for (const { n, root, cum, why } of alarms) addAlarm.run(hash, n, vnd, root, cum, why);
    },
  };
}

export const vendorOf = (row: Row): VendorRow => ({
  vnd: text(row, 'vnd'),
  pk: text(row, 'pk'),
  name: text(row, 'name'),
  origins: JSON.parse(text(row, 'origins')) as string[],
  at: num(row, 'at'),
});
