// Certificates with what is kept aside for them, what became of each cheque, days of accounts, and who has to agree.

import { type Currency, canonicalJson, type DayCert, daycertSchema, type Level, parseJson } from '@farthing/protocol';
import { type ChequeReceipt, chequeReceiptSchema } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { account, type Posting } from './journal.ts';
import { int, num, type Row, text, textOrNull } from './rows.ts';
import { currencyOf } from './scrip.ts';
import type { BatchRow } from './vendors.ts';

/** Base units. `kept` aside in all, of it `paid` to the site and `returned`; `captured` on top, where the broker was asked. */
export type ChequeCertRow = {
  readonly cert: DayCert;
  readonly account: string;
  readonly kept: bigint;
  readonly paid: bigint;
  readonly returned: bigint;
  readonly captured: bigint;
};
export type ChequeState = 'held' | 'paid' | 'refused';
/** `key`: of sealed goods, while the payment is held. `until`: seconds. */
export type PaidCheque = {
  readonly vnd: string;
  readonly epoid: string;
  readonly hash: string;
  readonly account: string;
  readonly cur: Currency;
  readonly amount: bigint;
  readonly fee: bigint;
  readonly refunded: bigint;
  readonly until: number;
  readonly key: string | undefined;
  readonly receipt: ChequeReceipt;
  readonly verdict: string | undefined;
  /** Numbers of the customer's invoice and of the site's credit note, once the period is closed. */
  readonly invoice: number | undefined;
  readonly note: number | undefined;
};
export type Supervision = {
  readonly account: string;
  readonly cur: Currency;
  readonly approver: string;
  /** Payments of more than that. */
  readonly above: bigint;
};
/** A yes to one cheque, by its hash, until a moment in seconds. */
export type ApprovalRow = {
  readonly cheque: string;
  readonly approver: string;
  readonly amount: bigint;
  readonly exp: number;
};
/** A day since 1970 of an account, as far as keys of one level go. */
export type AccountDay = {
  readonly account: string;
  readonly cur: Currency;
  readonly level: Level;
  readonly day: number;
};
export type ChequeAlarm = { readonly n: number; readonly epoid: string; readonly why: string };

export function openCheques(db: Books) {
  const addCert = db.prepare(
    `INSERT INTO cheque_cert (sub, exp, account, cur, doc, kept, paid, returned, captured) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0)`,
  );
  const getCert = db.prepare('SELECT * FROM cheque_cert WHERE sub = ? AND exp = ?');
  const setCert = db.prepare(
    'UPDATE cheque_cert SET kept = ?, paid = ?, returned = ?, captured = ? WHERE sub = ? AND exp = ?',
  );
  const countCerts = db.prepare('SELECT count(*) AS open FROM cheque_cert WHERE account = ? AND exp >= ?');
  const aside = db.prepare(
    'SELECT coalesce(sum(kept - paid - returned), 0) AS left FROM cheque_cert WHERE account = ? AND cur = ?',
    { rows: ['cheque_cert WHERE account = ?1 AND cur = ?2 AND paid + returned < kept'] },
  );
  const endedCerts = db.prepare(
    'SELECT * FROM cheque_cert WHERE paid + returned < kept AND exp < ? ORDER BY exp, sub LIMIT ?',
  );
  const add = db.prepare(
    `INSERT INTO cheque (vnd, epoid, hash, account, cur, amount, fee, refunded, state, until, key, receipt)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?)`,
  );
  const get = db.prepare('SELECT * FROM cheque WHERE vnd = ? AND epoid = ?');
  const setEnd = db.prepare(
    'UPDATE cheque SET state = ?, fee = ?, key = NULL, receipt = ? WHERE vnd = ? AND epoid = ?',
  );
  const setRefund = db.prepare('UPDATE cheque SET refunded = ?, verdict = ? WHERE vnd = ? AND epoid = ?');
  const overdue = db.prepare("SELECT * FROM cheque WHERE state = 'held' AND until < ? ORDER BY until LIMIT ?");
  const getDay = db.prepare('SELECT used FROM cheque_day WHERE account = ? AND cur = ? AND level = ? AND day = ?');
  const useDay = db.prepare(
    `INSERT INTO cheque_day (account, cur, level, day, used) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (account, cur, level, day) DO UPDATE SET used = used + excluded.used`,
  );
  const putApprover = db.prepare(
    `INSERT INTO approver (account, cur, approver, above) VALUES (?, ?, ?, ?)
     ON CONFLICT (account, cur) DO UPDATE SET approver = excluded.approver, above = excluded.above`,
  );
  const getApprover = db.prepare('SELECT * FROM approver WHERE account = ? AND cur = ?');
  const addApproval = db.prepare(
    `INSERT INTO approval (cheque, approver, amount, exp) VALUES (?, ?, ?, ?)
     ON CONFLICT (cheque, approver) DO UPDATE SET amount = excluded.amount, exp = excluded.exp`,
  );
  const getApproval = db.prepare('SELECT amount, exp FROM approval WHERE cheque = ? AND approver = ?');
  const lastBatch = db.prepare('SELECT n, hash FROM cheque_batch WHERE vnd = ? ORDER BY n DESC LIMIT 1');
  const addBatch = db.prepare(
    'INSERT INTO cheque_batch (hash, vnd, n, prev, from_key, rid, credited, fee) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const addAlarm = db.prepare('INSERT INTO cheque_alarm (batch, n, vnd, epoid, why) VALUES (?, ?, ?, ?, ?)');

  return {
    addCert({ cert, account: name, kept }: Pick<ChequeCertRow, 'cert' | 'account' | 'kept'>): void {
      addCert.run(cert.sub, cert.exp, name, cert.cur, canonicalJson(cert), kept);
    },
    cert(sub: string, exp: number): ChequeCertRow | undefined {
      const row = getCert.get(sub, exp);
      return row && certOf(row);
    },
    setCert({ cert, kept, paid, returned, captured }: ChequeCertRow): void {
      setCert.run(kept, paid, returned, captured, cert.sub, cert.exp);
    },
    /** How many of an account have not expired at a moment (seconds). */
    openCerts: (name: string, at: number): number => Number(countCerts.get(name, at)?.['open'] ?? 0n),
    /** What certificates of an account have left. */
    aside(name: string, cur: Currency): bigint {
      const row = aside.get(name, cur);
      return row ? int(row, 'left') : 0n;
    },
    /** Certificates that expired before a moment (seconds), with money still aside. */
    endedCerts: (before: number, most: number): ChequeCertRow[] => endedCerts.all(before, most).map(certOf),

    add(row: PaidCheque): void {
      const { vnd, epoid, hash, account: name, cur, amount, fee, receipt, until, key = null } = row;
      add.run(vnd, epoid, hash, name, cur, amount, fee, receipt.result, until, key, canonicalJson(receipt));
    },
    get(vnd: string, epoid: string): PaidCheque | undefined {
      const row = get.get(vnd, epoid);
      return row && chequeOf(row);
    },
    /** A held payment has come to its end. */
    setEnd({ vnd, epoid, fee, receipt }: PaidCheque): void {
      setEnd.run(receipt.result, fee, canonicalJson(receipt), vnd, epoid);
    },
    setRefund({ vnd, epoid, refunded, verdict }: PaidCheque): void {
      setRefund.run(refunded, verdict ?? null, vnd, epoid);
    },
    /** Held payments whose time was over before a moment (seconds). */
    overdue: (before: number, most: number): PaidCheque[] => overdue.all(before, most).map(chequeOf),

    used({ account: name, cur, level, day }: AccountDay): bigint {
      const row = getDay.get(name, cur, level, day);
      return row ? int(row, 'used') : 0n;
    },
    use({ account: name, cur, level, day }: AccountDay, amount: bigint): void {
      if (amount > 0n) useDay.run(name, cur, level, day, amount);
    },

    supervise({ account: name, cur, approver, above }: Supervision): void {
      putApprover.run(name, cur, approver, above);
    },
    supervision(name: string, cur: Currency): Supervision | undefined {
      const row = getApprover.get(name, cur);
      return row && { account: name, cur, approver: text(row, 'approver'), above: int(row, 'above') };
    },

    approve({ cheque, approver, amount, exp }: ApprovalRow): void {
      addApproval.run(cheque, approver, amount, exp);
    },
    approval(cheque: string, approver: string): ApprovalRow | undefined {
      const row = getApproval.get(cheque, approver);
      return row && { cheque, approver, amount: int(row, 'amount'), exp: num(row, 'exp') };
    },

    lastBatch(vnd: string): { n: number; hash: string } {
      const row = lastBatch.get(vnd);
      return row ? { n: num(row, 'n'), hash: text(row, 'hash') } : { n: 0, hash: '' };
    },
    addBatch(batch: BatchRow, alarms: readonly ChequeAlarm[]): void {
      const { hash, vnd } = batch;
      addBatch.run(hash, vnd, batch.n, batch.prev, batch.from, batch.rid, batch.credited, batch.fee);
      for (const { n, epoid, why } of alarms) addAlarm.run(hash, n, vnd, epoid, why);
    },
  };
}

/** A posting on what is kept aside for a certificate. */
export const onCert = ({ cert: { sub, exp, cur } }: Pick<ChequeCertRow, 'cert'>, amount: bigint): Posting => ({
  account: account.cheques,
  sub: `${sub} ${exp}`,
  cur,
  amount,
});

/** A posting on what is held for one payment. */
export const onHold = ({ vnd, epoid, cur }: Pick<PaidCheque, 'vnd' | 'epoid' | 'cur'>, amount: bigint): Posting => ({
  account: account.cheques,
  sub: `${vnd} ${epoid}`,
  cur,
  amount,
});

const certOf = (row: Row): ChequeCertRow => ({
  cert: v.parse(daycertSchema, parseJson(text(row, 'doc'))),
  account: text(row, 'account'),
  kept: int(row, 'kept'),
  paid: int(row, 'paid'),
  returned: int(row, 'returned'),
  captured: int(row, 'captured'),
});

const chequeOf = (row: Row): PaidCheque => ({
  vnd: text(row, 'vnd'),
  epoid: text(row, 'epoid'),
  hash: text(row, 'hash'),
  account: text(row, 'account'),
  cur: currencyOf(row),
  amount: int(row, 'amount'),
  fee: int(row, 'fee'),
  refunded: int(row, 'refunded'),
  until: num(row, 'until'),
  key: textOrNull(row, 'key'),
  receipt: v.parse(chequeReceiptSchema, parseJson(text(row, 'receipt'))),
  verdict: textOrNull(row, 'verdict'),
  invoice: row['invoice'] === null ? undefined : num(row, 'invoice'),
  note: row['note'] === null ? undefined : num(row, 'note'),
});
