import { expect, test } from 'vitest';
import type { Reach } from '../port.ts';
import { planOf } from './reach.ts';

function loads(sql: string, reach?: Reach) {
  const plan = planOf(sql, reach);
  return plan.kind === 'rows' ? plan.loads.map(({ sql: text, params }) => [text, ...params]) : plan;
}

test('a statement reaches the rows that its own condition names, in whatever order its parameters are', () => {
  const key = 'SELECT * FROM root WHERE vnd = ?1 AND root = ?2';
  expect(loads('SELECT credited FROM root WHERE vnd = ? AND root = ?')).toEqual([[key, 1, 2]]);
  expect(loads('UPDATE root SET credited = ?, closed = ? WHERE vnd = ? AND root = ?')).toEqual([[key, 3, 4]]);
  expect(loads('DELETE FROM root WHERE vnd = ?2 AND root = ?1')).toEqual([[key, 2, 1]]);
  expect(loads('SELECT max(n) AS n FROM peer_order WHERE vnd = ? AND challenge = ?')).toEqual([
    ['SELECT * FROM peer_order WHERE vnd = ?1 AND challenge = ?2', 1, 2],
  ]);
});

test('an insert reaches the row that it gives way to, and none without such a clause', () => {
  const insert = 'INSERT INTO spent_coin (ks, pk, use) VALUES (?, ?, ?)';
  expect(loads(insert)).toEqual([]);
  expect(loads(`${insert} ON CONFLICT (pk) DO NOTHING`)).toEqual([['SELECT * FROM spent_coin WHERE pk = ?1', 2]]);
});

test('the last row is remembered from batch to batch, a page of rows is not: what was behind it moves up', () => {
  const lasting = (sql: string) => {
    const plan = planOf(sql);
    return plan.kind === 'rows' && plan.loads.every(({ lasts }) => lasts);
  };
  expect(lasting('SELECT n, hash FROM batch WHERE vnd = ? ORDER BY n DESC LIMIT 1')).toBe(true);
  expect(lasting('SELECT * FROM root WHERE expires_ms < ? ORDER BY expires_ms LIMIT ?')).toBe(false);
  expect(lasting('SELECT * FROM root WHERE expires_ms < ? ORDER BY expires_ms LIMIT 10')).toBe(false);
});

test.each([
  'SELECT p.seq FROM posting p JOIN journal j ON j.seq = p.seq WHERE p.account = ?',
  'SELECT DISTINCT vnd, cur FROM cheque WHERE note IS NULL',
  'UPDATE cheque SET note = ?1 WHERE epoid IN (SELECT epoid FROM cheque WHERE vnd = ?2 LIMIT 5)',
  "SELECT min(receipt ->> '$.at') AS at FROM cheque WHERE vnd = ?",
  'SELECT source FROM deal UNION SELECT account FROM cheque',
  'INSERT INTO voucher SELECT * FROM other',
])('what a statement reaches must be said where its text does not show it: %s', (sql) => {
  expect(() => planOf(sql)).toThrow('say what this statement reaches');
  expect(loads(sql, { rows: ['cheque WHERE vnd = ?2'] })).toEqual([['SELECT * FROM cheque WHERE vnd = ?1', 2]]);
});

test('rows that nothing reads are inserted by a statement of its parameters, in order, and by no other', () => {
  const unread = (sql: string) => planOf(sql, { unread: true });
  const columns = ['n', 'seq'];
  expect(unread('INSERT INTO line (n, seq) VALUES (?, ?)')).toEqual({ kind: 'unread', table: 'line', columns });
  for (const wrong of [
    'INSERT INTO line (n, seq) VALUES (?2, ?1)',
    'INSERT INTO line (n, seq) VALUES (1, ?)',
    'INSERT INTO line (n, seq) VALUES (?, ?) ON CONFLICT (n) DO NOTHING',
    'UPDATE line SET n = ?',
  ]) {
    expect(() => unread(wrong)).toThrow('not an insert of its parameters');
  }
});
