// What archiving does to books in PostgreSQL, between the batches of the brokers that write to them.
import { Gate } from '../books/postgres/gate.ts';
import { Line, Undone } from '../books/postgres/line.ts';
import { insertRows } from '../books/postgres/sets.ts';
import type { tablesOf } from '../books/postgres/tables.ts';
import { columnsIn, type Store } from './store.ts';

/** How often a transaction is made again that the server undid for the sake of a broker's. In the queue it is hardly ever undone. */
const TRIES = 20;

/** `tables`: of the same schema, from a file. @throws {Away} */
export async function serverStore(url: string, tables: ReturnType<typeof tablesOf>): Promise<Store> {
  const [line, gate] = [await Line.open(url), new Gate(url)];
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    // The turn of a writer: every broker looks at the tables anew afterwards.
    try {
      await line.script('BEGIN ISOLATION LEVEL SERIALIZABLE; UPDATE turn SET n = n + 1 WHERE one = 1');
      const result = await work();
      await line.script('COMMIT');
      return result;
    } catch (error) {
      if (!line.isBroken) await line.script('ROLLBACK').catch(() => undefined);
      throw error;
    }
  };
  return {
    async all(sql, ...values) {
      let last = 0;
      const text = sql.replaceAll('?', () => `$${++last}::bigint`);
      return (await line.run(text, ...values.map(String))).rows;
    },
    async insert(table, rows) {
      const columns = columnsIn(tables, table);
      await insertRows(line, table, { columns, rows: rows.map((row) => columns.map(({ name }) => row[name] ?? null)) });
    },
    async inOne(work) {
      try {
        for (let tries = 1; ; tries++) {
          // Who finds no place in the queue tries without one.
          await gate.enter().catch(() => undefined);
          try {
            return await attempt(work);
          } catch (error) {
            if (!(error instanceof Undone) || tries === TRIES) throw error;
          }
        }
      } finally {
        gate.leave();
      }
    },
    async close() {
      await gate.close();
      await line.close();
    },
  };
}
