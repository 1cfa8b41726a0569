// The Harbour Gazette as an Express app, with the published middleware only: what a site owner would write.
import { join } from 'node:path';
import { farthing } from '@farthing/vendor';
import express, { type Express, type Request } from 'express';
import { articles, picture, tides, tidesPrice } from './content.ts';
import { articlePage, frontPage, tidesPage, tidesScript } from './pages.ts';

export type SiteOptions = { broker: string; data: string };

export async function makeSite({ broker, data }: SiteOptions): Promise<{ app: Express; close(): Promise<void>; redeemNow(): Promise<unknown> }> {
  const app = express();
  app.disable('x-powered-by');
  const pay = await farthing({ broker, data, name: 'The Harbour Gazette' });
  const largePrint = join(import.meta.dirname, 'skerry-point.svg');

  app.get('/', (_req, res) => res.send(frontPage()));
  app.get('/tides', (_req, res) => res.send(tidesPage()));
  app.get('/tides.js', (_req, res) => res.type('js').send(tidesScript));
  app.get('/small/skerry-point.svg', (_req, res) => res.sendFile(largePrint));

  const articleOf = (req: Request) => articles.find(({ slug }) => slug === req.params['slug']);
  app.get(
    '/article/:slug',
    (req, _res, next) => next(articleOf(req) ? undefined : 'route'),
    pay.wall({ price: (req) => articleOf(req)?.price, description: (req) => articleOf(req)?.title }),
    (req, res, next) => {
      const article = articleOf(req);
      if (article) res.send(articlePage(article));
      else next();
    },
  );
  app.get('/picture/skerry-point.svg', pay.wall({ price: picture.price, description: picture.title }), (_req, res) => res.sendFile(largePrint));
  app.get('/api/tides', pay.wall({ price: tidesPrice, description: 'Tides at the pier' }), (_req, res) => res.json({ tides: tides(new Date()) }));
  app.use('/farthing', pay.routes());

  return { app, close: () => pay.close(), redeemNow: () => pay.redeemNow() };
}
