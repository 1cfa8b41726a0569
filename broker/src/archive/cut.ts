// Where a period ends in the books, and what of it is still needed where it is.
import type { DatabaseSync } from 'node:sqlite';
import type { Cut } from '../audit/audit.ts';

/** What keeps a part of the books where it is: nothing from this entry or order on is archived. */
export type Held = { readonly why: string; readonly seq?: number; readonly order?: number };

const one = (db: DatabaseSync, sql: string, ...values: (number | bigint)[]): number | undefined => {
  const value = db.prepare(sql).get(...values)?.['value'];
  return typeof value === 'bigint' ? Number(value) : undefined;
};

/** What is archived already. */
export function openedAt(db: DatabaseSync): Cut & { readonly n: number; readonly untilMs: number } {
  const row = db.prepare('SELECT * FROM opening ORDER BY n DESC LIMIT 1').get() ?? {};
  const cell = (name: string) => Number(row[name] ?? 0n);
  return { n: cell('n'), seq: cell('seq'), orders: cell('after_n'), untilMs: cell('until_ms') };
}

const FIRST_ANSWERED = "SELECT n AS value FROM stored_order WHERE (answer ->> '$.at') * 1000 >= ? ORDER BY n LIMIT 1";
/** Orders and their entries are written one after the other: those next to a cut say whether it goes between the two of one. */
const ASKED = `SELECT j.seq, o.n FROM journal j CROSS JOIN stored_order o ON o.from_key = j.from_key AND o.rid = j.rid`;
const LAST_ASKED = `${ASKED} WHERE j.seq <= ? ORDER BY j.seq DESC LIMIT 1`;
const NEXT_ASKED = `${ASKED} WHERE j.seq > ? ORDER BY j.seq LIMIT 1`;

/** The last entry and order before a moment, such that no order is on one side and its entry on the other. */
export function cutBefore(db: DatabaseSync, beforeMs: number): Cut {
  const { seq: seq0, orders: orders0 } = openedAt(db);
  // What comes next counts on from the last of each: they stay.
  const lastSeq = one(db, 'SELECT max(seq) AS value FROM journal') ?? seq0 + 1;
  const lastOrder = one(db, 'SELECT max(n) AS value FROM stored_order') ?? orders0 + 1;
  const newSeq = one(db, 'SELECT seq AS value FROM journal WHERE at_ms >= ? ORDER BY seq LIMIT 1', beforeMs) ?? lastSeq;
  const newOrder = one(db, FIRST_ANSWERED, beforeMs) ?? lastOrder;
  let cut: Cut = { seq: Math.min(newSeq, lastSeq) - 1, orders: Math.min(newOrder, lastOrder) - 1 };
  for (let isSplit = true; isSplit; ) {
    const [last, next] = [db.prepare(LAST_ASKED).get(cut.seq), db.prepare(NEXT_ASKED).get(cut.seq)];
    const isLate = last !== undefined && Number(last['n']) > cut.orders;
    const isEarly = next !== undefined && Number(next['n']) <= cut.orders;
    isSplit = isLate || isEarly;
    cut = {
      seq: isLate ? Number(last['seq']) - 1 : cut.seq,
      orders: isEarly ? Number(next['n']) - 1 : cut.orders,
    };
  }
  return { seq: Math.max(cut.seq, seq0), orders: Math.max(cut.orders, orders0) };
}

/** An invoice is paid by what came in after it: those lines stay until it is. */
const UNPAID = `SELECT min(i.seq) AS value FROM invoice i JOIN balance b ON b.account = i.account AND b.cur = i.cur
  WHERE b.amount < 0 AND i.seq >= ? AND i.owed > (SELECT coalesce(sum(p.amount), 0) FROM posting p
    WHERE p.account = i.account AND p.cur = i.cur AND p.seq > i.seq AND p.amount > 0
      AND p.account > 'user:' AND p.account < 'user;')`;

/** The first invoice of an account begins with the first line that it was billed. */
const UNBILLED = `SELECT min(j.seq) AS value FROM deal d JOIN posting p ON p.account = d.source AND p.cur = d.cur
    AND p.account <> 'float:scrip'
  JOIN journal j ON j.seq = p.seq AND j.kind = 'payword-redeem'
  WHERE d.funding = 'credit' AND d.invoiced < d.credited
    AND NOT EXISTS (SELECT 1 FROM invoice i WHERE i.account = d.source AND i.cur = d.cur)`;

/** An order that waits for another broker is finished with its own text. */
const WAITING = `SELECT min(o.n) AS value FROM peer_order p JOIN stored_order o ON o.from_key = p.from_key AND o.rid = p.order_rid
  WHERE p.answer IS NULL`;

/** What may still be asked of the books that only the lines and orders themselves can answer. */
export function heldIn(db: DatabaseSync): Held[] {
  const { seq: opened } = openedAt(db);
  const [unpaid, unbilled, waiting] = [one(db, UNPAID, opened), one(db, UNBILLED), one(db, WAITING)];
  return [
    ...(unpaid === undefined ? [] : [{ why: 'an invoice that is not paid', seq: unpaid + 1 }]),
    ...(unbilled === undefined
      ? []
      : [{ why: 'what was billed to an account that has no invoice yet', seq: unbilled }]),
    ...(waiting === undefined ? [] : [{ why: 'an order that another broker has not answered', order: waiting }]),
  ];
}

/** What keeps a cut from being made, if anything does. */
export const holding = (held: readonly Held[], { seq, orders }: Cut): Held | undefined =>
  held.find((one) => (one.seq !== undefined && one.seq <= seq) || (one.order !== undefined && one.order <= orders));
