import { arrayOf } from '@farthing/node-kit';
import { type PostgresServer, startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Line } from './line.ts';

let server: PostgresServer;
let line: Line;
beforeAll(async () => {
  server = await startPostgres();
  line = await Line.open(server.url);
}, 60_000);
afterAll(async () => {
  await line.close();
  await server.stop();
}, 60_000);

test('PostgreSQL reads every value of an array as it was', async () => {
  const texts = ['', 'NULL', null, '{"a":"b\\\\c"}', "',;\n\t", 'é€😀', '\\x00', 'x'.repeat(100_000)];
  const numbers = [0n, -1n, null, 2n ** 63n - 1n, -(2n ** 63n), 7n, 8n, 9n];
  const bytes = [null, new Uint8Array(), Uint8Array.of(0, 255, 34, 92), ...Array.from({ length: 5 }, () => null)];
  const { rows } = await line.run(
    'SELECT t, n, b FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS a(t, n, b)',
    arrayOf('text', texts),
    arrayOf('bigint', numbers),
    arrayOf('bytea', bytes),
  );
  expect(rows.map(({ t }) => t)).toEqual(texts);
  expect(rows.map(({ n }) => n)).toEqual(numbers);
  expect(rows.map(({ b }) => (b === null ? null : [...(b as Uint8Array)]))).toEqual(
    bytes.map((one) => one && [...one]),
  );
});

test('a value of another type is no part of an array', () => {
  expect(() => arrayOf('bigint', ['7'])).toThrow('expected bigint');
  expect(() => arrayOf('text', [7n])).toThrow('expected text');
  expect(() => arrayOf('bytea', ['00'])).toThrow('expected bytea');
  expect(() => arrayOf('bigint', [2n ** 63n])).toThrow(RangeError);
});
