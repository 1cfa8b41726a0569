import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { postgres } from './postgres/postgres.ts';
import { redis } from './redis/redis.ts';

let server: Server;
afterEach(() => server.close());

/** A port where nobody answers: `hangUp` takes connections and ends them, as Redis does with strangers in protected mode. */
async function port(hangUp: boolean): Promise<string> {
  server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  if (!hangUp) {
    server.close();
    await once(server, 'close');
  }
  return `127.0.0.1:${port}`;
}

const opens = {
  Redis: (host: string) => redis(`redis://someone:hidden@${host}`),
  PostgreSQL: (host: string) => postgres(`postgres://someone:hidden@${host}/d`),
};

test.each(
  (['Redis', 'PostgreSQL'] as const).flatMap((name) => [
    { name, hangUp: false },
    { name, hangUp: true },
  ]),
)(
  'A site whose $name is not there is told where it was looked for, and no password (hangs up: $hangUp)',
  async (at) => {
    const host = await port(at.hangUp);
    const error = await opens[at.name](host).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'store-unreachable',
      message: expect.stringContaining(`${at.name} at ${host} (`),
    });
    expect(String(error)).not.toMatch(/someone|hidden/);
  },
);

test('A Redis cluster that is not there is named by all its servers', async () => {
  const host = await port(false);
  const urls = [`redis://${host}`, `redis://:hidden@${host}`];
  await expect(redis({ cluster: urls })).rejects.toThrow(`Redis at ${host}, ${host} (`);
});
