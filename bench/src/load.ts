// The load in a process of its own: makes paid requests beforehand, sends them in windows, and says how it went.
import { answerCalls } from './harness/child.ts';
import { forget, type Load, run, type Window } from './harness/window.ts';
import { loadWall, type WallName } from './walls/index.ts';
import { type Setup, TARGET } from './walls/wall.ts';

export type LoadApi = {
  meet(who: { wall: WallName; url: string; port: number; setup: Setup }): Promise<void>;
  /** Makes sure that so many requests are ready. What has been waiting for long is thrown away: challenges expire. */
  prepare(what: { port: number; count: number }): Promise<void>;
  run(load: Load): Promise<Window>;
  leave(port: number): void;
};

type Site = {
  readonly pay: (count: number) => Promise<string[]>;
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

answerCalls<LoadApi>({
  async meet({ wall, url, port, setup }) {
    const { payer } = await loadWall(wall);
    sites.set(port, { pay: await payer(url, setup), stock: [], madeAtMs: 0 });
  },
  async prepare({ port, count }) {
    const site = siteAt(port);
    if (performance.now() - site.madeAtMs > FRESH_MS) site.stock = [];
    if (site.stock.length >= count) return;
    if (site.stock.length === 0) site.madeAtMs = performance.now();
    for (const line of await site.pay(count - site.stock.length)) {
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
  leave(port) {
    forget(port);
    sites.delete(port);
  },
});
