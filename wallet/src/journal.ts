// The journal: every movement of money as one record, newest first, and as CSV (screens §7).
import { type Currency, isProblemCode, PaymentProblem, toDecimal } from '@farthing/protocol';
import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { listDocs, readOne } from './transaction.ts';
import type { Payment, PaymentRecord, Settled } from './types.ts';

type Entry = Doc<'journal'>;

/** A journal entry of a move of one's own money. */
export function ownRecord(
  ctx: Context,
  brk: string,
  own: { kind: PaymentRecord['kind']; amountMicro: bigint; site?: string; method?: string },
): Doc<'journal'>['record'] {
  const env = ctx.env();
  const { keys: brokerKeys, currency } = ctx.broker(brk);
  const { name: brokerName, test } = brokerKeys;
  return { id: ctx.newId(), state: 'pending', atMs: env.nowMs, currency, brk, brokerName, test, ...own };
}

export function toRecord({ code, receipt, ...record }: Entry['record']): PaymentRecord {
  return {
    ...record,
    ...(isProblemCode(code) ? { code } : {}),
    ...(receipt === undefined ? {} : { receipt }),
  };
}

/** A payment that is shown again: the same credential. */
export function toPayment(record: Entry['record'], sending: NonNullable<Entry['sending']>): Payment {
  const { id, url = '', amountMicro, currency } = record;
  const { httpMethod: method, header, stream } = sending;
  return { id, url, method, header, amountMicro, currency, repeat: true, ...streamOf(stream) };
}

const streamOf = (stream: NonNullable<Entry['sending']>['stream']): Pick<Payment, 'stream' | 'unitMicro'> =>
  stream ? { stream: true, unitMicro: stream.priceMicro } : {};

export const outcomeOf = (state: string): Settled['outcome'] => {
  if (state === 'pending') return 'unknown';
  return state === 'failed_not_charged' ? 'not_charged' : 'paid';
};

const PAGE = 100;

export async function history(
  ctx: Context,
  { limit = 50, before, site }: { limit?: number; before?: string; site?: string },
): Promise<PaymentRecord[]> {
  const found: PaymentRecord[] = [];
  let from = before === undefined ? undefined : keys.journal(before);
  while (found.length < limit) {
    const page = await listDocs(ctx.store, 'journal', 'journal/', {
      reverse: true,
      limit: PAGE,
      ...(from === undefined ? {} : { before: from }),
    });
    for (const { key, doc } of page) {
      from = key;
      if (site === undefined || doc.record.site === site) found.push(toRecord(doc.record));
      if (found.length >= limit) return found;
    }
    if (page.length < PAGE) break;
  }
  return found;
}

export async function record(ctx: Context, id: string): Promise<PaymentRecord | undefined> {
  const entry = await readOne(ctx.store, 'journal', keys.journal(id));
  return entry && toRecord(entry.record);
}

const COLUMNS = 'time_utc,type,status,site,page,amount,currency,balance_after,broker,method,receipt_id,rule,units,unit';

/** UTF-8 with BOM, CRLF, ISO 8601 UTC, plain decimals with the sign of the account's view. */
export async function exportCsv(ctx: Context): Promise<string> {
  const rows = (await history(ctx, { limit: Number.MAX_SAFE_INTEGER })).reverse();
  const lines = rows.map((row) =>
    [
      new Date(row.atMs).toISOString(),
      row.kind,
      row.state,
      cell(row.site),
      cell(row.url),
      signed(row),
      currencyCode(row.currency),
      row.balanceAfterMicro === undefined ? '' : toDecimal(row.balanceAfterMicro),
      cell(row.brokerName),
      cell(row.method),
      cell(row.reference),
      cell(row.why),
      row.units === undefined ? '' : String(row.units),
      cell(row.unit),
    ].join(','),
  );
  return `\uFEFF${[COLUMNS, ...lines].join('\r\n')}\r\n`;
}

/** Payments leave, top-ups arrive; moves between one's own account and coins are neither. */
function signed({ kind, state, amountMicro, lostMicro }: PaymentRecord): string {
  if (state === 'failed_not_charged') return toDecimal(0n);
  if (kind === 'payment') return toDecimal(-(lostMicro ?? amountMicro));
  return toDecimal(amountMicro);
}

const currencyCode = (currency: Currency): string => currency.slice(0, 3).toUpperCase();

/** Text of others: quoted, and never a formula. */
function cell(text: string | undefined): string {
  if (text === undefined) return '';
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @throws {PaymentProblem} `storage-fault` */
export async function needRecord(ctx: Context, id: string): Promise<PaymentRecord> {
  const found = await record(ctx, id);
  if (!found) throw new PaymentProblem('storage-fault', { detail: 'a stored record is missing' });
  return found;
}
