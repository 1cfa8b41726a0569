import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readChanges } from './changes.ts';

function changesOf(...statements: string[]) {
  const db = new DatabaseSync(':memory:');
  db.exec(`CREATE TABLE one (a TEXT, b INTEGER, n INTEGER, bytes BLOB, PRIMARY KEY (b, a)) STRICT, WITHOUT ROWID;
    CREATE TABLE two (n INTEGER PRIMARY KEY, x TEXT) STRICT;
    INSERT INTO one VALUES ('old', 1, 10, x'00ff'), ('gone', 2, NULL, NULL)`);
  const session = db.createSession();
  for (const statement of statements) db.exec(statement);
  const changes = readChanges(session.changeset());
  db.close();
  return changes;
}

test('each row has one net change, with its key and the columns that differ', () => {
  const [one, two] = changesOf(
    "UPDATE one SET n = 11 WHERE a = 'old'",
    "UPDATE one SET n = -9223372036854775808 WHERE a = 'old'",
    "DELETE FROM one WHERE a = 'gone'",
    `INSERT INTO two (x) VALUES ('${'é'.repeat(100)}'), (NULL)`,
  );
  expect(one).toEqual({
    table: 'one',
    key: [0, 1],
    inserted: [],
    deleted: [['gone', 2n, null, null]],
    updated: [{ old: ['old', 1n, 10n, undefined], now: [undefined, undefined, -(2n ** 63n), undefined] }],
  });
  expect(two).toMatchObject({
    table: 'two',
    key: [0],
    inserted: [
      [1n, 'é'.repeat(100)],
      [2n, null],
    ],
  });
});

test('what was undone, or changed back, is no change', () => {
  expect(
    changesOf(
      "SAVEPOINT part; INSERT INTO two (x) VALUES ('no'); ROLLBACK TO part; RELEASE part",
      "UPDATE one SET n = 12 WHERE a = 'old'; UPDATE one SET n = 10 WHERE a = 'old'",
      "INSERT INTO one VALUES ('new', 3, 1, NULL); DELETE FROM one WHERE a = 'new'",
    ).flatMap(({ inserted, deleted, updated }) => [...inserted, ...deleted, ...updated]),
  ).toEqual([]);
});

test('a changeset that is cut off, or of another kind, is no changeset', () => {
  expect(() => readChanges(Uint8Array.of(0x54, 1, 1, 0x61, 0, 18, 0, 3, 9, 0x61))).toThrow('cut off');
  expect(() => readChanges(Uint8Array.of(0x55, 0))).toThrow('unknown kind');
});
