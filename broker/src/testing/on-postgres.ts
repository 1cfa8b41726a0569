// For a run of the broker's suite with every ledger in PostgreSQL: one server, a database for each broker.
import { startPostgres } from '@farthing/node-kit/testing';
import { SERVER } from './postgres.ts';

export default async function onPostgres(): Promise<() => Promise<void>> {
  const running = process.env[SERVER];
  if (running !== undefined) return async () => undefined;
  const server = await startPostgres(['max_connections=300']);
  process.env[SERVER] = server.url;
  return () => server.stop();
}
