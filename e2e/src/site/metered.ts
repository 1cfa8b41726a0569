// What the Gazette sells by the unit: one route each for a film by the second, tides by the day, a radio log by the message.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Farthing } from '@farthing/vendor';
import express, { type Express, type Request } from 'express';
import { webVtt } from './captions.ts';
import { film } from './content.ts';
import { mostDays, type Port, ports, radio, radioLog, tidesPrice, tideTable } from './harbour.ts';
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
  const fromOf = (req: Request): number => {
    const from = Number(req.query['from']);
    return clusters[from] ? from : 0;
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
    // A player that asks for a range of bytes gets all of it, as the protocol allows; `from` is in seconds.
    pay.stream({ price, unit: 'second', type: 'video/webm', description: title }, (req, signal) =>
      paced(seconds(fromOf(req)), { everyMs: 1000, aheadMs: 5000 }, signal),
    ),
  );
}

type Question = { readonly port: Port; readonly days: number };

/** `undefined` for what makes no sense. */
function questionOf({ query }: Request): Question | undefined {
  const [port, days] = [ports.get(String(query['port'])), Number(query['days'])];
  return port && Number.isInteger(days) && days >= 1 && days <= mostDays ? { port, days } : undefined;
}

function sellTides(app: Express, pay: Farthing): void {
  const units = (req: Request): number => questionOf(req)?.days ?? 1;
  const wall = pay.wall({ price: tidesPrice, unit: 'day', units, description: 'Tides' });

  app.get('/tides', (_req, res) => res.send(tidesPage()));
  // What makes no sense is said behind the wall, where it gives the money back: a payment may have come with it.
  app.get('/api/tides', wall, (req, res) => {
    const question = questionOf(req);
    if (question) res.json(tideTable(question.port, new Date(), question.days));
    else res.status(400).json({ error: `a port that we know, and 1 to ${mostDays} days` });
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
