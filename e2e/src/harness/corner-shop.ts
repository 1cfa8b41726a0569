// A site with every kind of answer that a browser can get for its money, in this process: for specs only.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { nodeEnv } from '@farthing/node-kit';
import { type FarthingOptions, farthing } from '@farthing/vendor';
import express, { type Express, type Request, type RequestHandler } from 'express';
import { Taps } from './taps.ts';

export type CornerShop = {
  readonly url: string;
  readonly taps: Taps;
  /** Method, path and whether it was paid, of every request for what is sold by the unit. */
  readonly metered: readonly string[];
  /** Moves the shop's clock forward. */
  later(ms: number): void;
  close(): Promise<void>;
};

const page = (title: string, body = ''): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${body}</html>`;
const links = [1, 2, 3].map((n) => `<a id="a${n}" href="/article/${n}">Article ${n}</a>`).join(' ');
const form =
  '<form method="post" action="/form"><input name="note" value="two eggs &amp; tea"><button>Send</button></form>';
const drawing =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="teal"/></svg>';

/** What it takes, if not what corner shops usually do. `door`: stands before its pages. */
export type Takes = Required<Pick<FarthingOptions, 'methods'>> &
  Pick<FarthingOptions, 'ecash'> & { door?: RequestHandler };

export async function openCornerShop(broker: string, data: string, takes?: Takes): Promise<CornerShop> {
  const app = express();
  const { door, ...wanted } = takes ?? {};
  if (door) app.use(door);
  let aheadMs = 0;
  const pay = await farthing({
    broker,
    data,
    name: 'The Corner Shop',
    methods: ['scrip', 'payword'],
    payword: { fundings: ['prepaid'], idleMs: IDLE_MS },
    ...wanted,
    env: () => ({ ...nodeEnv(), nowMs: Date.now() + aheadMs }),
    log: () => undefined,
  });
  const taps = new Taps();
  const metered: string[] = [];
  app.use(['/meter', '/ticks', '/radio'], (req, _res, next) => {
    metered.push(`${req.method} ${req.originalUrl} ${req.headers.authorization === undefined ? 'asks' : 'pays'}`);
    next();
  });
  serve(app, pay.wall);
  app.get(
    '/print',
    pay.sealed({ price: '0.0015 USD', media: 'image/svg+xml' }, () => Buffer.from(drawing)),
  );
  if (!takes || takes.methods.includes('payword')) pour(app, pay.stream, taps);
  app.use('/farthing', pay.routes());
  const server = createServer({ maxHeaderSize: 65_536 }, app);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taps,
    metered,
    later: (ms) => {
      aheadMs += ms;
    },
    async close() {
      taps.close();
      await pay.close();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}

type Pay = Awaited<ReturnType<typeof farthing>>;

function serve(app: Express, wall: Pay['wall']): void {
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
  app.get('/meter/:id', wall({ price: '0.0002 USD', unit: 'call' }), (req, res) => {
    res.json({ id: String(req.params['id']) });
  });
  app.post('/meter', express.text(), wall({ price: '0.0002 USD', unit: 'call' }), (req, res) => {
    res.json({ echo: String(req.body) });
  });
  app.get('/free-ticks', (_req, res) => {
    res.type('text/event-stream').write('data: free\n\n');
  });
  app.get('/player/:name', (req, res) => {
    res.send(page('Player', `<audio controls src="/radio/${String(req.params['name'])}"></audio>`));
  });
  app.post('/form', wall({ price: '0.003 USD' }), (_req, res) => void res.send(page('Thank you')));
}

const IDLE_MS = 600_000;
const SECOND = 8_000;

/** What is sold by the unit: calls, events and sound. Streams give what their tap is given. */
function pour(app: Express, stream: Pay['stream'], taps: Taps): void {
  const name = (req: Request) => String(req.params['name']);
  app.all(
    '/ticks/:name',
    stream({ price: '0.0001 USD', unit: 'second' }, async function* (req, signal) {
      const start = Number(req.get('last-event-id') ?? 0);
      for await (const n of taps.open(name(req), signal)) {
        const tick = start + n;
        // A reader that is cut off comes back at once, and every third tick has a name of its own.
        yield `retry: 10\n${tick % 3 === 0 ? 'event: third\n' : ''}id: ${tick}\ndata: ${tick}\n\n`;
      }
    }),
  );
  app.all(
    '/radio/:name',
    stream({ price: '0.0001 USD', unit: 'second', type: 'audio/wav' }, async function* (req, signal) {
      for await (const n of taps.open(name(req), signal)) {
        const second = Buffer.alloc(SECOND, 128);
        yield n === 1 ? Buffer.concat([header(), second]) : second;
      }
    }),
  );
}

/** Of sound that does not end: 8000 bytes a second. */
function header(): Buffer {
  const bytes = Buffer.alloc(44);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(0x7fff_ffff, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(SECOND, 24);
  bytes.writeUInt32LE(SECOND, 28);
  bytes.writeUInt16LE(1, 32);
  bytes.writeUInt16LE(8, 34);
  bytes.write('data', 36);
  bytes.writeUInt32LE(0x7fff_ff00, 40);
  return bytes;
}
