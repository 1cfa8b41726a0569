// H7: the service is told to end while customers order. What it answered stands, what it did not answer is as if never sent or is
// answered when it is sent again, and no money is made or lost.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Order } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { openKeys } from './keys.ts';
import { ledgerPath } from './start.ts';
import { Bench, Person } from './testing/client.ts';
import { Processes } from './testing/process.ts';

const PEOPLE = 24;
/** Answers after which the signal comes. */
const EARLY = 120;

const processes = new Processes();
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'farthing-drain-'));
});
afterEach(() => {
  processes.kill();
  rmSync(data, { recursive: true });
});

async function serve() {
  const served = await processes.serve(data, '--test', '--json');
  return { ...served, bench: await new Bench().attach(String(JSON.parse(served.line).url)) };
}

type Sent = { readonly order: Order; readonly text: string | undefined };

test('H7 SIGTERM under load: all that was answered stands, all else can be sent again, nothing is lost', async () => {
  const { bench, child, ended } = await serve();
  const sent: Sent[] = [];
  let answers = 0;
  let isOver = false;
  const one = async (person: Person): Promise<void> => {
    while (!isOver) {
      const order = person.order('faucet/1', { amount: '3', cur: 'usd-micro' });
      const reply = await bench.post('/v1/faucet', order).catch(() => undefined);
      sent.push({ order, text: reply?.status === 200 ? reply.text : undefined });
      if (!reply) return;
      answers++;
      if (answers === EARLY) child.kill('SIGTERM');
    }
  };
  const all = Promise.all(Array.from({ length: PEOPLE }, () => one(new Person(bench))));
  expect(await ended).toBe(0);
  isOver = true;
  await all;
  expect(answers).toBeGreaterThanOrEqual(EARLY);

  const next = await serve();
  for (const { order, text } of sent) {
    const again = await next.bench.post('/v1/faucet', order);
    expect(again.status).toBe(200);
    if (text !== undefined) expect(again.text, 'what was answered is answered the same').toBe(text);
  }
  next.child.kill('SIGTERM');
  expect(await next.ended).toBe(0);
  const { ok, entries, findings } = auditLedger(ledgerPath(data), openKeys(data, bench.env()).root);
  expect([ok, entries, findings]).toEqual([true, sent.length, []]);
});

test('a client that keeps its connection open without a word does not hold up the end', async () => {
  const { bench, child, ended } = await serve();
  const { hostname, port } = new URL(bench.url);
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
  socket.on('error', () => {});
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  socket.destroy();
});

test('who is told twice ends at once, and what is on disk is whole', async () => {
  const { bench, child, ended } = await serve();
  const anna = new Person(bench);
  await anna.faucet(5n);
  const { hostname, port } = new URL(bench.url);
  // Half of an order holds the first end up.
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write('POST /v1/faucet HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{');
  // The service has taken the half when it answers somebody who came after.
  await anna.statement();
  child.kill('SIGTERM');
  await gone(bench.url);
  child.kill('SIGTERM');
  expect(await ended).toBe(1);
  expect(auditLedger(ledgerPath(data), openKeys(data, bench.env()).root).ok).toBe(true);
  socket.destroy();
});

/** Waits until nobody is let in any more. */
async function gone(url: string): Promise<void> {
  const { hostname, port } = new URL(url);
  for (;;) {
    const isIn = await new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), hostname, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.unref();
    });
    if (!isIn) return;
  }
}
