// What an operator does beside the running service, on a connection of its own: codes, audit, reports.
import { nodeEnv, openReadOnly } from '@farthing/node-kit';
import { type Currency, type Env, formatMoney, isCurrency, type Json, type Money } from '@farthing/protocol';
import { renewOpening } from './archive/renew.ts';
import { auditWhole, wholeOf } from './archive/restore.ts';
import { type AuditReport, auditLedger } from './audit/audit.ts';
import { copyOf, existing, openBooks, type Place } from './books/open.ts';
import { type Keys, openKeys } from './keys.ts';
import { newCode } from './ledger/codes.ts';
import { type Ledger, openLedger } from './ledger/ledger.ts';
import { int, num, type Row, text } from './ledger/rows.ts';

/** What a job prints, for people and as JSON, and the exit status. */
export type Outcome = { readonly lines: readonly string[]; readonly json: Json; readonly status: number };

/** Issues codes that each credit `value` once. They are shown here and never again: the ledger keeps hashes. */
export async function issueVouchers(place: Place, value: Money, count: number): Promise<Outcome> {
  const { amount, currency: cur } = value;
  const vouchers = await issue(place, count, (ledger, code, madeMs) =>
    ledger.codes.addVoucher(code, { amount, cur, madeMs }),
  );
  return { lines: vouchers, json: { vouchers, amount: amount.toString(), cur }, status: 0 };
}

/** Issues codes that each let one site register. */
export async function issueInvites(place: Place, count: number): Promise<Outcome> {
  const invites = await issue(place, count, (ledger, code, madeMs) => ledger.codes.addInvite(code, madeMs));
  return { lines: invites, json: { invites }, status: 0 };
}

async function issue(place: Place, count: number, add: (ledger: Ledger, code: string, madeMs: number) => void) {
  return write(place, ({ ledger, env }) => {
    const codes = Array.from({ length: count }, () => newCode(env.random));
    for (const code of codes) add(ledger, code, env.nowMs);
    return codes;
  });
}

type Desk = { readonly ledger: Ledger; readonly keys: Keys; readonly env: Env };

/** One transaction beside the running service. */
export async function write<T>(place: Place, run: (desk: Desk) => T): Promise<T> {
  const env = nodeEnv();
  const keys = openKeys(place.data, env);
  if (place.database === undefined) existing(place.data);
  const keeper = await openBooks(place);
  try {
    const ledger = openLedger(keeper.books, { crypto: env.crypto, seed: keys.seed });
    return await keeper.run(() => run({ ledger, keys, env }));
  } finally {
    await keeper.close();
  }
}

/** Not made where no broker was. @throws {Error} there is no ledger */
export function keysAt(place: Place): Keys {
  if (place.database === undefined) existing(place.data);
  return openKeys(place.data, nodeEnv());
}

/** `folder`: over the archives in it, from the start. */
export async function audit(place: Place, folder?: string): Promise<Outcome> {
  const keys = keysAt(place);
  return audited(folder === undefined ? await auditHere(place, keys) : await auditWhole(place, { keys, folder }));
}

/** Audits over the archives, from the start, and keeps anew what audits without them go on from. */
export async function renewAudit(place: Place, folder: string): Promise<Outcome> {
  const outcome = audited(await renewOpening(place, { keys: keysAt(place), folder, nowMs: nodeEnv().nowMs }));
  const done = 'What audits go on from without the archives was made anew, and signed.';
  return outcome.status === 0 ? { ...outcome, lines: [...outcome.lines, done] } : outcome;
}

function audited(report: AuditReport): Outcome {
  const { ok, entries, orders, pieces, head, findings } = report;
  const counted = `${entries} entries, ${orders} orders, ${pieces} pieces, last entry ${head || 'none'}`;
  const lines = findings.map(
    ({ table, row, column, expected, found }) =>
      `${table} ${row}${column === undefined ? '' : ` ${column}`}: expected ${expected}, found ${found}`,
  );
  return {
    lines: ok ? [`The ledger is clean: ${counted}.`] : [...lines, `${findings.length} findings in ${counted}.`],
    json: { ok, entries, orders, pieces, head, findings: findings.map((finding) => ({ ...finding })) },
    status: ok ? 0 : 1,
  };
}

async function auditHere(place: Place, { root }: Keys): Promise<AuditReport> {
  await using copy = await copyOf(place);
  return auditLedger(copy.path, root);
}

/** Sites, what they are owed, and claims of theirs that were not paid. */
export async function listVendors(place: Place): Promise<Outcome> {
  const rows = await read(
    place,
    `SELECT v.vnd, v.name, b.cur, coalesce(b.amount, 0) AS amount,
       (SELECT count(*) FROM alarm a WHERE a.vnd = v.vnd) +
       (SELECT count(*) FROM payword_alarm a WHERE a.vnd = v.vnd) +
       (SELECT count(*) FROM cheque_alarm a WHERE a.vnd = v.vnd) AS alarms
     FROM vendor v LEFT JOIN balance b ON b.account = 'vendor:' || v.vnd
     WHERE v.vnd NOT IN (SELECT vnd FROM licence WHERE vnd = doc ->> '$.brk') ORDER BY v.vnd, b.cur`,
  );
  const vendors = rows.map((row) => ({
    vnd: text(row, 'vnd'),
    name: text(row, 'name'),
    cur: currencyOr(row['cur']),
    owed: int(row, 'amount').toString(),
    alarms: num(row, 'alarms'),
  }));
  const lines = vendors.map(
    ({ vnd, name, cur, owed, alarms }) => `${vnd}\t${shown(BigInt(owed), cur)}\t${alarms} alarms\t${name}`,
  );
  return { lines: lines.length > 0 ? lines : ['No site has registered.'], json: { vendors }, status: 0 };
}

/** What the broker holds and owes, by kind of account: never whose. */
export async function statement(place: Place): Promise<Outcome> {
  const rows = await read(
    place,
    `SELECT CASE WHEN account LIKE 'user:%' THEN 'customers' WHEN account LIKE 'vendor:%' THEN 'sites' ELSE account END
       AS kind, cur, count(*) AS accounts, sum(amount) AS amount FROM balance GROUP BY kind, cur ORDER BY cur, kind`,
  );
  const totals = rows.map((row) => ({
    kind: text(row, 'kind'),
    cur: currencyOr(row['cur']),
    accounts: num(row, 'accounts'),
    amount: int(row, 'amount').toString(),
  }));
  const lines = totals.map(({ kind, cur, accounts, amount }) => `${kind}\t${shown(BigInt(amount), cur)}\t${accounts}`);
  return { lines: lines.length > 0 ? lines : ['Nothing was booked yet.'], json: { totals }, status: 0 };
}

export type Ask = (sql: string, ...values: string[]) => Row[];

/** Reads what the service may be writing, as it is at one moment; with `archive` also what was archived into that folder. */
export async function look<T>(place: Place, report: (ask: Ask) => T, archive?: string): Promise<T> {
  await using copy = await (archive === undefined
    ? copyOf(place)
    : wholeOf(place, { keys: keysAt(place), folder: archive }));
  const db = openReadOnly(copy.path);
  try {
    return report((sql, ...values) => db.prepare(sql).all(...values));
  } finally {
    db.close();
  }
}

/** One question. */
export const read = (place: Place, sql: string): Promise<Row[]> => look(place, (ask) => ask(sql));

const currencyOr = (cur: unknown): Currency => (typeof cur === 'string' && isCurrency(cur) ? cur : 'usd-micro');
export const shown = (amount: bigint, currency: Currency): string => formatMoney({ amount, currency });
