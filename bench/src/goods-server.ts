// A shop of one large file in a process of its own: the file as Express sends it, and the same file as sealed goods.

import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { farthing } from '@farthing/vendor';
import express from 'express';
import { answerCalls } from './harness/child.ts';
import { endProfile, startProfile } from './harness/profiler.ts';
import { FILE, FREE, GOODS, type Setup } from './walls/wall.ts';

export type GoodsApi = {
  /** Makes a file of so many bytes to sell. */
  start(what: { setup: Setup; bytes: number }): Promise<{ port: number }>;
  /** Bytes of memory that the process occupies at this moment. */
  resident(nothing: undefined): number;
  cpuMicros(nothing: undefined): number;
  profile(file: string): Promise<void>;
};

let close: (() => Promise<void>) | undefined;

answerCalls<GoodsApi>(
  {
    async start({ setup: { folder, brokerUrl, secret }, bytes }) {
      const file = join(folder, 'goods.bin');
      await fill(file, bytes);
      const pay = await farthing({ broker: brokerUrl, data: folder, secret, name: 'Benchmark', log: () => {} });
      const app = express();
      app.get(FREE, (_req, res) => void res.end('free'));
      app.get(FILE, (_req, res) => res.sendFile(file));
      app.get(
        GOODS,
        pay.sealed({ price: '0.01 USD' }, () => file),
      );
      app.use('/farthing', pay.routes());
      const server = app.listen(0, '127.0.0.1');
      await once(server, 'listening');
      close = () => pay.close();
      return { port: (server.address() as AddressInfo).port };
    },
    resident: () => process.memoryUsage.rss(),
    cpuMicros() {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    profile: startProfile,
  },
  async () => {
    await endProfile();
    await close?.();
  },
);

async function fill(file: string, bytes: number): Promise<void> {
  const out = createWriteStream(file);
  const block = Buffer.alloc(1_048_576);
  for (let left = bytes; left > 0; left -= block.length) {
    randomFillSync(block);
    if (!out.write(Buffer.from(block.subarray(0, left)))) await once(out, 'drain');
  }
  out.end();
  await once(out, 'close');
}
