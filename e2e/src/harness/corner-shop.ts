// A site with every kind of answer that a browser can get for its money, in this process: for specs only.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { farthing } from '@farthing/vendor';
import express, { type Express } from 'express';

export type CornerShop = { readonly url: string; close(): Promise<void> };

const page = (title: string, body = ''): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${body}</html>`;
const links = [1, 2, 3].map((n) => `<a id="a${n}" href="/article/${n}">Article ${n}</a>`).join(' ');
const form =
  '<form method="post" action="/form"><input name="note" value="two eggs &amp; tea"><button>Send</button></form>';
const drawing =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="teal"/></svg>';

export async function openCornerShop(broker: string, data: string): Promise<CornerShop> {
  const app = express();
  const pay = await farthing({ broker, data, name: 'The Corner Shop', log: () => undefined });
  serve(app, pay.wall);
  app.use('/farthing', pay.routes());
  const server = createServer({ maxHeaderSize: 65_536 }, app);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      await pay.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

function serve(app: Express, wall: Awaited<ReturnType<typeof farthing>>['wall']): void {
  app.get('/', (_req, res) => void res.send(page('Front page', links + form)));
  app.get('/article/:id', wall({ price: '0.0015 USD' }), (req, res) => {
    res.send(page(`Article ${String(req.params['id'])}`, links));
  });
  app.get('/dear', wall({ price: '0.25 USD' }), (_req, res) => void res.send(page('Dear')));
  app.get('/data/:id', wall({ price: '0.0002 USD' }), (req, res) => void res.json({ id: String(req.params['id']) }));
  app.get('/redirect', wall({ price: '0.0015 USD' }), (_req, res) => void res.redirect('/article/50'));
  app.get('/download', wall({ price: '0.0015 USD' }), (_req, res) => {
    res.attachment('tides.bin').send(Buffer.from('high water'));
  });
  app.get('/broken', wall({ price: '0.0015 USD' }), (_req, res) => void res.status(500).send('out of order'));
  app.get('/picture/:id', wall({ price: '0.001 USD' }), (_req, res) => void res.type('image/svg+xml').send(drawing));
  app.post('/form', wall({ price: '0.003 USD' }), (_req, res) => void res.send(page('Thank you')));
}
