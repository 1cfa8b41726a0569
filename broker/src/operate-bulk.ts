// What an operator takes out of the books for a period: every line, or what each site is to be settled for. Beside the running
// service, and within a memory that does not grow with the books.
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { readSince } from './archive/reports.ts';
import type { Place } from './books/open.ts';
import { type BulkLine, linesOf, type Period, settledOf } from './ledger/bulk.ts';
import { keysAt, type Outcome, shown } from './operate.ts';

export type ExportFormat = 'csv' | 'json';
export type ExportOptions = {
  readonly period: Period;
  readonly account: string | undefined;
  readonly format: ExportFormat;
  readonly archive?: string | undefined;
};

const COLUMNS = ['seq', 'n', 'at', 'kind', 'ref', 'account', 'sub', 'cur', 'amount'] as const;

/** Writes one line a posting. @returns how many */
export async function exportLines(
  place: Place,
  { period, account, format, archive }: ExportOptions,
  out: Writable,
): Promise<number> {
  await using reader = await readingOf(place, { period, archive });
  let count = 0;
  if (format === 'csv') out.write(`${COLUMNS.join(',')}\r\n`);
  for await (const line of linesOf(reader.read, period, account)) {
    count++;
    // As slowly as whoever reads it.
    if (!out.write(format === 'csv' ? csv(line) : json(line))) await once(out, 'drain');
  }
  await reader.check();
  return count;
}

/** `archive`: folder of archived periods, which a period that reaches into them needs. */
type Reading = { readonly period: Period; readonly archive?: string | undefined };

const readingOf = (place: Place, { period: { sinceMs }, archive }: Reading) =>
  readSince(place, { keys: keysAt(place), folder: archive, sinceMs });

/** What each site earned, gave back, and is left with, of a period. */
export async function settlement(
  place: Place,
  { period, archive }: Reading,
  told: (line: string) => void,
): Promise<Outcome> {
  await using reader = await readingOf(place, { period, archive });
  const settled = await settledOf(reader.read, period, (seen, all) => told(`${seen} of ${all} entries`));
  await reader.check();
  const rows = settled.map(({ vnd, cur, lines, credited, returned }) => ({
    ...{ vnd, cur, lines },
    credited: credited.toString(),
    returned: returned.toString(),
    net: (credited - returned).toString(),
  }));
  const lines = settled.map(({ vnd, cur, lines: n, credited, returned }) => {
    return `${vnd}\t${shown(credited, cur)}\t-${shown(returned, cur)}\t${shown(credited - returned, cur)}\t${n}`;
  });
  return { lines: lines.length > 0 ? lines : ['No site earned anything.'], json: { settlement: rows }, status: 0 };
}

const at = ({ atMs }: BulkLine): string => new Date(atMs).toISOString();

const json = (line: BulkLine): string => {
  const { seq, n, kind, ref, account, sub, cur, amount } = line;
  return `${JSON.stringify({ seq, n, at: at(line), kind, ref, account, sub, cur, amount: amount.toString() })}\n`;
};

const csv = (line: BulkLine): string => {
  const { seq, n, kind, ref, account, sub, cur, amount } = line;
  return `${[seq, n, at(line), cell(kind), cell(ref), cell(account), cell(sub), cur, amount].join(',')}\r\n`;
};

/** I2: what others named is a text for every spreadsheet, never a formula. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
