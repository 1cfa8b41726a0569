// Sealed goods: what sealing a large file takes once, and what sending its ciphertext takes beside sending the file.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readChallenges, readRequest } from '@farthing/protocol';
import type { GoodsApi } from '../goods-server.ts';
import { Child } from '../harness/child.ts';
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare, gatedFirst, type Pair, quantile } from '../harness/stats.ts';
import { FILE, FREE, GOODS } from '../walls/wall.ts';

const BYTES = 100 * 2 ** 20;
const NAME = 'sealed/100MiB';
const SEALING = `${NAME}/sealing`;

export async function sealedJob(context: Context): Promise<Row[]> {
  if (!context.wants(NAME)) return [];
  context.say(`${NAME}…`);
  return context.attempt(NAME, 'MiB/s', () => measure(context));
}

async function measure(context: Context): Promise<Row[]> {
  await using child = new Child<GoodsApi>(join(import.meta.dirname, '..', 'goods-server.ts'));
  const { port } = await child.call('start', { setup: await context.setup(), bytes: BYTES });
  await context.profile(NAME, (file) => child.call('profile', file));
  const sealing = await seal(port);
  const shop = { child, port, path: sealing.path };
  await download(shop, FILE);
  await download(shop, shop.path);
  const restingBytes = await child.call('resident', undefined);
  const speeds: Pair[] = [];
  const cpu: Pair[] = [];
  for (let n = 0; n < context.pairs; n++) {
    const early = gatedFirst(n) ? await download(shop, shop.path) : undefined;
    const free = await download(shop, FILE);
    const gated = early ?? (await download(shop, shop.path));
    speeds.push({ gated: gated.perSecond, free: free.perSecond });
    cpu.push({ gated: gated.cpuMs, free: free.cpuMs });
  }
  const many = await Promise.all(Array.from({ length: 8 }, () => download(shop, shop.path)));
  const mostBytes = Math.max(...many.map(({ residentBytes }) => residentBytes));
  return [
    row(NAME, 'MiB/s of ciphertext', compare(speeds)),
    row(`${NAME}/cpu`, 'ms CPU a download', compare(cpu)),
    row(`${NAME}/memory-added`, 'MiB for 8 downloads at once', { value: (mostBytes - restingBytes) / 2 ** 20 }),
    row(SEALING, 'MiB/s, once for each content', { value: sealing.perSecond }),
    row(`${SEALING}/neighbours/p99`, 'ms of a free page meanwhile', compare([sealing.freeMs])),
  ];
}

type Shop = { readonly child: Child<GoodsApi>; readonly port: number; readonly path: string };

async function download({ child, port }: Shop, path: string) {
  const before = await child.call('cpuMicros', undefined);
  const startMs = performance.now();
  const running = take(port, path);
  let residentBytes = 0;
  const watch = setInterval(() => {
    void child.call('resident', undefined).then((now) => {
      residentBytes = Math.max(residentBytes, now);
    });
  }, 10);
  const bytes = await running.finally(() => clearInterval(watch));
  const elapsedMs = performance.now() - startMs;
  const cpuMs = ((await child.call('cpuMicros', undefined)) - before) / 1000;
  return { perSecond: ((bytes / 2 ** 20) * 1000) / elapsedMs, cpuMs, residentBytes };
}

/** @returns how many bytes came @throws {Error} not all of the file */
async function take(port: number, path: string): Promise<number> {
  const [answer] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [IncomingMessage];
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  await once(answer, 'end');
  if (answer.statusCode === 200 && bytes >= BYTES) return bytes;
  throw new Error(`${path} ended with ${answer.statusCode} after ${bytes} bytes`);
}

type Sealing = { readonly path: string; readonly perSecond: number; readonly freeMs: Pair };

/** The first who asks has the file sealed; free pages are asked for one after the other meanwhile, and afterwards as long. */
async function seal(port: number): Promise<Sealing> {
  const url = `http://127.0.0.1:${port}`;
  const startMs = performance.now();
  const asking = fetch(`${url}${GOODS}`);
  const gated = await pagesUntil(`${url}${FREE}`, asking);
  const answer = await asking;
  const tookMs = performance.now() - startMs;
  const free = await pagesUntil(`${url}${FREE}`, pause(tookMs));
  const [challenge] = readChallenges([answer.headers.get('www-authenticate') ?? '']);
  const offer = challenge && readRequest(challenge)?.methodDetails['sealed'];
  const path = typeof offer === 'object' && offer !== null && 'url' in offer ? String(offer.url) : undefined;
  if (path === undefined) throw new Error(`expected an offer of sealed goods, got ${answer.status}`);
  return { path, perSecond: ((BYTES / 2 ** 20) * 1000) / tookMs, freeMs: { gated, free } };
}

/** 99th percentile of the milliseconds that a page takes until something else has ended. */
async function pagesUntil(url: string, end: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = end.finally(() => {
    isOver = true;
  });
  const tookMs: number[] = [];
  while (!isOver) {
    const startMs = performance.now();
    await (await fetch(url)).arrayBuffer();
    tookMs.push(performance.now() - startMs);
  }
  await over;
  return quantile(tookMs, 0.99);
}
