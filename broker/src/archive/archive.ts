// Moves closed periods out of the ledger. Everything is tried on a copy first: the files are written, the periods taken out, the rest
// audited, and everything put back from the files and compared. Then each period goes in one transaction.
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { nativeCrypto } from '@farthing/node-kit';
import { objectHash } from '@farthing/protocol';
import { type AuditReport, auditLedger, keepAt } from '../audit/audit.ts';
import { digestOf } from '../books/digest.ts';
import type { Place } from '../books/open.ts';
import { tablesOf } from '../books/postgres/tables.ts';
import type { Keys } from '../keys.ts';
import { openingsIn, openStore, type Rehearsal, rehearse } from './books.ts';
import { putBack, type Replacement, takeOut } from './change.ts';
import { cutBefore, type Held, heldIn, holding, openedAt } from './cut.ts';
import { type Contents, digestOfFile, syncFolder, writeFile } from './file.ts';
import { type Opening, signOpening } from './record.ts';
import { needFile } from './rows.ts';
import { StateFile } from './state-file.ts';

/**
 * Nothing younger is archived. The longest instrument is scrip of a year, claimed a week after it expired; coins and everything else
 * that may still be presented stay in the ledger however old they are. What is left is for whoever repeats an order.
 */
export const RETENTION_MS = 400 * 86_400_000;

export type Archiving = {
  readonly place: Place;
  readonly keys: Keys;
  /** Where the files go. */
  readonly folder: string;
  /** Periods that end by then. */
  readonly beforeMs: number;
  readonly nowMs: number;
  /** Moments at which periods end. Default: the end of each month, in UTC. */
  readonly ends?: readonly number[];
  /** Does everything but the last step, and leaves nothing behind. */
  readonly dry: boolean;
  /** A line at a time. */
  readonly told: (line: string) => void;
};

/** `stays`: why the rest of what was asked for did not go. */
export type Archived = { readonly openings: readonly Opening[]; readonly report: AuditReport; readonly stays: Stays };
export type Stays = {
  readonly held: Held | undefined;
  readonly entries: number;
  readonly orders: number;
  /** Rows of every other table: what may still be presented, and what was spent, however old. */
  readonly rows: number;
};

/** @throws {Error} why nothing was archived; or a part of the periods was, and why not the rest */
export async function archivePeriods({ place, keys, folder, ...about }: Archiving): Promise<Archived> {
  const { beforeMs, nowMs, dry, told } = about;
  if (beforeMs > nowMs - RETENTION_MS) {
    const latest = new Date(nowMs - RETENTION_MS).toISOString().slice(0, 10);
    throw new Error(
      `periods are archived ${RETENTION_MS / 86_400_000} days after their end: --before ${latest} is the latest`,
    );
  }
  await using copy = await rehearse(place, folder);
  dropParts(folder);
  told('auditing what is there');
  const before = clean(auditLedger(copy.path, keys.root), 'the ledger');
  const digest = digestOf(copy.db).digest;
  try {
    const ends = (about.ends ?? monthsIn(copy.db, beforeMs)).filter((end) => end <= beforeMs);
    const made = await tryAll(copy, { keys, folder, ends, nowMs, told });
    const report = clean(auditLedger(copy.path, keys.root), 'what would be left');
    if (report.head !== before.head || report.entries !== before.entries || report.orders !== before.orders) {
      throw new Error('what would be left does not go on from what was archived: nothing was archived');
    }
    const stays = staysIn(copy.db, beforeMs);
    await putAllBack(copy, { made, folder, told });
    if (digestOf(copy.db).digest !== digest) throw new Error('the files do not bring back what was there');
    if (!dry && made.length > 0) await doAll(place, { made, folder, told });
    return { openings: made.map(({ opening }) => opening), report, stays };
  } finally {
    dropParts(folder);
  }
}

/** A period that was tried: its file is there under another name. */
type Made = Omit<Replacement, 'sign'> & { readonly opening: Opening; readonly before: Opening | undefined };

const PART = '.part';

function dropParts(folder: string): void {
  for (const name of readdirSync(folder)) if (name.endsWith(PART)) rmSync(join(folder, name));
}

function clean(report: AuditReport, what: string): AuditReport {
  if (report.ok) return report;
  throw new Error(`${what} has ${report.findings.length} findings: nothing was archived. broker audit names them`);
}

type Trying = Pick<Archiving, 'keys' | 'folder' | 'nowMs' | 'told'> & { readonly ends: readonly number[] };

/** Takes one period after the other out of the copy. */
async function tryAll(copy: Rehearsal, { keys, folder, ends, nowMs, told }: Trying): Promise<Made[]> {
  const made: Made[] = [];
  const held = heldIn(copy.db);
  let last = openingsIn(copy.db, keys).at(-1);
  for (const until of ends) {
    const contents = contentsUntil(copy.db, { keys, last, until });
    if (!contents) continue;
    const cut = { seq: contents.entries.last, orders: contents.orders.last };
    if (holding(held, cut)) break;
    const name = `archive-${String(contents.n).padStart(4, '0')}-${new Date(contents.from).toISOString().slice(0, 7)}.jsonl.gz`;
    const path = join(dirname(copy.path), `state-${contents.n}`);
    const state = StateFile.write(path, (take) => keepAt(copy.db, { root: keys.root, cut }, take));
    const { bytes, sha256 } = await writeFile(join(folder, name + PART), copy.db, contents);
    const { before: _, ...kept } = contents;
    const about = {
      ...kept,
      prev: last ? objectHash(last, nativeCrypto) : '',
      file: { name, bytes, sha256 },
      state: state.digest,
      at: Math.floor(nowMs / 1000),
    };
    const sign = (sums: string): Opening => signOpening({ ...about, sums }, keys.seed, nativeCrypto);
    const opening = await copy.store.inOne(() => takeOut(copy.store, { contents, state, sign }));
    made.push({ contents, state, opening, before: last });
    last = opening;
    told(`${name}: ${countOf(contents.entries)} entries, ${countOf(contents.orders)} orders, ${bytes} bytes`);
  }
  return made;
}

const countOf = ({ first, last }: Opening['entries']): number => last - first + 1;

/** Ends of calendar months in UTC, from the first that something is in up to the last that ends by then. */
function monthsIn(db: DatabaseSync, beforeMs: number): number[] {
  const first = firstIn(db);
  if (first === undefined) return [];
  const start = new Date(first);
  const ends: number[] = [];
  for (let month = start.getUTCMonth() + 1; ; month++) {
    const end = Date.UTC(start.getUTCFullYear(), month);
    if (end > beforeMs) return ends;
    ends.push(end);
  }
}

/** When the oldest of what is here was decided. */
function firstIn(db: DatabaseSync): number | undefined {
  const booked = db.prepare('SELECT at_ms AS ms FROM journal ORDER BY seq LIMIT 1').get();
  const asked = db.prepare("SELECT (answer ->> '$.at') * 1000 AS ms FROM stored_order ORDER BY n LIMIT 1").get();
  const moments = [booked?.['ms'], asked?.['ms']].filter((ms) => typeof ms === 'bigint').map(Number);
  return moments.length > 0 ? Math.max(Math.min(...moments), openedAt(db).untilMs) : undefined;
}

type Ending = { readonly keys: Keys; readonly last: Opening | undefined; readonly until: number };

/** `undefined`: nothing more than before ends by then. */
function contentsUntil(db: DatabaseSync, { keys, last, until }: Ending): Contents | undefined {
  const opened = openedAt(db);
  const from = firstIn(db);
  const cut = cutBefore(db, until);
  if (from === undefined || from >= until || (cut.seq === opened.seq && cut.orders === opened.orders)) return undefined;
  const row = db.prepare('SELECT hash FROM journal WHERE seq = ?').get(cut.seq);
  const before = last?.head ?? '';
  const head = row?.['hash'] instanceof Uint8Array ? Buffer.from(row['hash']).toString('base64url') : before;
  return {
    ...{ brk: keys.brk, n: opened.n + 1, from, until, before, head },
    entries: { first: opened.seq + 1, last: cut.seq },
    orders: { first: opened.orders + 1, last: cut.orders },
  };
}

/** What was asked for and is still there. */
function staysIn(db: DatabaseSync, beforeMs: number): Stays {
  const { seq, orders } = openedAt(db);
  const cut = cutBefore(db, beforeMs);
  return { held: holding(heldIn(db), cut), entries: cut.seq - seq, orders: cut.orders - orders, rows: stayingRows(db) };
}

/** What goes, and what is put in its place. */
const GOING: ReadonlySet<string> = new Set([
  'journal',
  'posting',
  'stored_order',
  'opening',
  'opening_sum',
  'opening_state',
]);

function stayingRows(db: DatabaseSync): number {
  const tables = [...tablesOf(db).keys()].filter((table) => !GOING.has(table));
  return tables.reduce((sum, table) => sum + Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']), 0);
}

type Doing = { readonly made: readonly Made[]; readonly folder: string; readonly told: (line: string) => void };

async function putAllBack(copy: Rehearsal, { made, folder, told }: Doing): Promise<void> {
  for (const { opening, before } of made.toReversed()) {
    const path = join(folder, opening.file.name + PART);
    await needFile(path, opening);
    await copy.store.inOne(() => putBack(copy.store, { opening, before, path }, nativeCrypto));
    told(`${opening.file.name}: read back`);
  }
}

/** What lies there is this file, of a run that was cut off, or nothing. @throws {Error} it is another one, perhaps all there is of it */
async function needRoom(path: string, { file }: Opening): Promise<void> {
  const there = existsSync(path) ? await digestOfFile(path) : undefined;
  if (!there || there.sha256 === file.sha256) return;
  throw new Error(
    `${path} is there already, with something else in it: move it away, or give another folder with --to`,
  );
}

/** From here on there is something to lose: a file is in its place before its rows go. */
async function doAll(place: Place, { made, folder, told }: Doing): Promise<void> {
  for (const { opening, contents, state } of made) {
    const { name } = opening.file;
    const path = join(folder, name);
    await needRoom(path, opening);
    renameSync(path + PART, path);
    await syncFolder(path);
    await needFile(path, opening);
    told(`${name}: in its place`);
    const sign = (sums: string) => {
      if (sums !== opening.sums) throw new Error('the ledger has other sums than were signed');
      return opening;
    };
    const store = await openStore(place);
    try {
      await store.inOne(() => takeOut(store, { contents, state, sign }));
    } finally {
      await store.close();
    }
    told(`${name}: archived`);
  }
}
