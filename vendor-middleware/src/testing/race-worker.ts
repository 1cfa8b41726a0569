// One of several processes of a site on one SQLite store or one Redis, for race tests: serves, and counts the runs of its handlers.
import { setTimeout as pause } from 'node:timers/promises';
import express from 'express';
import { farthing } from '../index.ts';
import { redis } from '../store/redis/redis.ts';

const [broker = '', data = '', url] = process.argv.slice(2);
const pay = await farthing({
  broker,
  data,
  ...(url ? { store: await redis(url) } : {}),
  methods: ['scrip', 'payword'],
  secret: 'a shared binding secret 4 all workers!',
  log: () => {},
});
const app = express();
let runs = 0;
app.post('/order', pay.wall({ price: '0.0015 USD' }), (_req, res) => {
  runs++;
  setImmediate(() => res.send('done'));
});
app.post('/tick', pay.wall({ price: '0.00001 USD', unit: 'tick' }), (_req, res) => {
  runs++;
  setImmediate(() => res.send('done'));
});
app.get(
  '/live',
  pay.stream({ price: '0.00001 USD', unit: 'tick' }, async function* (_req, signal) {
    while (!signal.aborted) {
      yield 'data: 1\n\n';
      await pause(1);
    }
  }),
);
app.get('/page', pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send('page'));
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address ? address.port : 0 });
});
process.on('message', (message) => {
  if (message === 'runs') process.send?.({ runs });
  // Another process may be redeeming, or hold the file for longer than one waits: what the broker was told is what counts.
  if (message === 'redeem') {
    const told = () => process.send?.({ redeemed: true });
    pay.redeemNow().then(told, told);
  }
});
