// Which rows a statement needs: read off its own text, so that nothing can say something else than the statement does.
import type { Reach } from '../port.ts';

/** Rows of one table: `SELECT * FROM <table> …`. `params`: which parameters of the statement are `?1`, `?2` … in it. */
export type Load = {
  readonly table: string;
  readonly sql: string;
  readonly params: readonly number[];
  /** False: of what it brought some may be missing later, when rows of it have gone. */
  readonly lasts: boolean;
};

export type Plan =
  | { readonly kind: 'rows'; readonly loads: readonly Load[] }
  | { readonly kind: 'answer'; readonly load: Load }
  /** `columns`: of each parameter, in order. */
  | { readonly kind: 'unread'; readonly table: string; readonly columns: readonly string[] };

/** @throws {Error} the text does not show it, and `reach` does not say it */
export function planOf(text: string, reach?: Reach): Plan {
  const sql = numbered(text.replace(/\s+/g, ' ').trim());
  if (reach && 'asOf' in reach) return { kind: 'answer', load: loadOf('', sql) };
  if (reach && 'unread' in reach) return unreadOf(sql);
  const rows = reach && 'rows' in reach ? reach.rows : shownIn(sql);
  const loads = rows.map((row) => loadOf(row.split(' ', 1)[0] ?? '', `SELECT * FROM ${row}`));
  return { kind: 'rows', loads };
}

function unreadOf(sql: string): Plan {
  const { table, columns = '', values, key } = INSERT.exec(sql)?.groups ?? {};
  const names = columns.split(', ');
  if (table === undefined || key !== undefined || values !== names.map((_, i) => `?${i + 1}`).join(', ')) {
    throw new Error(`not an insert of its parameters, in order: ${sql}`);
  }
  return { kind: 'unread', table, columns: names };
}

/** Two statements that reach the same rows have the same load, whatever the numbers of their parameters are. */
function loadOf(table: string, text: string): Load {
  const params = [...new Set([...text.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n)))];
  const sql = text.replace(/\?(\d+)/g, (_, n: string) => `?${params.indexOf(Number(n)) + 1}`);
  return { table, sql, params, lasts: !/ LIMIT (?!1$)/.test(sql) };
}

/** `?` without a number counts on, as SQLite reads it. */
export function numbered(sql: string): string {
  let last = 0;
  return sql.replace(/\?(\d*)/g, (_, digits: string) => {
    last = digits === '' ? last + 1 : Math.max(last, Number(digits));
    return `?${digits === '' ? last : digits}`;
  });
}

const SELECT =
  /^SELECT (?!DISTINCT )[^']*? FROM (?<table>\w+)(?<where> WHERE .*?)?(?<order> ORDER BY .*?)?(?<limit> LIMIT \S+)?$/;
const CHANGE = /^(?:UPDATE (?<updated>\w+) SET .*?|DELETE FROM (?<deleted>\w+))(?<where> WHERE .*)$/;
export const INSERT =
  /^INSERT INTO (?<table>\w+) \((?<columns>[^)]*)\) VALUES \((?<values>[^)]*)\)(?: ON CONFLICT \((?<key>[^)]*)\) DO .*)?$/;
/** Rows of more than one table, or read in a way of SQLite's own. */
const WIDE = /\bJOIN\b|\bUNION\b|\(SELECT\b|->>/;

function shownIn(sql: string): readonly string[] {
  const hidden = () => new Error(`say what this statement reaches: ${sql}`);
  if (WIDE.test(sql)) throw hidden();
  const insert = INSERT.exec(sql)?.groups;
  if (insert) return conflictOf(insert);
  const change = CHANGE.exec(sql)?.groups;
  if (change) return [`${change['updated'] ?? change['deleted']}${change['where']}`];
  const select = SELECT.exec(sql)?.groups;
  if (!select) throw hidden();
  const { table, where = '', order = '', limit = '' } = select;
  return [`${table}${where}${limit === '' ? '' : order + limit}`];
}

/** A row that an insert gives way to, or changes instead. Without ON CONFLICT a row that is there fails the insert at the end. */
function conflictOf({ table, columns = '', values = '', key }: Record<string, string | undefined>): string[] {
  if (key === undefined) return [];
  const [names, given] = [columns.split(', '), values.split(', ')];
  const same = key.split(', ').map((name) => `${name} = ${given[names.indexOf(name)]}`);
  return [`${table} WHERE ${same.join(' AND ')}`];
}
