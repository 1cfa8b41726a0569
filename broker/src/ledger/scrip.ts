// Licences, the pieces sold under them, and the broker scrip that was spent.

import { type Currency, isCurrency } from '@farthing/protocol';
import { type Licence, licenceSchema, type scrip } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { account, type Posting } from './journal.ts';
import { blob, int, num, type Row, text, textOrNull } from './rows.ts';

export type LicenceRow = scrip.LicenceRow;
export type RootRow = scrip.RootRow;
export type ScripBook = ReturnType<typeof openScrip>;

export function openScrip(db: Books) {
  const addLicence = db.prepare(
    `INSERT INTO licence (vnd, kid, doc, scrip_secret, customer_secret, cur, first, last, ceiling, exp_ms, next, sold)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const getLicence = db.prepare('SELECT * FROM licence WHERE vnd = ? AND kid = ?');
  const ofVendor = db.prepare('SELECT * FROM licence WHERE vnd = ? ORDER BY kid');
  const live = db.prepare(
    `SELECT doc, scrip_secret, customer_secret, next, sold FROM licence
     WHERE vnd = ? AND cur = ? AND exp_ms > ? ORDER BY exp_ms, kid`,
    { rows: ['licence WHERE vnd = ?1 AND cur = ?2'] },
  );
  const setLicence = db.prepare('UPDATE licence SET next = ?, sold = ? WHERE vnd = ? AND kid = ?');
  const addRoot = db.prepare(
    `INSERT INTO root (vnd, root, face, cur, fee_bps, expires_ms, buyer, credited, refunded, claimable, closed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const getRoot = db.prepare('SELECT * FROM root WHERE vnd = ? AND root = ?');
  const setRoot = db.prepare(
    'UPDATE root SET credited = ?, refunded = ?, claimable = ?, closed = ? WHERE vnd = ? AND root = ?',
  );
  const expired = db.prepare(
    'SELECT * FROM root WHERE credited + refunded < face AND expires_ms < ? ORDER BY expires_ms LIMIT ?',
    { asOf: 'start' },
  );
  const addSpent = db.prepare('INSERT INTO spent (id, from_key, rid, change_id) VALUES (?, ?, ?, ?)');
  const getSpent = db.prepare('SELECT 1 FROM spent WHERE id = ?');

  return {
    addLicence({ licence, secrets, next, sold }: LicenceRow): void {
      const { vnd, kid, cur, first, last, ceiling, exp } = licence;
      const doc = JSON.stringify(licence);
      const { scrip: a, customer: b } = secrets;
      addLicence.run(vnd, kid, doc, a, b, cur, first, last, BigInt(ceiling), exp * 1000, next, sold);
    },
    licence(vnd: string, kid: string): LicenceRow | undefined {
      const row = getLicence.get(vnd, kid);
      return row && licenceOf(row);
    },
    licences: (vnd: string): LicenceRow[] => ofVendor.all(vnd).map(licenceOf),
    /** Not expired, those that expire first first. */
    liveLicences: (vnd: string, cur: Currency, nowMs: number): LicenceRow[] => live.all(vnd, cur, nowMs).map(licenceOf),
    setLicence({ licence, next, sold }: LicenceRow): void {
      setLicence.run(next, sold, licence.vnd, licence.kid);
    },
    addRoot(root: RootRow): void {
      const { vnd, face, cur, feeBps, expiresAtMs, buyer = null, credited, refunded, claimable } = root;
      const closed = root.closed ? 1 : 0;
      addRoot.run(vnd, root.root, face, cur, feeBps, expiresAtMs, buyer, credited, refunded, claimable, closed);
    },
    root(vnd: string, root: string): RootRow | undefined {
      const row = getRoot.get(vnd, root);
      return row && rootOf(row);
    },
    setRoot({ vnd, root, credited, refunded, claimable, closed }: RootRow): void {
      setRoot.run(credited, refunded, claimable, closed ? 1 : 0, vnd, root);
    },
    /** Pieces with something left that expired before a moment; read each again by its name. */
    expired: (beforeMs: number, most: number): RootRow[] => expired.all(beforeMs, most).map(rootOf),
    isSpent: (id: string): boolean => getSpent.get(id) !== undefined,
    addSpent(spent: { id: string; from: string; rid: string; changeId: string | undefined }): void {
      addSpent.run(spent.id, spent.from, spent.rid, spent.changeId ?? null);
    },
  };
}

/** A posting on the float of one piece. */
export const onFloat = ({ vnd, root, cur }: RootRow, amount: bigint): Posting => ({
  account: account.scrip,
  sub: `${vnd}/${root}`,
  cur,
  amount,
});

const licenceOf = (row: Row): LicenceRow => ({
  licence: readLicence(text(row, 'doc')),
  secrets: { scrip: blob(row, 'scrip_secret'), customer: blob(row, 'customer_secret') },
  next: num(row, 'next'),
  sold: int(row, 'sold'),
});

/** Every sale reads a licence or two, of which there are few: the newest that were read. */
const licences = new Map<string, Licence>();
const KEPT = 1000;

function readLicence(doc: string): Licence {
  const known = licences.get(doc);
  if (known) return known;
  const licence = v.parse(licenceSchema, JSON.parse(doc));
  for (const oldest of licences.keys()) {
    if (licences.size < KEPT) break;
    licences.delete(oldest);
  }
  licences.set(doc, licence);
  return licence;
}

const rootOf = (row: Row): RootRow => ({
  root: text(row, 'root'),
  vnd: text(row, 'vnd'),
  face: int(row, 'face'),
  cur: currencyOf(row),
  feeBps: num(row, 'fee_bps'),
  expiresAtMs: num(row, 'expires_ms'),
  buyer: textOrNull(row, 'buyer'),
  credited: int(row, 'credited'),
  refunded: int(row, 'refunded'),
  claimable: int(row, 'claimable'),
  closed: int(row, 'closed') === 1n,
});

export function currencyOf(row: Row): Currency {
  const cur = text(row, 'cur');
  if (!isCurrency(cur)) throw new Error(`an unknown currency ${cur}`);
  return cur;
}
