// A process of a site that takes coins, and is killed as `kill -9` does it right before or after one step of its store.
import { join } from 'node:path';
import express from 'express';
import { farthing, sqlite, type VendorStore } from '../index.ts';

const [broker = '', data = '', step = ''] = process.argv.slice(2);

/** Whoever waits for the answer never gets it. */
const die = (): Promise<never> => {
  process.kill(process.pid, 'SIGKILL');
  return new Promise<never>(() => {});
};

const store = sqlite(join(data, 'vendor.db'));
const dying: VendorStore = {
  ...store,
  async reserve(entry) {
    if (step === 'before the write') return die();
    const found = await store.reserve(entry);
    return step === 'after the write' ? die() : found;
  },
  settle(id, owner, verdict, undo) {
    return step === `before the ${verdict}` ? die() : store.settle(id, owner, verdict, undo);
  },
};

const secret = 'a shared binding secret 4 all workers!';
const ecash = { denominations: [] };
const pay = await farthing({ broker, data, store: dying, methods: ['ecash'], ecash, secret, log: () => {} });
const app = express();
let served = 0;
app.get('/page', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send(`page ${++served}`));
app.post('/order', pay.wall({ price: '0.002 USD' }), (_req, res) => void res.send(`order ${++served}`));
app.get('/failing', pay.wall({ price: '0.002 USD' }), (req, res) => {
  if (req.get('x-mood') === 'bad') return void res.status(500).send('sorry');
  res.send(`page ${++served}`);
});
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' && address ? address.port : 0, vnd: pay.vnd });
});
process.on('message', (message) => {
  if (message === 'served') process.send?.({ served });
  if (message === 'redeem') {
    const told = () => process.send?.({ redeemed: true });
    pay.redeemNow().then(told, told);
  }
});
