// Looks at the laws on a thread and a connection of its own: sums over a million rows would hold up the orders.
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { Drift, Reader } from './laws.ts';
import { Looks } from './look.ts';

type Source = { readonly path: string } | { readonly url: string };
type Snapshot = <T>(work: (read: Reader) => Promise<T>) => Promise<T>;

/** Opened here and not by the node-kit: loading that takes longer than all looks of an hour. */
function ofFile(path: string): Snapshot {
  const db = new DatabaseSync(path, { readOnly: true, readBigInts: true, timeout: 5000 });
  return async (work) => {
    db.exec('BEGIN');
    try {
      return await work((sql, ...values) => db.prepare(sql).all(...values));
    } finally {
      if (db.isTransaction) db.exec('ROLLBACK');
    }
  };
}

/** A connection for each look: one is made in a moment, and none hangs on a server that went away. */
function ofServer(url: string): Snapshot {
  return async (work) => {
    const { Line } = await import('../books/postgres/line.ts');
    const line = await Line.open(url);
    try {
      await line.script('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY');
      return await work(async (sql, ...values) => {
        let last = 0;
        const text = sql.replaceAll('?', () => `$${++last}::bigint`);
        return (await line.run(text, ...values.map(String))).rows;
      });
    } finally {
      await line.close();
    }
  };
}

const source = workerData as Source;
const snapshot = 'path' in source ? ofFile(source.path) : ofServer(source.url);
const looks = new Looks();

parentPort?.on('message', async () => {
  const startedMs = performance.now();
  try {
    const broken: Drift[] = await snapshot((read) => looks.look(read));
    parentPort?.postMessage({ broken, tookMs: performance.now() - startedMs });
  } catch (error) {
    parentPort?.postMessage({ fault: error instanceof Error ? error.message : String(error), tookMs: 0 });
  }
});
