// A process of a site that ends as its README says: on a signal it closes its server, then the site.
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { farthing } from '../index.ts';

const [broker = '', data = ''] = process.argv.slice(2);
const secret = 'a shared binding secret 4 all workers!';
const pay = await farthing({ broker, data, methods: ['scrip', 'payword'], secret, log: () => {} });
const app = express();
app.get('/page/:n', pay.wall({ price: '0.0015 USD', scope: 'page' }), async (req, res) => {
  await pause(20);
  res.send(`page ${req.params['n']}`);
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address ? address.port : 0 });
});
process.on('message', (message) => {
  if (message === 'redeem') void pay.redeemNow().then(() => process.send?.({ redeemed: true }));
});
process.on('SIGTERM', async () => {
  server.close();
  server.closeIdleConnections();
  await pay.close();
  server.closeAllConnections();
  process.exit(0);
});
