// What the Gazette sells by the unit: one route each for a film by the second, tides by the day, a radio log by the message.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Farthing } from '@farthing/vendor';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { webVtt } from './captions.ts';
import { film } from './content.ts';
import { mostDays, ports, radio, radioLog, tidesPrice, tideTable } from './harbour.ts';
import { filmPage, radioPage, tidesPage } from './metered-pages.ts';
import { paced } from './pace.ts';
import { cutWebm } from './webm.ts';

const here = import.meta.dirname;

export function sellByTheUnit(app: Express, pay: Farthing): void {
  app.use('/scripts', express.static(join(here, 'scripts'), { index: false }));
  sellFilm(app, pay);
  sellTides(app, pay);
  sellRadio(app, pay);
}

function sellFilm(app: Express, pay: Farthing): void {
  const { head, clusters } = cutWebm(readFileSync(join(here, 'film', 'skerry-point.webm')));
  const { price, title } = film;
  const fromOf = (req: Request): number => Number(req.query['from'] ?? 0);
  const withinTheFilm: RequestHandler = (req, res, next) => {
    if (clusters[fromOf(req)]) next();
    else res.sendStatus(404);
  };
  /** The first unit carries what the player needs before it. */
  function* seconds(from: number): Generator<Uint8Array> {
    for (const [n, cluster] of clusters.slice(from).entries()) yield n === 0 ? Buffer.concat([head, cluster]) : cluster;
  }

  app.get('/film', (_req, res) => res.send(filmPage()));
  app.get('/film/poster.jpg', (_req, res) => res.sendFile(join(here, 'film', 'poster.jpg')));
  app.get('/film/captions.vtt', (_req, res) => res.type('text/vtt').send(webVtt()));
  app.get(
    '/film/skerry-point.webm',
    withinTheFilm,
    // A player that asks for a range of bytes gets all of it, as the protocol allows; `from` is in seconds.
    pay.stream({ price, unit: 'second', type: 'video/webm', description: title }, (req, signal) =>
      paced(seconds(fromOf(req)), { everyMs: 1000, aheadMs: 5000 }, signal),
    ),
  );
}

const daysOf = (req: Request): number => Number(req.query['days']);

function sellTides(app: Express, pay: Farthing): void {
  /** Nonsense is not for sale. */
  const sensible: RequestHandler = (req, res, next) => {
    const days = daysOf(req);
    const isFine = ports.has(String(req.query['port'])) && Number.isInteger(days) && days >= 1 && days <= mostDays;
    if (isFine) next();
    else res.status(400).json({ error: `a port that we know, and 1 to ${mostDays} days` });
  };
  const wall = pay.wall({ price: tidesPrice, unit: 'day', units: daysOf, description: 'Tides' });

  app.get('/tides', (_req, res) => res.send(tidesPage()));
  app.get('/api/tides', sensible, wall, (req, res) => {
    const port = ports.get(String(req.query['port']));
    if (port) res.json(tideTable(port, new Date(), daysOf(req)));
    else res.sendStatus(404);
  });
}

function sellRadio(app: Express, pay: Farthing): void {
  const { price, title, everyMs } = radio;

  app.get('/radio', (_req, res) => res.send(radioPage()));
  app.get(
    '/radio/log',
    pay.stream({ price, unit: 'message', description: title }, (_req, signal) =>
      paced(radioLog(), { everyMs }, signal),
    ),
  );
}
