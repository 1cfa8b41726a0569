// The tables of cheques against the model, and the rows that the broker signed because no order asked for them.
import type { DatabaseSync } from 'node:sqlite';
import {
  type Crypto,
  canonicalJson,
  objectHash,
  parseJson,
  toBase64url,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import { chequeReceiptSchema, merkleTree, receiptLeaf } from '@farthing/protocol/broker';
import type { ChequeModel, Payment } from './cheque-model.ts';
import { type Cells, compare, type Findings } from './findings.ts';
import type { ChequeLine } from './invoices.ts';
import type { Totals } from './journal.ts';
import { keyed, textCell } from './tables.ts';

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings };

/** False for a ledger that an older version wrote. */
export const hasCheques = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cheque_cert'").get() !== undefined;

const hasApprovals = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'approval'").get() !== undefined;

export function checkCheques(
  db: DatabaseSync,
  model: ChequeModel,
  auditor: Auditor & { totals: Totals; lines: readonly ChequeLine[] },
): void {
  const { findings } = auditor;
  const all = (table: string, key: readonly string[]) => keyed(db, `SELECT * FROM ${table}`, key);
  for (const ref of model.ended) {
    findings.add({ table: 'journal', row: ref, expected: 'the end of its hold', found: 'none' });
  }
  checkCerts(db, model, auditor);
  checkPayments(db, model, auditor);
  checkAside(model, auditor);
  checkLines(db, auditor);
  compare(findings, 'approver', { expected: model.accounts.approvers, actual: all('approver', ['account', 'cur']) });
  if (hasApprovals(db)) {
    compare(findings, 'approval', {
      expected: model.accounts.approvals,
      actual: all('approval', ['cheque', 'approver']),
    });
  }
  compare(findings, 'cheque_day', {
    expected: model.accounts.days,
    actual: all('cheque_day', ['account', 'cur', 'level', 'day']),
  });
  compare(findings, 'cheque_batch', { expected: model.batches, actual: all('cheque_batch', ['hash']) });
  compare(findings, 'cheque_alarm', { expected: model.alarms, actual: all('cheque_alarm', ['batch', 'n']) });
}

function checkCerts(db: DatabaseSync, model: ChequeModel, { root, crypto, findings }: Auditor): void {
  const expected = new Map<string, Cells>();
  for (const [name, { account, cert, kept, paid, returned, captured }] of model.accounts.certs) {
    expected.set(name, { account, cur: cert.cur, doc: canonicalJson(cert), kept, paid, returned, captured });
    if (!verifyObject(cert, root, cert.sig, crypto)) {
      findings.add({ table: 'cheque_cert', row: name, expected: 'signed by this broker', found: 'not' });
    }
  }
  compare(findings, 'cheque_cert', { expected, actual: keyed(db, 'SELECT * FROM cheque_cert', ['sub', 'exp']) });
}

/** L5: what is aside is what certificates have left, and what held payments are worth. */
function checkAside(model: ChequeModel, { totals, findings }: Auditor & { totals: Totals }): void {
  const sums = new Map<string, bigint>();
  const one = (name: string, cur: string, left: bigint): void => {
    sums.set(cur, (sums.get(cur) ?? 0n) + left);
    const there = totals.outstanding.peek(name) ?? 0n;
    if (left < 0n || there !== left) {
      findings.add({ table: 'posting', row: `aside for ${name}`, expected: String(left), found: String(there) });
    }
  };
  for (const [name, { cert, kept, paid, returned }] of model.accounts.certs)
    one(name, cert.cur, kept - paid - returned);
  for (const [name, { cur, state, amount }] of model.payments) one(name, cur, state === 'held' ? amount : 0n);
  for (const [cur, sum] of sums) {
    const there = totals.balances.get(`hold:cheque ${cur}`) ?? 0n;
    if (there !== sum) {
      findings.add({ table: 'balance', row: `hold:cheque ${cur}`, expected: String(sum), found: String(there) });
    }
  }
}

/** What a line's root is over: the receipts that stand in the table, each signed. */
function checkLines(db: DatabaseSync, { lines, crypto, findings }: Auditor & { lines: readonly ChequeLine[] }): void {
  const rows = keyed(db, "SELECT vnd, epoid, receipt FROM cheque WHERE state = 'paid'", ['vnd', 'epoid']);
  for (const { table, row, root, epoids } of lines) {
    const leaves = epoids.map((name) => {
      const receipt = tryDecode(chequeReceiptSchema, parseJson(textCell(rows.get(name) ?? {}, 'receipt')));
      return receiptLeaf(receipt ? objectHash(receipt, crypto) : '', crypto);
    });
    const found = leaves.length > 0 ? toBase64url(merkleTree(leaves, crypto).root) : '';
    if (found !== root)
      findings.add({ table, row, column: 'doc', expected: `a line of the root ${found}`, found: root });
  }
}

function checkPayments(db: DatabaseSync, model: ChequeModel, auditor: Auditor): void {
  const { findings } = auditor;
  const actual = keyed(db, 'SELECT * FROM cheque', ['vnd', 'epoid']);
  const expected = new Map<string, Cells>();
  for (const [name, payment] of model.payments) {
    const { receipt, ...cells } = payment;
    const row = actual.get(name);
    expected.set(name, { ...cells, ...(receipt === '' ? {} : { receipt }) });
    if (row && !isReceipt(row, payment, auditor)) {
      findings.add({
        table: 'cheque',
        row: name,
        column: 'receipt',
        expected: 'what became of it, signed',
        found: 'not',
      });
    }
  }
  compare(findings, 'cheque', { expected, actual });
}

/** Of a payment that was settled no answer gave the receipt out: its signature says whose it is. */
function isReceipt(row: Cells, payment: Payment, { brk, root, crypto }: Auditor): boolean {
  const receipt = tryDecode(chequeReceiptSchema, parseJson(textCell(row, 'receipt')));
  if (!receipt || canonicalJson(receipt) !== row['receipt']) return false;
  const { vnd, epoid, hash, cur, amount, state } = payment;
  const same =
    receipt.brk === brk &&
    receipt.vnd === vnd &&
    receipt.epoid === epoid &&
    receipt.cheque === hash &&
    receipt.cur === cur &&
    receipt.amount === amount.toString() &&
    receipt.result === state;
  return same && verifyObject(receipt, root, receipt.sig, crypto);
}
