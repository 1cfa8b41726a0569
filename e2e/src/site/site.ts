// The Harbour Gazette as an Express app, with the published middleware only: what a site owner would write.
import { join } from 'node:path';
import { type Farthing, farthing, type VendorStore } from '@farthing/vendor';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { archivePrice, yearOf } from './archive.ts';
import { type Article, almanac, almanacPrice, articlePrice, articles, picture, print } from './content.ts';
import { sellByTheUnit } from './metered.ts';
import { archivePage, articlePage, frontPage } from './pages.ts';
import { png } from './print/png.ts';
import { PRINT, paint } from './print/skerry-point.ts';

/** `coins`: private ones are taken, too; the broker has to make some. */
export type SiteOptions = { broker: string; data: string; coins?: boolean; store?: VendorStore };

const bySlug = new Map(articles.map((article) => [article.slug, article]));

const articleOf = (req: Request): Article | undefined => bySlug.get(String(req.params['slug']));

export async function makeSite({
  broker,
  data,
  coins = false,
  store,
}: SiteOptions): Promise<{ app: Express; close(): Promise<void>; redeemNow(): Promise<unknown> }> {
  const app = express();
  app.disable('x-powered-by');
  const methods = ['scrip', 'payword', ...(coins ? (['ecash'] as const) : []), 'cheque'] as const;
  const pay = await farthing({ broker, data, name: 'The Harbour Gazette', methods, ...(store ? { store } : {}) });
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
  sellArchive(app, pay);
  sellPrint(app, pay);
  sellByTheUnit(app, pay);
  app.use('/farthing', pay.routes());

  return { app, close: () => pay.close(), redeemNow: () => pay.redeemNow() };
}

/** A page for each year; a wallet may pay many of them before anybody is asked. */
function sellArchive(app: Express, pay: Farthing): void {
  const known: RequestHandler = (req, _res, next) => next(yearOf(String(req.params['year'])) ? undefined : 'route');
  const description = (req: Request) => yearOf(String(req.params['year']))?.title ?? 'The archive';
  app.get('/archive', (_req, res) => res.send(archivePage()));
  app.get('/archive/year/:year', known, pay.wall({ price: archivePrice, description }), (req, res) => {
    const year = yearOf(String(req.params['year']));
    if (year) res.send(articlePage(year));
    else res.sendStatus(404);
  });
}

/** Painted when somebody asks for it first, and sealed: nobody can take the money and keep the picture. */
function sellPrint(app: Express, pay: Farthing): void {
  const { price } = print;
  app.get(
    '/print/skerry-point.png',
    pay.sealed({ price, media: 'image/png' }, () => png(PRINT, paint(PRINT))),
  );
}
