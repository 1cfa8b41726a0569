// Looks at the laws on a thread and a connection of its own: sums over a million rows would hold up the orders.
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { Looks } from './look.ts';

// Opened here and not by the node-kit: loading that takes longer than all looks of an hour.
const db = new DatabaseSync(String(workerData), { readOnly: true, readBigInts: true, timeout: 5000 });
const looks = new Looks();

parentPort?.on('message', async () => {
  const startedMs = performance.now();
  try {
    db.exec('BEGIN');
    const broken = await looks.look((sql, ...values) => db.prepare(sql).all(...values));
    parentPort?.postMessage({ broken, tookMs: performance.now() - startedMs });
  } catch (error) {
    parentPort?.postMessage({ fault: error instanceof Error ? error.message : String(error), tookMs: 0 });
  } finally {
    if (db.isTransaction) db.exec('ROLLBACK');
  }
});
