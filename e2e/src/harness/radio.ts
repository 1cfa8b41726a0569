// Runs a site that sells seconds of a stream that never ends: `--broker URL --data DIR --port N`. For specs that kill it.
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { farthing } from '@farthing/vendor';
import express from 'express';

const { values } = parseArgs({
  options: { broker: { type: 'string' }, data: { type: 'string' }, port: { type: 'string', default: '0' } },
});
const { broker = '', data = '', port: wanted } = values;
const pay = await farthing({ broker, data, name: 'Radio', methods: ['payword'], log: () => undefined });
const app = express();
app.get(
  '/live',
  pay.stream({ price: '0.00001 USD', unit: 'second' }, async function* (_req, signal) {
    for (let i = 1; !signal.aborted; i++) {
      yield `data: ${i}\n\n`;
      await pause(2);
    }
  }),
);
app.use('/farthing', pay.routes());
const server = app.listen(Number(wanted), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
});
process.once('SIGTERM', () => {
  server.close(() => {
    const end = () => void pay.close().finally(() => process.exit(0));
    pay.redeemNow().then(end, end);
  });
  server.closeAllConnections();
});
