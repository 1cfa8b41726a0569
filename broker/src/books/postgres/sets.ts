// Rows in sets: one statement brings what a batch needs of a kind, one writes what it changed in a table.

import { type ArrayType, arrayOf } from '@farthing/node-kit';
import type { Row, Value } from '../port.ts';
import type { Change } from './changes.ts';
import { type Line, Undone } from './line.ts';
import type { Need } from './needs.ts';
import type { Column } from './tables.ts';
import type { View } from './view.ts';

/** Brings into the view what is missing there, in one journey: all of it or nothing. */
export async function bring(missing: readonly Need[], view: View, line: Line): Promise<void> {
  const kinds = [...Map.groupBy(missing, kindOf).values()];
  const loads = await Promise.all(kinds.map((needs) => loaded(needs, line)));
  for (const load of loads) load(view);
}

type Loaded = (view: View) => void;

/** Needs of one kind. */
async function loaded(needs: readonly Need[], line: Line): Promise<Loaded> {
  const [first] = needs;
  if (!first) return () => undefined;
  const { load } = first;
  if (load.table === '') {
    const answers = await Promise.all(needs.map((need) => answer(need, line)));
    return (view) => needs.forEach((need, at) => void view.met(need, answers[at]));
  }
  const columns = first.values.map((value, i) => {
    const column = needs.map(({ values }) => values[i] ?? null);
    return arrayOf(typeOf(value), column);
  });
  const { rows } = await line.run(setOf(first), ...columns);
  return (view) => {
    view.bring(load, rows);
    for (const need of needs) view.met(need);
  };
}

const kindOf = ({ load, values }: Need): string => `${load.sql} ${values.map(typeOf).join(' ')}`;

function typeOf(value: Value): ArrayType {
  if (typeof value === 'bigint' || typeof value === 'number') return 'bigint';
  return value instanceof Uint8Array ? 'bytea' : 'text';
}

/** The rows of a load for each of a set of values. */
function setOf({ load: { sql, params }, values }: Need): string {
  if (params.length === 0) return sql;
  const one = sql.replace(/\?(\d+)/g, (_, n: string) => `p.a${n}`);
  const arrays = values.map((value, i) => `$${i + 1}::${typeOf(value)}[]`).join(', ');
  const names = params.map((_, i) => `a${i + 1}`).join(', ');
  return `SELECT t.* FROM unnest(${arrays}) AS p(${names}) CROSS JOIN LATERAL (${one}) AS t`;
}

async function answer({ load: { sql }, values }: Need, line: Line): Promise<Row[]> {
  const text = sql.replace(/\?(\d+)/g, (_, n: string) => `$${n}::${typeOf(values[Number(n) - 1] ?? null)}`);
  return (await line.run(text, ...values.map(String))).rows;
}

/** In one journey. @throws {Undone} a row is not what the view had */
export async function write(changes: readonly Change[], tables: View['tables'], line: Line): Promise<void> {
  const places = new Map([...tables.keys()].map((table, i) => [table, i]));
  const sorted = changes.toSorted((a, b) => (places.get(a.table) ?? 0) - (places.get(b.table) ?? 0));
  const each = (do1: typeof insert, some: readonly Change[]) =>
    some.map((change) => do1(change, columnsOf(change, tables), line));
  // Those that are referred to come first, and go last.
  await Promise.all([...each(insert, sorted), ...each(update, sorted), ...each(remove, sorted.toReversed())]);
}

function columnsOf({ table }: Change, tables: View['tables']): readonly Column[] {
  const columns = tables.get(table);
  if (!columns) throw new Error(`there is no table ${table}`);
  return columns;
}

const TYPES: Readonly<Record<string, ArrayType>> = { TEXT: 'text', INTEGER: 'bigint', BLOB: 'bytea' };

function typeIn({ name, type }: Column): ArrayType {
  const found = TYPES[type];
  if (!found) throw new Error(`column ${name} is of a type that we do not know: ${type}`);
  return found;
}

type Cells = readonly (Value | undefined)[];
/** An array for each of some columns. */
const arraysIn = (columns: readonly Column[], ats: readonly number[], rows: readonly Cells[]): Buffer[] =>
  ats.map((at) => {
    const column = rows.map((row) => row[at] ?? null);
    return arrayOf(typeIn(columns[at] ?? { name: String(at), type: '' }), column);
  });
const unnest = (columns: readonly Column[]): string =>
  `unnest(${columns.map((column, i) => `$${i + 1}::${typeIn(column)}[]`).join(', ')})`;

/** Whole rows. */
export async function insertRows(line: Line, table: string, { columns, rows }: Rows): Promise<void> {
  const names = columns.map(({ name }) => name).join(', ');
  const text = `INSERT INTO ${table} (${names}) SELECT * FROM ${unnest(columns)}`;
  if (rows.length > 0) await line.run(text, ...arraysIn(columns, [...columns.keys()], rows));
}

export type Rows = { readonly columns: readonly Column[]; readonly rows: readonly Cells[] };

const insert = ({ table, inserted }: Change, columns: readonly Column[], line: Line): Promise<void> =>
  insertRows(line, table, { columns, rows: inserted });

/** Rows that changed in the same columns at once; each must still be what the view had. */
async function update({ table, key, updated }: Change, columns: readonly Column[], line: Line): Promise<void> {
  const kinds = Map.groupBy(updated, ({ now }) => [...now.keys()].filter((at) => now[at] !== undefined).join(' '));
  const counted = await Promise.all(
    [...kinds].map(([kind, rows]) => {
      const set = kind.split(' ').map(Number);
      const [old, now] = [rows.map((row) => row.old), rows.map((row) => row.now)];
      const arrays = [...arraysIn(columns, [...key, ...set], old), ...arraysIn(columns, set, now)];
      return line.run(updateSql(table, columns, { key, set }), ...arrays);
    }),
  );
  needAll(
    counted.reduce((sum, { count }) => sum + count, 0),
    updated,
    table,
  );
}

/** Of an array for each column of the key, for each old value, and for each new one. */
function updateSql(
  table: string,
  columns: readonly Column[],
  { key, set }: { key: readonly number[]; set: readonly number[] },
): string {
  const named = (ats: readonly number[], as: string) =>
    ats.map((at) => ({ name: `${as}_${columns[at]?.name}`, type: columns[at]?.type ?? '' }));
  const all = [...named(key, 'key'), ...named(set, 'old'), ...named(set, 'new')];
  const names = (ats: readonly number[], write: (name: string) => string) =>
    ats.map((at) => write(columns[at]?.name ?? ''));
  const same = [
    ...names(key, (name) => `t.${name} = v.key_${name}`),
    ...names(set, (name) => `t.${name} IS NOT DISTINCT FROM v.old_${name}`),
  ];
  return `UPDATE ${table} AS t SET ${names(set, (name) => `${name} = v.new_${name}`).join(', ')}
    FROM ${unnest(all)} AS v(${all.map(({ name }) => name).join(', ')}) WHERE ${same.join(' AND ')}`;
}

async function remove({ table, key, deleted }: Change, columns: readonly Column[], line: Line): Promise<void> {
  if (deleted.length === 0) return;
  const keys = key.map((at) => columns[at] ?? { name: '', type: '' });
  const same = keys.map(({ name }) => `t.${name} = v.${name}`).join(' AND ');
  const names = keys.map(({ name }) => name).join(', ');
  const text = `DELETE FROM ${table} AS t USING ${unnest(keys)} AS v(${names}) WHERE ${same}`;
  const { count } = await line.run(text, ...arraysIn(columns, key, deleted));
  needAll(count, deleted, table);
}

function needAll(count: number, rows: readonly unknown[], table: string): void {
  if (count !== rows.length) throw new Undone(`${rows.length - count} rows of ${table} are not what they were`);
}
