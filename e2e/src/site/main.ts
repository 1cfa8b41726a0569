// Runs the Harbour Gazette: `--broker URL --data DIR --port N` (0: a free one), `--coins` to take private coins. Prints one line
// of JSON when ready.
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { makeSite } from './site.ts';

const { values } = parseArgs({
  options: {
    broker: { type: 'string' },
    data: { type: 'string' },
    port: { type: 'string', default: '0' },
    coins: { type: 'boolean', default: false },
  },
});
if (!values.broker || !values.data) {
  console.error('usage: main.ts --broker URL --data DIR [--port N] [--coins]');
  process.exit(2);
}
const site = await makeSite({ broker: values.broker, data: values.data, coins: values.coins });
const server = site.app.listen(Number(values.port), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close(() => {
      // What was earned is claimed on the way out; without the broker it is kept for the next start.
      const end = () => void site.close().finally(() => process.exit(0));
      site.redeemNow().then(end, end);
    });
    server.closeAllConnections();
  });
}
