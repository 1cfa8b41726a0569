// Runs the Harbour Gazette: `--broker URL --data DIR --port N` (0: a free one), `--coins` to take private coins,
// `--store URL` of Redis or PostgreSQL instead of a file. Prints one line of JSON when ready.
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import type { VendorStore } from '@farthing/vendor';
import { makeSite } from './site.ts';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    data: { type: 'string' },
    port: { type: 'string', default: '0' },
    host: { type: 'string', default: '127.0.0.1' },
    store: { type: 'string' },
    coins: { type: 'boolean', default: false },
  },
});
if (!values.broker || !values.data) {
  console.error('usage: main.ts --broker URL --data DIR [--port N] [--host ADDRESS] [--coins] [--store URL]');
  process.exit(2);
}
const { broker, data, coins, host } = values;
const store = await openStore(values.store).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
const site = await makeSite({ broker, data, coins, ...(store ? { store } : {}) });
const server = site.app.listen(Number(values.port), host, () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    server.close();
    server.closeIdleConnections();
    // What was earned is claimed on the way out; without the broker it is kept for the next start.
    await site.redeemNow().catch(() => {});
    // Whoever has paid gets the page, and streams end.
    await site.close();
    server.closeAllConnections();
    process.exit(0);
  });
}

async function openStore(url: string | undefined): Promise<VendorStore | undefined> {
  if (url === undefined) return undefined;
  if (/^rediss?:/.test(url)) return (await import('@farthing/vendor/redis')).redis(url);
  if (/^postgres(ql)?:/.test(url)) return (await import('@farthing/vendor/postgres')).postgres(url);
  throw new Error('--store: expected redis://… or postgres://…');
}
