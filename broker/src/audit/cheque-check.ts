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
import type { CertFacts } from './cheque-accounts.ts';
import type { ChequeLine } from './cheque-bills.ts';
import type { ChequeModel, Payment } from './cheque-model.ts';
import { type Cells, compare, type Findings } from './findings.ts';
import type { Totals } from './journal.ts';
import type { Shelf } from './shelves.ts';
import { asTheyAre, checkShelf, keyed, textCell } from './tables.ts';

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings };

/** False for a ledger that an older version wrote. */
export const hasCheques = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cheque_cert'").get() !== undefined;

const hasApprovals = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'approval'").get() !== undefined;

export function checkCheques(
  db: DatabaseSync,
  model: ChequeModel,
  auditor: Auditor & { totals: Totals; lines: Shelf<ChequeLine> },
): void {
  const { findings } = auditor;
  for (const ref of model.ended) {
    findings.add({ table: 'journal', row: ref, expected: 'the end of its hold', found: 'none' });
  }
  checkCerts(db, model, auditor);
  checkPayments(db, model, auditor);
  checkAside(model, auditor);
  checkLines(db, auditor);
  const { batches, alarms, accounts } = model;
  const approvers = keyed(db, 'SELECT * FROM approver', ['account', 'cur']);
  compare(findings, 'approver', { expected: accounts.approvers, actual: approvers });
  if (hasApprovals(db)) {
    const key = ['cheque', 'approver'];
    checkShelf(db, accounts.approvals, { findings, table: 'approval', key, cells: asTheyAre });
  }
  const day = ['account', 'cur', 'level', 'day'];
  checkShelf(db, accounts.days, { findings, table: 'cheque_day', key: day, cells: asTheyAre });
  checkShelf(db, batches, { findings, table: 'cheque_batch', key: ['hash'], cells: asTheyAre });
  checkShelf(db, alarms, { findings, table: 'cheque_alarm', key: ['batch', 'n'], cells: asTheyAre });
}

function checkCerts(db: DatabaseSync, model: ChequeModel, { root, crypto, findings }: Auditor): void {
  for (const [name, { cert }] of model.accounts.certs) {
    if (verifyObject(cert, root, cert.sig, crypto)) continue;
    findings.add({ table: 'cheque_cert', row: name, expected: 'signed by this broker', found: 'not' });
  }
  const cells = ({ cert, ...facts }: CertFacts): Cells => ({ ...facts, cur: cert.cur, doc: canonicalJson(cert) });
  checkShelf(db, model.accounts.certs, { findings, table: 'cheque_cert', key: ['sub', 'exp'], cells });
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
function checkLines(db: DatabaseSync, { lines, crypto, findings }: Auditor & { lines: Shelf<ChequeLine> }): void {
  const get = db.prepare("SELECT receipt FROM cheque WHERE vnd = ? AND epoid = ? AND state = 'paid'");
  const leafOf = (name: string): Uint8Array => {
    const [vnd = '', epoid = ''] = name.split(' ');
    const receipt = tryDecode(chequeReceiptSchema, parseJson(String(get.get(vnd, epoid)?.['receipt'] ?? '')));
    return receiptLeaf(receipt ? objectHash(receipt, crypto) : '', crypto);
  };
  for (const [, { table, row, root, epoids }] of lines) {
    const leaves = epoids.map(leafOf);
    const found = leaves.length > 0 ? toBase64url(merkleTree(leaves, crypto).root) : '';
    if (found !== root)
      findings.add({ table, row, column: 'doc', expected: `a line of the root ${found}`, found: root });
  }
}

function checkPayments(db: DatabaseSync, { payments }: ChequeModel, auditor: Auditor): void {
  const { findings } = auditor;
  const cells = (payment: Payment, row: string, actual: Cells): Cells => {
    const { receipt, ...rest } = payment;
    if (!isReceipt(actual, payment, auditor)) {
      const at = { table: 'cheque', row, column: 'receipt' };
      findings.add({ ...at, expected: 'what became of it, signed', found: 'not' });
    }
    return { ...rest, ...(receipt === '' ? {} : { receipt }) };
  };
  checkShelf(db, payments, { findings, table: 'cheque', key: ['vnd', 'epoid'], cells });
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
