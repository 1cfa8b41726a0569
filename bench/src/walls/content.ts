// What every server of the benchmark serves, behind its wall or without one.
import { once } from 'node:events';
import type { RequestHandler } from 'express';

export type Content = {
  readonly page: RequestHandler;
  /** So many server-sent events (`TICK`), one a unit, as fast as they are taken. */
  ticks(units: number): AsyncIterable<string>;
};

/** One unit: a token of a model, a sample of a sensor. */
export const TICK = 'data: {"text":" lighthouse"}\n\n';

const body = { title: 'An article', text: 'It was a bright cold day in April. '.repeat(28) };

export const content: Content = {
  page: (_req, res) => {
    res.json(body);
  },
  async *ticks(units) {
    for (let n = 0; n < units; n++) yield TICK;
  },
};

/** A stream as sites write it that ask for nothing. */
export const freeStream =
  (ticks: Content['ticks']): RequestHandler =>
  async (req, res) => {
    res.status(200).setHeader('Content-Type', 'text/event-stream');
    res.flushHeaders();
    for await (const tick of ticks(Number(req.params['units']))) if (!res.write(tick)) await once(res, 'drain');
    res.end();
  };
