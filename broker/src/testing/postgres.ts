// Ledgers in PostgreSQL for tests: a database of its own for each broker.
import { randomBytes } from 'node:crypto';
import { Line } from '../books/postgres/line.ts';

/** Environment variable with the URL of any database of a server that tests may use. */
export const SERVER = 'FARTHING_TEST_POSTGRES';
/** The ledgers of this run are there, and in no files. */
export const isOnPostgres = process.env[SERVER] !== undefined;

/** @param server URL of any database of the server */
export async function newDatabase(server: string): Promise<string> {
  const name = `farthing_${randomBytes(6).toString('hex')}`;
  const line = await Line.open(server);
  await line.script(`CREATE DATABASE ${name}`);
  await line.close();
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
