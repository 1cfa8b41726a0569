// A process of a site whose handler never answers, to be killed while it holds a reservation.
import express from 'express';
import { farthing } from '../index.ts';

const [broker = '', data = ''] = process.argv.slice(2);
const pay = await farthing({ broker, data, secret: 'a shared binding secret 4 all workers!', log: () => {} });
const app = express();
app.get('/page', pay.wall({ price: '0.0015 USD' }), () => process.send?.({ running: true }));
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address ? address.port : 0 });
});
