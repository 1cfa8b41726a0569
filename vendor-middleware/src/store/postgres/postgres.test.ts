import { randomUUID } from 'node:crypto';
import { anyPostgres } from '@farthing/node-kit/testing';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { storeSuite } from '../../testing/store-suite.ts';
import { postgres } from './postgres.ts';

let server: Awaited<ReturnType<typeof anyPostgres>>;
beforeAll(async () => {
  server = await anyPostgres();
});
afterAll(() => server.stop());

storeSuite('PostgreSQL', async () => {
  const schema = `test_${randomUUID().replaceAll('-', '')}`;
  const store = await postgres(server.url, { schema });
  return {
    store,
    async dispose() {
      await store.close();
      // A server that is not ours keeps nothing of us.
      const client = new pg.Client(server.url);
      await client.connect();
      await client.query(`DROP SCHEMA ${schema} CASCADE`);
      await client.end();
    },
  };
});
