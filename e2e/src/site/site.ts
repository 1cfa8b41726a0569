// The Harbour Gazette as an Express app, with the published middleware only: what a site owner would write.
import { join } from 'node:path';
import { farthing } from '@farthing/vendor';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { type Article, almanac, almanacPrice, articlePrice, articles, picture } from './content.ts';
import { sellByTheUnit } from './metered.ts';
import { articlePage, frontPage } from './pages.ts';

export type SiteOptions = { broker: string; data: string };

const bySlug = new Map(articles.map((article) => [article.slug, article]));

const articleOf = (req: Request): Article | undefined => bySlug.get(String(req.params['slug']));

export async function makeSite({
  broker,
  data,
}: SiteOptions): Promise<{ app: Express; close(): Promise<void>; redeemNow(): Promise<unknown> }> {
  const app = express();
  app.disable('x-powered-by');
  const pay = await farthing({ broker, data, name: 'The Harbour Gazette', methods: ['scrip', 'payword'] });
  const largePrint = join(import.meta.dirname, 'skerry-point.svg');

  app.get('/', (_req, res) => res.send(frontPage()));
  app.get('/small/skerry-point.svg', (_req, res) => res.sendFile(largePrint));

  // What is not printed here is somebody else's 404, and never costs anything.
  const known: RequestHandler = (req, _res, next) => next(articleOf(req) ? undefined : 'route');
  const wall = pay.wall({ price: articlePrice, description: (req) => articleOf(req)?.title ?? 'An article' });
  app.get('/article/:slug', known, wall, (req, res) => {
    const article = articleOf(req);
    if (article) res.send(articlePage(article));
    else res.sendStatus(404);
  });
  app.get('/archive/the-almanac', pay.wall({ price: almanacPrice, description: almanac.title }), (_req, res) =>
    res.send(articlePage(almanac)),
  );
  app.get('/picture/skerry-point.svg', pay.wall({ price: picture.price, description: picture.title }), (_req, res) =>
    res.sendFile(largePrint),
  );
  sellByTheUnit(app, pay);
  app.use('/farthing', pay.routes());

  return { app, close: () => pay.close(), redeemNow: () => pay.redeemNow() };
}
