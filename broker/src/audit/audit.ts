// The auditor: another program than the service, with its own SQL and its own sums. It trusts nothing in the file but
// signatures, replays every signed order on a read-only snapshot, and names each row that says something else.
import { existsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { nativeCrypto, openReadOnly } from '@farthing/node-kit';
import { brokerId, type Crypto, fromBase64url } from '@farthing/protocol';
import { checkCheques, hasCheques } from './cheque-check.ts';
import { checkClearings, readClearings } from './clearing.ts';
import { checkEcash, hasEcash, readKeysets } from './ecash-check.ts';
import { readEvidence } from './evidence.ts';
import { Feed } from './feed.ts';
import { type Finding, Findings } from './findings.ts';
import { readInvoices } from './invoices.ts';
import { checkJournal, noTotals, walkJournal } from './journal.ts';
import { printKept } from './kept.ts';
import { Model } from './model.ts';
import { readNotes } from './notes.ts';
import { bookedIn, goOn } from './opening.ts';
import { checkPayword, hasPayword, readLines, readTerms } from './payword-check.ts';
import { checkPeers } from './peer-check.ts';
import { hasPeers, peerLines, readAsks, readPeers } from './peer-facts.ts';
import { NoScratch, Shelves } from './shelves.ts';
import { rowsOf, textCell } from './tables.ts';
import { certifier, checkTables, ownLicences } from './tables-check.ts';

export type AuditReport = {
  readonly ok: boolean;
  readonly entries: number;
  readonly orders: number;
  readonly pieces: number;
  /** Hash of the last entry. Noted outside, it shows later whether the end of the journal was cut off. */
  readonly head: string;
  readonly findings: readonly Finding[];
};

/** `hotValues`: how many rows of what was replayed are in memory at once. */
type AuditOptions = { readonly crypto?: Crypto; readonly hotValues?: number };

/**
 * Audits a ledger file, also while the service writes to it. `root` is the broker's public root key (h32).
 * @throws {Error} there is no such file, or no room to work in
 */
export function auditLedger(
  path: string,
  root: string,
  { crypto = nativeCrypto, hotValues }: AuditOptions = {},
): AuditReport {
  if (!existsSync(path)) throw new Error(`there is no ledger at ${path}: give the broker's directory with --data`);
  const findings = new Findings();
  const counted = { entries: 0, orders: 0, pieces: 0, head: '' };
  const db = openReadOnly(path);
  using shelves = new Shelves(hotValues);
  try {
    db.exec('BEGIN');
    inspect(db, { root, findings, counted, crypto, shelves });
  } catch (error) {
    if (error instanceof NoScratch) throw error;
    // A file so damaged that it cannot be read to the end is a finding, not a crash.
    findings.add({ table: '-', row: '-', expected: 'a readable ledger', found: String(error).slice(0, 200) });
  } finally {
    db.close();
  }
  return { ok: findings.list.length === 0, ...counted, findings: findings.list };
}

type Run = {
  root: string;
  crypto: Crypto;
  findings: Findings;
  shelves: Shelves;
  counted: { entries: number; orders: number; pieces: number; head: string };
};

function inspect(db: DatabaseSync, { root, crypto, findings, shelves, counted }: Run): void {
  const brk = brokerId(fromBase64url(root) ?? new Uint8Array(), crypto);
  checkFile(db, findings);
  const auditor = { brk, root, crypto, findings, shelves };
  const { model, totals, orders, own } = replay(db, auditor);
  model.payword.invoices.end(orders, model.payword.deals);
  model.notes.end(orders);
  const { lines, peers } = own;
  checkJournal(db, model, { findings, crypto, totals, lines: new Map([...lines, ...peerLines(peers)]) });
  checkTables(db, model, { ...auditor, totals });
  // A ledger without these tables is an older one only while no order of PayWord is in it.
  if (hasPayword(db) || model.payword.isUsed) checkPayword(db, model.payword, { ...auditor, totals, lines });
  if (hasEcash(db) || model.ecash.isUsed) checkEcash(db, model.ecash, { ...auditor, totals });
  if (hasPeers(db)) checkPeers(db, model.peers, findings);
  checkClearings(db, { ecash: model.ecash, peers: model.peers, asked: own.clearings }, auditor);
  if (hasCheques(db) || model.cheques.isUsed) {
    checkCheques(db, model.cheques, { ...auditor, totals, lines: model.bills.lines });
  }
  Object.assign(counted, { entries: totals.entries, orders, pieces: model.scrip.roots.size, head: totals.head });
}

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings; shelves: Shelves };

/** What the signed orders say, up to a cut or to the end; on from the opening, where periods are archived. */
function replay(db: DatabaseSync, auditor: Auditor, cut?: Cut) {
  const { brk, crypto, findings, shelves } = auditor;
  const peers = readPeers(db, auditor);
  const own = {
    lines: readLines(db, auditor),
    licences: ownLicences(db, brk),
    terms: readTerms(db, auditor),
    invoices: readInvoices(db, auditor),
    keysets: readKeysets(db, auditor),
    notes: readNotes(db, auditor),
    peers,
    asks: readAsks(db, peers, auditor),
    clearings: readClearings(db, peers, auditor),
  };
  const model = new Model({ brk, crypto, shelves }, { ...own, certified: certifier(db, auditor) }, findings);
  const totals = noTotals(shelves);
  const after = goOn(db, { model, totals }, auditor);
  const read = readEvidence(db, auditor, findings, { after, upTo: cut?.orders });
  const feed = new Feed(db, model, { read, papers: [...own.invoices, ...own.notes], after });
  walkJournal(db, model, { findings, crypto, totals, feed, upTo: cut && BigInt(cut.seq) });
  feed.end();
  return { model, totals, orders: feed.orders, own };
}

/** A moment between two orders: the last entry and the last order before it. */
export type Cut = { readonly seq: number; readonly orders: number };

/**
 * What an audit has to know to go on from a cut, when what was before is no longer there, page by page.
 * @throws {Error} what is before the cut is not clean
 */
export function keepAt(db: DatabaseSync, { root, cut }: { root: string; cut: Cut }, take: (page: Uint8Array) => void) {
  const crypto = nativeCrypto;
  const findings = new Findings();
  const brk = brokerId(fromBase64url(root) ?? new Uint8Array(), crypto);
  using shelves = new Shelves();
  const { model, totals } = replay(db, { brk, root, crypto, findings, shelves }, cut);
  model.papers(cut.orders, BigInt(cut.seq));
  const [first] = findings.list;
  if (first)
    throw new Error(`the audit has findings, the first in ${first.table} ${first.row}: broker audit names them`);
  for (const page of printKept({ model: model.kept, totals: bookedIn(totals) }, shelves)) take(page);
}

/** SQLite's own checks: pages, indexes, CHECK constraints, foreign keys. */
function checkFile(db: DatabaseSync, findings: Findings): void {
  for (const row of rowsOf(db, 'PRAGMA integrity_check(20)')) {
    const found = textCell(row, 'integrity_check');
    if (found !== 'ok') findings.add({ table: 'file', row: '-', expected: 'ok', found });
  }
  for (const row of rowsOf(db, 'PRAGMA foreign_key_check')) {
    const name = textCell(row, 'rowid');
    findings.add({ table: textCell(row, 'table'), row: name, expected: 'a parent row', found: 'none' });
  }
}
