// Tables of earlier versions are brought up to date with all that is in them.
import { anyPostgres } from '@farthing/node-kit/testing';
import { expect, test } from 'vitest';
import { Db } from './db.ts';
import { postgres } from './postgres.ts';
import { migrate, migrations } from './schema.ts';

test('payments of the first version keep their verdicts, and those without one can still get it', async () => {
  const server = await anyPostgres();
  const schema = `old_${process.pid}`;
  const db = new Db(server.url);
  await migrate(db, schema, migrations(schema).slice(0, 1));
  const steps = { mints: ['change'], spends: ['b'], tallies: [], claims: [{ key: 'root', add: '7', untilMs: 1e15 }] };
  await db.run(
    `INSERT INTO ${schema}.payments VALUES ('done', 'cred', 'target', 'me', 1, 60000, 1, 'receipt', '{"spends":["a"]}'),
       ('begun', 'cred', 'target', 'me', 2, 60000, 0, 'receipt', $1), ('loose', 'cred', 'target', 'me', 3, 60000, 2, 'receipt', $1)`,
    JSON.stringify(steps),
  );
  const store = await postgres(server.url, { schema });
  const states = await Promise.all(['done', 'begun', 'loose'].map(async (id) => (await store.find(id))?.state));
  expect(states).toEqual(['committed', 'reserved', 'loose']);
  expect(await store.unsettled(10)).toMatchObject([{ mints: ['change'] }, { mints: ['change'] }]);
  expect(await Promise.all(['done', 'begun', 'loose'].map((id) => store.settle(id, 'me', 'commit')))).toEqual([
    false,
    true,
    true,
  ]);
  expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 14n }]);
  expect(await store.unsettled(10)).toEqual([]);
  await store.close();
  await db.run(`DROP SCHEMA ${schema} CASCADE`);
  await db.end();
  await server.stop();
});
