// A server of the benchmark in a process of its own: one Express app, one page of a kilobyte and one stream, and in front
// of them one wall or none. Its CPU is what is measured.
import type { AddressInfo } from 'node:net';
import express from 'express';
import { answerCalls } from './harness/child.ts';
import { memoryNow } from './harness/memory.ts';
import { endProfile, startProfile } from './harness/profiler.ts';
import { content } from './walls/content.ts';
import { loadWall, type WallName } from './walls/index.ts';
import { FREE, type Mounted, type Setup } from './walls/wall.ts';

export type ServerApi = {
  /** `setupMs`: from the call to a wall that can sell. */
  start(what: { wall: WallName; setup: Setup }): Promise<{ url: string; port: number; setupMs: number }>;
  /** User and system time of the process, and of the thread of its event loop alone. */
  cpuMicros(nothing: undefined): { all: number; loop: number };
  drain(nothing: undefined): Promise<void>;
  fill(count: number): Promise<void>;
  /** A CPU profile from now on, written to this file when the process ends. */
  profile(file: string): Promise<void>;
  /** Bytes of live values and buffers. Collects garbage first, when the process was started with `--expose-gc`. */
  heap(nothing: undefined): Promise<number>;
};

let mounted: Mounted = {};

answerCalls<ServerApi>(
  {
    async start({ wall, setup }) {
      const app = express();
      app.get(FREE, content.page);
      const { mount } = await loadWall(wall);
      const startMs = performance.now();
      mounted = await mount(app, content, setup);
      const setupMs = performance.now() - startMs;
      const { promise, resolve } = Promise.withResolvers<void>();
      const server = app.listen(0, '127.0.0.1', () => resolve());
      server.keepAliveTimeout = 600_000;
      await promise;
      const { port } = server.address() as AddressInfo;
      return { url: `http://127.0.0.1:${port}`, port, setupMs };
    },
    cpuMicros() {
      const [all, loop] = [process.cpuUsage(), process.threadCpuUsage()];
      return { all: all.user + all.system, loop: loop.user + loop.system };
    },
    drain: async () => mounted.drain?.(),
    async fill(count) {
      if (!mounted.fill) throw new Error('this wall keeps nothing');
      await mounted.fill(count);
    },
    profile: startProfile,
    heap: async () => (await memoryNow()).heap,
  },
  async () => {
    await endProfile();
    await mounted.close?.();
  },
);
