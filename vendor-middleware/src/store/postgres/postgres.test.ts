import { type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll } from 'vitest';
import { storeSuite } from '../../testing/store-suite.ts';
import { postgres } from './postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

let schemas = 0;
storeSuite('PostgreSQL', async () => {
  const store = await postgres(server.url, { schema: `site_${++schemas}` });
  return { store, dispose: () => store.close() };
});
