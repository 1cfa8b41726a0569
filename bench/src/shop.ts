// A site with many walls in a process of its own: each path is a scope that no wallet has paid before.
import type { AddressInfo } from 'node:net';
import { farthing } from '@farthing/vendor';
import express, { type Request, type RequestHandler } from 'express';
import { answerCalls } from './harness/child.ts';
import { type MethodName, methodOf, storeOf } from './methods/index.ts';
import { content, freeStream } from './walls/content.ts';
import { type Setup, STREAM, TICK_PRICE } from './walls/wall.ts';

export type ShopApi = {
  /** `article`: a page besides that is paid by a single charge, for a browser's first visit. */
  start(what: { setup: Setup; method: MethodName; paths: number; article?: boolean }): Promise<{ url: string }>;
};

/** Headed like the demo's article, so that the demo's first visit finds its way here too. */
const page: RequestHandler = (_req, res) => {
  const text = 'It was a bright cold day in April. '.repeat(28);
  res.send(`<!doctype html><title>An article</title><h1>The last lighthouse keeper</h1><p id="content">${text}`);
};
const { ticks } = content;
let close: () => unknown = () => undefined;

answerCalls<ShopApi>(
  {
    async start({ setup, method, paths, article = false }) {
      const { brokerUrl: broker, folder: data, secret } = setup;
      const { site, unit, streams } = methodOf(method);
      const store = storeOf('sqlite').open(setup);
      const methods = [
        ...new Set([...(article ? (['scrip'] as const) : []), ...(site.methods ?? (['scrip'] as const))]),
      ];
      const pay = await farthing({ ...site, methods, broker, data, secret, store, name: 'Benchmark' });
      close = () => pay.close();
      const price = { price: '0.0015 USD', ...(unit === undefined ? {} : { unit }) };
      const app = express();
      app.get('/free', page);
      if (article) app.get('/article', pay.wall({ price: '0.0015 USD' }), page);
      for (let n = 0; n < paths; n++) app.get(`/once/${n}`, pay.wall(price), page);
      app.get('/again/:id', pay.wall(price), page);
      if (streams) {
        app.get(`/free${STREAM}`, freeStream(ticks));
        const source = (req: Request) => ticks(Number(req.params['units']));
        app.get(STREAM, pay.stream({ price: TICK_PRICE, unit: 'tick' }, source));
      }
      app.use('/farthing', pay.routes());
      const { promise, resolve } = Promise.withResolvers<void>();
      const server = app.listen(0, '127.0.0.1', () => resolve());
      await promise;
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
    },
  },
  () => close(),
);
