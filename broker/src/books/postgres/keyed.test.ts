import { expect, test } from 'vitest';
import type { Row } from '../port.ts';
import { Keyed } from './keyed.ts';
import { Missing } from './needs.ts';
import { View } from './view.ts';

const COLUMNS = ['vnd', 'root', 'credited', 'note'].map((name) => ({ name, type: 'TEXT' }));
const KEY = ['vnd', 'root'];

function opened() {
  const table = new Keyed('root', COLUMNS, KEY);
  return {
    table,
    get: table.prepare('SELECT * FROM root WHERE root = ?2 AND vnd = ?1'),
    set: table.prepare('UPDATE root SET credited = ?, note = ? WHERE vnd = ? AND root = ?'),
    add: table.prepare('INSERT INTO root (root, vnd, credited, note) VALUES (?, ?, ?, ?)'),
    put: table.prepare(
      'INSERT INTO root (vnd, root, credited) VALUES (?, ?, ?) ON CONFLICT (vnd, root) DO UPDATE SET credited = excluded.credited',
    ),
  };
}
const row = (credited: bigint, more: Row = {}): Row => ({ vnd: 'a', root: '1', credited, note: null, ...more });

test('a row is read by its key alone, and what came first is not brought over', () => {
  const { table, get } = opened();
  expect([table.bring(row(5n)), table.bring(row(6n))]).toEqual([true, false]);
  expect([get.get('a', '1'), get.get('1', 'a'), get.all('a', '2')]).toEqual([row(5n), undefined, []]);
});

test('keys that are the same text when they are put together are two keys', () => {
  const { get, add } = opened();
  add.run('2 3', '1', 7, null);
  add.run('3', '1 2', 8, null);
  expect(get.get('1', '2 3')).toMatchObject({ credited: 7n });
  expect(get.get('1 2', '3')).toMatchObject({ credited: 8n });
});

test('a row that was changed twice is told once, with the old values of what is other now and of its key', () => {
  const { table, set, add } = opened();
  table.bring(row(5n, { note: 'x' }));
  expect(set.run(6, 'x', 'a', '1')).toEqual({ changes: 1 });
  set.run(7n, 'x', 'a', '1');
  expect(set.run(1n, 'x', 'a', '2')).toEqual({ changes: 0 });
  add.run('2', 'a', 1n, null);
  set.run(2n, 'y', 'a', '2');
  expect(table.changes()).toEqual({
    table: 'root',
    key: [0, 1],
    inserted: [['a', '2', 2n, 'y']],
    updated: [{ old: ['a', '1', 5n, undefined], now: [undefined, undefined, 7n, undefined] }],
    deleted: [],
  });
});

test('a row that is as it was in the end has not changed', () => {
  const { table, set } = opened();
  table.bring(row(5n));
  set.run(6n, 'x', 'a', '1');
  set.run(5n, null, 'a', '1');
  expect(table.changes()).toMatchObject({ inserted: [], updated: [] });
});

test('an insert gives way where it says so, changes what it names, and fails where it does not say so', () => {
  const { table, get, put, add } = opened();
  table.bring(row(5n, { note: 'kept' }));
  put.run('a', '1', 6);
  put.run('a', '2', 7);
  expect([get.get('a', '1'), get.get('a', '2')]).toMatchObject([row(6n, { note: 'kept' }), { credited: 7n }]);
  expect(() => add.run('1', 'a', 9n, null)).toThrow('there already');
  expect(get.get('a', '1')).toEqual(row(6n, { note: 'kept' }));
});

test('what was undone is as before, what was committed is the new past, and what was cleared is gone', () => {
  const { table, get, set, add } = opened();
  table.bring(row(5n));
  set.run(6n, null, 'a', '1');
  const { mark } = table;
  set.run(7n, null, 'a', '1');
  add.run('2', 'a', 1n, null);
  table.undo(mark);
  expect([get.get('a', '1'), get.get('a', '2')]).toEqual([row(6n), undefined]);
  table.commit();
  expect(table.changes()).toMatchObject({ inserted: [], updated: [] });
  set.run(8n, null, 'a', '1');
  table.undo(0);
  expect(get.get('a', '1')).toEqual(row(6n));
  table.clear();
  expect(get.get('a', '1')).toBeUndefined();
});

test.each([
  'SELECT * FROM root WHERE vnd = ?',
  'SELECT * FROM root WHERE vnd = ? AND root > ?',
  'SELECT * FROM root WHERE vnd = ? AND root = ? AND credited = ?',
  'SELECT max(credited) FROM root WHERE vnd = ? AND root = ?',
  'SELECT * FROM vendor WHERE vnd = ? AND root = ?',
  'SELECT * FROM root JOIN vendor WHERE vnd = ? AND root = ?',
  'UPDATE root SET credited = credited + ? WHERE vnd = ? AND root = ?',
  'DELETE FROM root WHERE vnd = ? AND root = ?',
  'INSERT INTO root (vnd, root) VALUES (?, 1)',
  'INSERT INTO root (vnd, root) VALUES (?, ?) ON CONFLICT (vnd) DO UPDATE SET vnd = excluded.vnd',
  'INSERT INTO root (vnd, root) VALUES (?, ?) ON CONFLICT (vnd, root) DO NOTHING',
  'INSERT INTO root (vnd, root) VALUES (?, ?) ON CONFLICT (vnd, root) DO UPDATE SET credited = root.credited',
])('a statement that asks in another way is refused when it is prepared: %s', (sql) => {
  expect(() => opened().table.prepare(sql)).toThrow('by their key alone');
});

test('in a view they follow the parts and passes of the rest, and no statement goes past them', () => {
  const view = new View([
    `CREATE TABLE balance (account TEXT, cur TEXT, amount INTEGER, PRIMARY KEY (account, cur)) STRICT, WITHOUT ROWID;
     CREATE TABLE one (n INTEGER PRIMARY KEY) STRICT;`,
  ]);
  expect(() => view.prepare('SELECT amount FROM balance WHERE cur = ?')).toThrow('by their key alone');
  expect(() =>
    view.prepare('SELECT n FROM one JOIN balance ON amount = n WHERE n = ?', { rows: ['one WHERE n = ?1'] }),
  ).toThrow('by their key alone');
  const get = view.prepare('SELECT amount FROM balance WHERE account = ? AND cur = ?');
  const set = view.prepare('UPDATE balance SET amount = ? WHERE account = ? AND cur = ?');
  view.begin();
  const first = view.pass(() => expect(() => get.get('a', 'usd')).toThrow(Missing));
  for (const need of 'missing' in first ? first.missing : []) {
    view.bring(need.load, [{ account: 'a', cur: 'usd', amount: 5n }]);
    view.met(need);
  }
  expect(view.pass(() => void get.get('a', 'usd'))).toEqual({ changes: [] });
  const read: unknown[] = [];
  const done = view.pass(() => {
    view.apart(() => set.run(6n, 'a', 'usd'));
    try {
      view.apart(() => {
        set.run(7n, 'a', 'usd');
        throw new Error('short of money');
      });
    } catch {
      read.push(get.get('a', 'usd')?.['amount']);
    }
  });
  expect(done).toMatchObject({
    changes: [{ table: 'balance', updated: [{ old: ['a', 'usd', 5n], now: [undefined, undefined, 6n] }] }],
  });
  // Once as it fails, and once for itself: then what it changed is undone.
  expect(read).toEqual([7n, 6n]);
});
