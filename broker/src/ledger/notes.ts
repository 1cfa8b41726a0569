// Credit notes of sites, and what they were paid by cheque that is on none yet.

import { type Crypto, type Currency, canonicalJson, objectHash, parseJson, signObject } from '@farthing/protocol';
import { type billing, type CreditNote, creditNoteSchema } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { type ListedRow, linesOf, listedOf } from './invoices.ts';
import { LAST_ENTRY, LAST_ORDER } from './orders.ts';
import { num, type Row, text } from './rows.ts';
import { currencyOf } from './scrip.ts';

/** Of one line. */
export type SoldRow = billing.Sold;
/** A site in one currency. */
export type SiteParty = { readonly vnd: string; readonly cur: Currency };

export function openNotes(db: Books, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const parties = db.prepare(
    `SELECT DISTINCT vnd, cur FROM cheque
     WHERE state = 'paid' AND note IS NULL AND (vnd, cur) > (?, ?) ORDER BY vnd, cur LIMIT ?`,
    { asOf: 'start' },
  );
  const unnoted = db.prepare(
    `SELECT vnd, amount, fee, receipt FROM cheque
     WHERE vnd = ? AND cur = ? AND state = 'paid' AND note IS NULL ORDER BY epoid`,
  );
  const firstSold = db.prepare(
    `SELECT min(receipt ->> '$.at') AS at FROM cheque WHERE vnd = ? AND cur = ? AND state = 'paid' AND note IS NULL`,
    { rows: ["cheque WHERE vnd = ?1 AND cur = ?2 AND state = 'paid' AND note IS NULL"] },
  );
  const mark = db.prepare(
    `UPDATE cheque SET note = ?1 WHERE vnd = ?2 AND epoid IN (SELECT epoid FROM cheque
     WHERE vnd = ?2 AND cur = ?3 AND state = 'paid' AND note IS NULL ORDER BY epoid LIMIT ?4)`,
    { rows: ["cheque WHERE vnd = ?2 AND cur = ?3 AND state = 'paid' AND note IS NULL"] },
  );
  const onNote = db.prepare('SELECT epoid, receipt FROM cheque WHERE vnd = ? AND cur = ? AND note = ? ORDER BY epoid');
  const newest = db.prepare('SELECT doc FROM credit_note WHERE vnd = ? AND cur = ? ORDER BY number DESC LIMIT 1');
  const next = db.prepare(
    'SELECT doc FROM credit_note WHERE vnd = ? AND cur = ? AND number > ? ORDER BY number LIMIT 1',
  );
  const count = db.prepare('SELECT max(number) AS most FROM credit_note WHERE vnd = ? AND cur = ?', {
    rows: ['credit_note WHERE vnd = ?1 AND cur = ?2 ORDER BY number DESC LIMIT 1'],
  });
  const place = db.prepare(
    `SELECT (SELECT coalesce(max(n), 0) FROM credit_note) + 1 AS n, (SELECT max(n) FROM stored_order) AS after_n,
       (SELECT max(seq) FROM journal) AS seq`,
    { rows: ['credit_note ORDER BY n DESC LIMIT 1', LAST_ORDER, LAST_ENTRY] },
  );
  const add = db.prepare(
    'INSERT INTO credit_note (n, vnd, cur, number, after_n, seq, doc, sig) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );

  return {
    /** Sites with something sold that is on no note, in order, after `last`. */
    parties: (last: SiteParty | undefined, most: number): SiteParty[] =>
      parties
        .all(last?.vnd ?? '', last?.cur ?? '', most)
        .map((row) => ({ vnd: text(row, 'vnd'), cur: currencyOf(row) })),
    unnoted: ({ vnd, cur }: SiteParty): SoldRow[] => linesOf(unnoted.all(vnd, cur), crypto),
    /** When the site was first paid of what is on no note (seconds). */
    firstSold: ({ vnd, cur }: SiteParty): number => Number(firstSold.get(vnd, cur)?.['at'] ?? 0n),
    last({ vnd, cur }: SiteParty): CreditNote | undefined {
      const row = newest.get(vnd, cur);
      return row && noteOf(row);
    },
    next({ vnd, cur }: SiteParty, after: number): CreditNote | undefined {
      const row = next.get(vnd, cur, after);
      return row && noteOf(row);
    },
    count: ({ vnd, cur }: SiteParty): number => Number(count.get(vnd, cur)?.['most'] ?? 0n),
    /** The payments that a note lists, in order. */
    listed: ({ vnd, cur }: SiteParty, number: number): ListedRow[] =>
      onNote.all(vnd, cur, number).map((row) => listedOf(row, crypto)),
    add(note: CreditNote): void {
      const row = place.get() ?? {};
      const [n, after, seq] = [num(row, 'n'), num(row, 'after_n'), num(row, 'seq')];
      const signed = { typ: 'credit-note-row/1', n, after, seq, hash: objectHash(note, crypto) };
      const { vnd, cur, number } = note;
      add.run(n, vnd, cur, number, after, seq, canonicalJson(note), signObject(signed, seed, crypto));
      const listed = note.lines.reduce((sum, line) => sum + line.count, 0);
      mark.run(number, vnd, cur, listed);
    },
  };
}

const noteOf = (row: Row): CreditNote => v.parse(creditNoteSchema, parseJson(text(row, 'doc')));
