// A server of the benchmark in a process of its own: one Express app, one page of a kilobyte, and in front of it one
// wall or none. Its CPU is what is measured.
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import { answerCalls } from './harness/child.ts';
import { loadWall, type WallName } from './walls/index.ts';
import type { Mounted, Setup } from './walls/wall.ts';

export type ServerApi = {
  /** `setupMs`: from the call to a wall that can sell. */
  start(what: { wall: WallName; setup: Setup }): Promise<{ url: string; port: number; setupMs: number }>;
  cpuMicros(nothing: undefined): number;
  drain(nothing: undefined): Promise<void>;
  /** Collects garbage first, when the process was started with `--expose-gc`. */
  memory(nothing: undefined): { rss: number; heap: number; external: number };
};

const body = { title: 'An article', text: 'It was a bright cold day in April. '.repeat(28) };
const page: RequestHandler = (_req, res) => {
  res.json(body);
};

let mounted: Mounted = {};

answerCalls<ServerApi>(
  {
    async start({ wall, setup }) {
      const app = express();
      const { mount } = await loadWall(wall);
      const startMs = performance.now();
      mounted = await mount(app, page, setup);
      const setupMs = performance.now() - startMs;
      const { promise, resolve } = Promise.withResolvers<void>();
      const server = app.listen(0, '127.0.0.1', () => resolve());
      server.keepAliveTimeout = 600_000;
      await promise;
      const { port } = server.address() as AddressInfo;
      return { url: `http://127.0.0.1:${port}`, port, setupMs };
    },
    cpuMicros() {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    drain: async () => mounted.drain?.(),
    memory() {
      globalThis.gc?.();
      const { rss, heapUsed, external } = process.memoryUsage();
      return { rss, heap: heapUsed, external };
    },
  },
  () => mounted.close?.(),
);
