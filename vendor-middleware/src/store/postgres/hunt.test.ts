import { startPostgres } from '@farthing/node-kit/testing';
import { afterAll, beforeAll, test } from 'vitest';
import { playAnyOrder } from '../../testing/any-order.ts';
import { postgres } from './postgres.ts';
let server: any;
beforeAll(async () => { server = await startPostgres(); });
afterAll(() => server.stop());
test.each(Array.from({ length: 24 }, (_, i) => 5000 + i))('hunt %i', (seed) => playAnyOrder(seed, () => postgres(server.url, { schema: `h${seed}` }), { spread: seed % 3 > 0 }), 120_000);
