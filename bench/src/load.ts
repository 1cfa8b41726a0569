// The load in a process of its own: makes paid requests beforehand, sends them in windows, and says how it went.
import { answerCalls } from './harness/child.ts';
import { type Listened, listen } from './harness/listen.ts';
import { forget, type Load, run, type Window } from './harness/window.ts';
import { loadWall, type WallName } from './walls/index.ts';
import { FREE, type Payer, type Setup, streamTarget, TARGET } from './walls/wall.ts';

export type LoadApi = {
  meet(who: { wall: WallName; url: string; port: number; setup: Setup }): Promise<void>;
  /** Makes sure that so many requests are ready. What has been waiting for long is thrown away: challenges expire. */
  prepare(what: { port: number; count: number }): Promise<void>;
  run(load: Load): Promise<Window>;
  /** Free pages of a site, beside whatever else it is sent. */
  runFree(load: Load): Promise<Window>;
  /** One stream over one connection, paid ahead. */
  stream(what: { port: number; units: number }): Promise<Listened>;
  leave(port: number): Promise<void>;
};

type Site = {
  readonly payer: Payer;
  stock: Buffer[];
  madeAtMs: number;
};

const FRESH_MS = 120_000;
const sites = new Map<number, Site>();

const siteAt = (port: number): Site => {
  const site = sites.get(port);
  if (!site) throw new Error(`nobody is met at ${port}`);
  return site;
};

async function leave(port: number): Promise<void> {
  forget(port);
  await sites.get(port)?.payer.close?.();
  sites.delete(port);
}

answerCalls<LoadApi>(
  {
    async meet({ wall, url, port, setup }) {
      const { payer } = await loadWall(wall);
      sites.set(port, { payer: await payer(url, setup), stock: [], madeAtMs: 0 });
    },
    async prepare({ port, count }) {
      const site = siteAt(port);
      if (performance.now() - site.madeAtMs > FRESH_MS) site.stock = [];
      if (site.stock.length >= count) return;
      if (site.stock.length === 0) site.madeAtMs = performance.now();
      for (const line of await site.payer.pages(count - site.stock.length)) {
        site.stock.push(Buffer.from(`GET ${TARGET} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${line}\r\n\r\n`, 'latin1'));
      }
    },
    async run(load) {
      const { stock } = siteAt(load.port);
      let next = 0;
      const window = await run(() => stock[next++], load);
      stock.splice(0, next);
      return window;
    },
    runFree(load) {
      const asked = Buffer.from(`GET ${FREE} HTTP/1.1\r\nHost: 127.0.0.1:${load.port}\r\n\r\n`, 'latin1');
      return run(() => asked, load);
    },
    async stream({ port, units }) {
      const line = await siteAt(port).payer.stream?.(units);
      if (line === undefined) throw new Error('nothing streams here');
      return listen({ port, path: streamTarget(units), line });
    },
    leave,
  },
  async () => {
    for (const port of [...sites.keys()]) await leave(port);
  },
);
