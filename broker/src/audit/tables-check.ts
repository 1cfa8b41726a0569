// Every other table against the model: pieces, licences, sites, batches, alarms, spent broker scrip, codes.
import type { DatabaseSync } from 'node:sqlite';
import { type Crypto, canonicalJson, parseJson, toBase64url, tryDecode, verifyObject } from '@farthing/protocol';
import { customerSecret, isCertified, type Licence, licenceSchema, splitId } from '@farthing/protocol/broker';
import { type Cells, compare, type Findings } from './findings.ts';
import type { Totals } from './journal.ts';
import type { Model } from './model.ts';
import type { Piece, Root } from './scrip-model.ts';
import { asTheyAre, checkShelf, intCell, keyed, rowsOf, textCell } from './tables.ts';

export type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings };

export function checkTables(db: DatabaseSync, model: Model, auditor: Auditor & { totals: Totals }): void {
  const { findings } = auditor;
  checkRoots(db, model, auditor);
  checkLicences(db, model, auditor);
  const { batches, alarms, spent } = model.scrip;
  checkShelf(db, batches, { findings, table: 'batch', key: ['hash'], cells: asTheyAre });
  checkShelf(db, alarms, { findings, table: 'alarm', key: ['batch', 'n'], cells: asTheyAre });
  checkShelf(db, spent, { findings, table: 'spent', key: ['id'], cells: asTheyAre });
  checkVendors(db, model, auditor);
  checkVouchers(db, model, auditor);
  checkInvites(db, model, auditor);
  for (const row of rowsOf(db, 'SELECT r.from_key, r.rid FROM refusal r JOIN stored_order USING (from_key, rid)')) {
    const name = `${textCell(row, 'from_key')} ${textCell(row, 'rid')}`;
    findings.add({ table: 'refusal', row: name, expected: 'an order that was not answered', found: 'an answered one' });
  }
}

/** L2: sold = credited + refunded + outstanding, for each piece, where outstanding is what its float holds. */
function checkRoots(db: DatabaseSync, model: Model, { findings, totals }: Auditor & { totals: Totals }): void {
  const { roots } = model.scrip;
  for (const [name, { face, credited, refunded }] of roots) {
    const outstanding = face - credited - refunded;
    const float = totals.outstanding.peek(name) ?? 0n;
    if (outstanding < 0n || float !== outstanding) {
      findings.add({ table: 'posting', row: `float of ${name}`, expected: String(outstanding), found: String(float) });
    }
  }
  const key = (row: Cells) => `${textCell(row, 'vnd')}/${textCell(row, 'root')}`;
  checkShelf(db, roots, { findings, table: 'root', key, cells: rootCells });
}

const rootCells = ({ face, cur, buyer, credited, refunded, claimable, closed, feeBps, expiresMs }: Root): Cells => ({
  ...{ face, cur, fee_bps: feeBps, expires_ms: expiresMs, buyer },
  ...{ credited, refunded, claimable, closed: closed ? 1n : 0n },
});

function checkLicences(db: DatabaseSync, model: Model, { findings, root, brk, crypto }: Auditor): void {
  const expected = new Map<string, Cells>();
  for (const [name, { licence, roots, changes, sold }] of model.scrip.grants) {
    const { cur, first, last, ceiling, exp } = licence;
    expected.set(name, {
      doc: canonicalJson(licence),
      cur,
      first: BigInt(first),
      last: BigInt(last),
      ceiling: BigInt(ceiling),
      exp_ms: BigInt(exp) * 1000n,
      next: BigInt(first) + roots + changes,
      sold,
    });
    const pk = licence.vnd === brk ? root : model.vendors.get(licence.vnd)?.pk;
    const { v: ofVendor, b: ofBroker } = licence.sigs;
    const signed =
      licence.brk === brk &&
      pk !== undefined &&
      ofBroker !== undefined &&
      verifyObject(licence, pk, ofVendor, crypto) &&
      verifyObject(licence, root, ofBroker, crypto);
    if (!signed) findings.add({ table: 'licence', row: name, expected: 'signed by site and broker', found: 'not' });
    if (sold > BigInt(ceiling)) {
      findings.add({ table: 'licence', row: name, column: 'sold', expected: `≤ ${ceiling}`, found: String(sold) });
    }
  }
  const actual = new Map(
    [...keyed(db, 'SELECT * FROM licence', ['vnd', 'kid'])].map(([name, row]) => {
      const doc = parseJson(textCell(row, 'doc'));
      return [name, { ...row, doc: doc === undefined ? null : canonicalJson(doc) }] as const;
    }),
  );
  compare(findings, 'licence', { expected, actual });
}

/** The licences that the broker granted itself: no order asked for them, the root key signed them. */
export function ownLicences(db: DatabaseSync, brk: string): Licence[] {
  const own: Licence[] = [];
  for (const row of rowsOf(db, 'SELECT vnd, kid, doc FROM licence ORDER BY kid')) {
    const licence = tryDecode(licenceSchema, parseJson(textCell(row, 'doc')));
    if (licence?.vnd === brk) own.push(licence);
  }
  return own;
}

/** Every piece that was sold still verifies under the secrets that are stored: says so of each when it is replayed. */
export function certifier(db: DatabaseSync, { findings, crypto }: Auditor): (piece: Piece) => void {
  const secrets = new Map<string, { scrip: Uint8Array; customer: Uint8Array }>();
  const rows = db.prepare('SELECT vnd, kid, scrip_secret, customer_secret FROM licence').iterate();
  for (const { vnd, kid, scrip_secret: scrip, customer_secret: customer } of rows) {
    if (scrip instanceof Uint8Array && customer instanceof Uint8Array)
      secrets.set(`${vnd} ${kid}`, { scrip, customer });
  }
  return ({ scrip, csec }) => {
    const row = `${scrip.vnd} ${splitId(scrip.id).kid}`;
    const held = secrets.get(row);
    const genuine =
      held &&
      isCertified(scrip, held.scrip, crypto) &&
      (csec === undefined || toBase64url(customerSecret(scrip.cid, held.customer, crypto)) === csec);
    if (genuine) return;
    findings.add({ table: 'licence', row, expected: `secrets that certify ${scrip.id}`, found: 'others' });
  };
}

function checkVendors(db: DatabaseSync, model: Model, { findings, brk, root }: Auditor): void {
  const actual = keyed(db, 'SELECT * FROM vendor', ['vnd']);
  const own = [...model.scrip.grants.values()]
    .filter(({ licence }) => licence.vnd === brk)
    .map(({ licence }) => licence.nbf);
  const expected = new Map<string, Cells>(model.vendors);
  if (own.length > 0)
    expected.set(brk, { vnd: brk, pk: root, name: 'Broker scrip', origins: '[]', at: BigInt(Math.min(...own)) });
  compare(findings, 'vendor', { expected, actual });
}

/** Issued under the broker's signature; used exactly as the order and its entry say. */
function checkVouchers(
  db: DatabaseSync,
  model: Model,
  { findings, root, crypto, totals }: Auditor & { totals: Totals },
): void {
  const expected = new Map<string, Cells>();
  const actual = keyed(db, 'SELECT * FROM voucher', ['hash']);
  for (const [hash, row] of actual) {
    const signed = {
      typ: 'voucher-row/1',
      hash,
      amount: String(row['amount']),
      cur: textCell(row, 'cur'),
      at: Number(intCell(row, 'made_ms')),
    };
    if (!verifyObject(signed, root, textCell(row, 'sig'), crypto)) {
      findings.add({ table: 'voucher', row: hash, expected: 'signed by this broker', found: 'not' });
    }
    const unused = { used_from: null, used_rid: null };
    expected.set(hash, {
      ...(model.vouchers.get(hash) ?? unused),
      used_ms: totals.vouchers.get(`${row['used_from']} ${row['used_rid']}`) ?? null,
    });
  }
  for (const [hash, row] of model.vouchers) if (!expected.has(hash)) expected.set(hash, row);
  compare(findings, 'voucher', { expected, actual });
}

function checkInvites(db: DatabaseSync, model: Model, { findings, root, crypto }: Auditor): void {
  const actual = keyed(db, 'SELECT * FROM invite', ['hash']);
  const expected = new Map<string, Cells>();
  for (const [hash, row] of actual) {
    const signed = { typ: 'invite-row/1', hash, at: Number(intCell(row, 'made_ms')) };
    if (!verifyObject(signed, root, textCell(row, 'sig'), crypto)) {
      findings.add({ table: 'invite', row: hash, expected: 'signed by this broker', found: 'not' });
    }
    expected.set(hash, model.invites.get(hash) ?? { used_vnd: null, used_at: null });
  }
  compare(findings, 'invite', { expected, actual });
}
