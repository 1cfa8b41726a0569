// Runs a site that sells one picture sealed, for cheques: `--broker URL --data DIR --port N`. For specs that kill it.
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { farthing } from '@farthing/vendor';
import express from 'express';

const { values } = parseArgs({
  options: { broker: { type: 'string' }, data: { type: 'string' }, port: { type: 'string', default: '0' } },
});
const { broker = '', data = '', port: wanted } = values;
const pay = await farthing({ broker, data, vnd: 'gallery', methods: ['cheque'], log: () => undefined });
const app = express();
const picture = Buffer.alloc(300_000, 'a lighthouse, painted by numbers; ');
app.get(
  '/picture',
  pay.sealed({ price: '0.005 USD' }, () => picture),
);
app.use('/farthing', pay.routes());
const server = app.listen(Number(wanted), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ url: `http://127.0.0.1:${port}` }));
});
