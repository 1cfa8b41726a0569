import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import { GroupCommit, openDatabase, openReadOnly, secretFile } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'farthing-'));
afterAll(() => rmSync(folder, { recursive: true }));
const schema = ['CREATE TABLE money(id INTEGER PRIMARY KEY, micro INTEGER NOT NULL CHECK (micro >= 0)) STRICT'];
/** Makes a table in a new file without WAL, and holds its lock for a moment. */
const HOLDER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const db = new (require('node:sqlite').DatabaseSync)(workerData);
  db.exec('BEGIN IMMEDIATE; CREATE TABLE other(a INTEGER)');
  parentPort.postMessage('held');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  db.exec('COMMIT');
  db.close();
`;
let count = 0;
const fresh = () => join(folder, `${++count}.db`);

describe('a database for money', () => {
  it('G5: durability holds on every open, not only on the first', () => {
    const path = fresh();
    for (let open = 0; open < 3; open++) {
      const db = openDatabase(path, schema);
      expect(db.prepare('SELECT synchronous AS s FROM pragma_synchronous').get()?.['s']).toBe(2n);
      db.exec('PRAGMA synchronous=OFF');
      db.close();
    }
  });
  it('is opened too while another process is just making the file', async () => {
    const path = fresh();
    const other = new Worker(HOLDER, { eval: true, workerData: path });
    await once(other, 'message');
    const db = openDatabase(path, schema);
    expect(db.prepare('SELECT name FROM sqlite_schema ORDER BY name').all()).toEqual([
      { name: 'money' },
      { name: 'other' },
    ]);
    db.close();
    await other.terminate();
  });
  it('E13: only its owner can read the file', () => {
    const path = fresh();
    openDatabase(path, schema).close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
  it('G9: amounts beyond 2^53 come back to the unit', () => {
    const db = openDatabase(':memory:', schema);
    db.prepare('INSERT INTO money VALUES (1, ?)').run(9_007_199_254_740_993n);
    expect(db.prepare('SELECT micro FROM money').get()?.['micro']).toBe(9_007_199_254_740_993n);
  });
  it('G17: a database of a newer program is refused, an older one is brought up to date', () => {
    const path = fresh();
    openDatabase(path, schema).close();
    openDatabase(path, [...schema, 'CREATE TABLE more(a INTEGER) STRICT']).close();
    expect(() => openDatabase(path, schema)).toThrow(/newer version/);
  });
  it('a migration that fails leaves nothing behind', () => {
    const path = fresh();
    expect(() => openDatabase(path, [...schema, 'nonsense'])).toThrow();
    const db = openReadOnly(path);
    expect(db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n']).toBe(0n);
    db.close();
  });
});

describe('group commit', () => {
  it('G19: one bad operation of many undoes itself and spoils no other', async () => {
    const db = openDatabase(fresh(), schema);
    const group = new GroupCommit(db);
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, (_, i) =>
        group.run((tx) => {
          tx.prepare('INSERT INTO money VALUES (?, ?)').run(BigInt(i), 1n);
          if (i % 10 === 3) throw new Error(`operation ${i}`);
          if (i % 10 === 4) tx.prepare('INSERT INTO money VALUES (?, ?)').run(BigInt(i + 1000), -1n);
          return i;
        }),
      ),
    );
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(60);
    expect(db.prepare('SELECT count(*) AS n, min(micro) AS least FROM money').get()).toEqual({ n: 240n, least: 1n });
    group.close();
  });
  it('operations that may run again leave what they would with a SAVEPOINT each, however they end', async () => {
    const db = openDatabase(fresh(), schema);
    const group = new GroupCommit(db);
    const put = db.prepare('INSERT INTO money VALUES (?, 1)');
    const runs: number[] = [];
    const operation = (i: number) => () => {
      runs[i] = (runs[i] ?? 0) + 1;
      if (i === 2) throw new Error('2 changed nothing');
      put.run(BigInt(i));
      if (i === 5) throw new Error('5 was half done');
      // A part of it that fails leaves the rest of it.
      const part = () => {
        put.run(BigInt(100 + i));
        if (i === 7) throw new Error('a part of 7');
      };
      try {
        group.apart(part);
      } catch (error) {
        return (error as Error).message;
      }
      return i;
    };
    const ask = (...ids: number[]) => Promise.allSettled(ids.map((i) => group.repeat(operation(i))));
    expect(await ask(0, 1, 2, 3)).toMatchObject([
      { value: 0 },
      { value: 1 },
      { reason: { message: '2 changed nothing' } },
      { value: 3 },
    ]);
    expect([runs, group.undone]).toEqual([[1, 1, 1, 1], 0]);
    expect(await ask(4, 5, 6, 7, 8)).toMatchObject([
      { value: 4 },
      { reason: { message: '5 was half done' } },
      { value: 6 },
      { value: 'a part of 7' },
      { value: 8 },
    ]);
    expect([runs.slice(4), group.undone]).toEqual([[2, 2, 1, 1, 1], 1]);
    expect(
      db
        .prepare('SELECT id FROM money ORDER BY id')
        .all()
        .map(({ id }) => Number(id)),
    ).toEqual([...[0, 1, 3, 4, 6, 7, 8], ...[100, 101, 103, 104, 106, 108]]);
    group.close();
  });
  it('an operation that hides that a part of it failed is run again all the same', async () => {
    const db = openDatabase(fresh(), schema);
    const group = new GroupCommit(db);
    const hidden = () => {
      try {
        group.apart(() => {
          db.exec('INSERT INTO money VALUES (1, 1)');
          throw new Error('a part');
        });
      } catch {
        return 'went on';
      }
      return 'never';
    };
    expect(await group.repeat(hidden)).toBe('went on');
    expect(db.prepare('SELECT count(*) AS n FROM money').get()?.['n']).toBe(0n);
    expect(group.undone).toBe(1);
    group.close();
  });
  it('G6: when an error has ended the transaction, nothing of its batch is written or answered', async () => {
    const db = openDatabase(fresh(), schema);
    const group = new GroupCommit(db);
    const put = (id: number) => () => void db.prepare('INSERT INTO money VALUES (?, 1)').run(BigInt(id));
    const lost = () => {
      db.exec('ROLLBACK');
      throw new Error('the disk is full');
    };
    const results = await Promise.allSettled([group.repeat(put(1)), group.repeat(lost), group.repeat(put(2))]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(db.prepare('SELECT count(*) AS n FROM money').get()?.['n']).toBe(0n);
    await expect(group.repeat(put(3))).rejects.toThrow(/restart/);
    group.close();
  });
  it('an answer leaves only after the commit: another connection sees what was acknowledged', async () => {
    const path = fresh();
    const group = new GroupCommit(openDatabase(path, schema));
    const reader = openReadOnly(path);
    for (let id = 0; id < 20; id++) {
      await group.run((tx) => tx.prepare('INSERT INTO money VALUES (?, 1)').run(BigInt(id)));
      expect(reader.prepare('SELECT count(*) AS n FROM money').get()?.['n']).toBe(BigInt(id + 1));
    }
    reader.close();
    group.close();
  });
  it('G6: when the commit fails every member gets an error, and the handle is not used again', async () => {
    const db = openDatabase(fresh(), [
      'CREATE TABLE a(id INTEGER PRIMARY KEY) STRICT; CREATE TABLE b(a INTEGER REFERENCES a(id) DEFERRABLE INITIALLY DEFERRED) STRICT',
    ]);
    const group = new GroupCommit(db);
    const results = await Promise.allSettled([
      group.run((tx) => tx.exec('INSERT INTO a VALUES (1)')),
      group.run((tx) => tx.exec('INSERT INTO b VALUES (99)')), // breaks at COMMIT only
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(group.run(() => 1)).rejects.toThrow(/restart/);
    group.close();
  });
  it('what a store does around the operations is in their transaction, and fails them all when it fails', async () => {
    const path = fresh();
    const db = openDatabase(path, schema);
    let good = true;
    const around = {
      begin: () => db.exec('INSERT INTO money VALUES (NULL, 1)'),
      end: () => {
        if (!good) throw new Error('memory and file differ');
      },
    };
    const group = new GroupCommit(db, around);
    const refuse = () => {
      throw new Error('refused');
    };
    const results = await Promise.allSettled([group.decide(refuse), group.decide(() => 'done')]);
    expect(results).toMatchObject([{ reason: { message: 'refused' } }, { value: 'done' }]);
    good = false;
    await expect(group.decide(() => 'never')).rejects.toThrow(/restart/);
    expect(() => group.check()).toThrow(/restart/);
    group.close();
    const reader = openReadOnly(path);
    expect(reader.prepare('SELECT count(*) AS n FROM money').get()?.['n']).toBe(1n);
    reader.close();
  });
  it('what is in no hurry keeps its place, goes with whoever comes, and comes to its turn alone too', async () => {
    const group = new GroupCommit(openDatabase(fresh(), schema));
    const order: string[] = [];
    const note = (text: string) => () => void order.push(text);
    const late = group.decide(note('late'), { hurry: false });
    await group.decide(note('now'));
    expect(order).toEqual(['late', 'now']);
    await late;
    await group.decide(note('alone'), { hurry: false });
    expect(order).toEqual(['late', 'now', 'alone']);
    group.close();
  });
  it('waits for a lock that another process holds without holding up the event loop, and keeps its order', async () => {
    const path = fresh();
    const group = new GroupCommit(openDatabase(path, schema));
    const other = openDatabase(path, schema);
    other.exec('BEGIN IMMEDIATE');
    const order: string[] = [];
    const note = (text: string) => () => void order.push(text);
    const first = group.run(note('first'));
    // Only a loop that goes on can let go of the lock.
    for (let turn = 0; turn < 20; turn++) await new Promise((done) => setImmediate(done));
    expect(order).toEqual([]);
    const second = group.run(note('second'));
    setImmediate(() => other.exec('ROLLBACK'));
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
    other.close();
    group.close();
  });
  it('is refused when the lock stays with another process; a later try is safe', async () => {
    const path = fresh();
    const group = new GroupCommit(openDatabase(path, schema), undefined, { lockedMs: 1 });
    const other = openDatabase(path, schema);
    other.exec('BEGIN IMMEDIATE');
    await expect(group.run(() => 'never')).rejects.toThrow(/locked/);
    other.close();
    await expect(group.run(() => 'done')).resolves.toBe('done');
    group.close();
  });
  it('what waits is finished before the database closes, and nothing starts afterwards', async () => {
    const group = new GroupCommit(openDatabase(fresh(), schema));
    const waiting = group.run(() => 'done');
    group.close();
    await expect(waiting).resolves.toBe('done');
    await expect(group.run(() => 1)).rejects.toThrow(/closed/);
  });
});

describe('secret files', () => {
  it('are made once and come back the same', () => {
    const path = join(folder, 'deep', 'secret');
    const first = secretFile(path, () => 'a');
    expect([first, secretFile(path, () => 'b')]).toEqual(['a', 'a']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
  it('E13: one that others can read is refused, with the command that mends it', () => {
    const path = join(folder, 'open');
    writeFileSync(path, 'x');
    chmodSync(path, 0o644);
    expect(() => secretFile(path, () => 'y')).toThrow(`chmod 600 ${path}`);
  });
});
