// H7: a site is told to end while visitors pay. Whoever paid has the page, or gets it from the next process for the same
// credential; nobody pays twice, and the site is paid for each page once.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ScripPiece } from '@farthing/protocol/wallet';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { challengesOf, credentialFor } from './testing/site.ts';
import { type TinyBroker, tinyBroker } from './testing/tiny-broker.ts';

const VISITORS = 60;
/** Pages after which the signal comes. */
const EARLY = 10;
const PRICE = 1_500n;

let broker: TinyBroker;
let data: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  broker = await tinyBroker();
  data = await mkdtemp(join(tmpdir(), 'farthing-ending-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await broker.close();
  await rm(data, { recursive: true, force: true });
});

async function worker() {
  const child = fork(join(import.meta.dirname, 'testing', 'ending-worker.ts'), [broker.url, data], {
    execArgv: ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning'],
  });
  children.push(child);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, url: `http://127.0.0.1:${port}` };
}

/** Asks for a page, and what pays for it. */
async function asked(url: string, n: number, piece: ScripPiece) {
  const path = `/page/${n}`;
  const [challenge] = challengesOf(await fetch(url + path));
  if (!challenge) throw new Error('no challenge');
  return { path, authorization: credentialFor(challenge, piece, { target: `GET ${path}` }).header };
}

type Visit = Awaited<ReturnType<typeof asked>>;

async function pages(url: string, { path, authorization }: Visit): Promise<string> {
  const answer = await fetch(url + path, { headers: { authorization } });
  const body = await answer.text();
  return answer.status === 200 ? body : `${answer.status} ${answer.headers.get('payment-consumed') ?? ''}`;
}

test('H7 SIGTERM under load: every credential buys its page once, from this process or the next', async () => {
  const first = await worker();
  const pieces = Array.from({ length: VISITORS / 20 }, () => broker.sell(PRICE, { count: 20 })).flat();
  const visits = await Promise.all(pieces.map((piece, n) => asked(first.url, n, piece)));
  let served = 0;
  const seen = await Promise.all(
    visits.map(async (visit, n) => {
      // In waves, so that some have not come when the signal does.
      for (let turn = 0; turn < n; turn++) await new Promise((done) => setImmediate(done));
      const said = await pages(first.url, visit).catch(() => 'cut');
      if (said.startsWith('page') && ++served === EARLY) first.child.kill('SIGTERM');
      return said;
    }),
  );
  const [code] = first.child.exitCode === null ? await once(first.child, 'exit') : [first.child.exitCode];
  expect(code).toBe(0);
  expect(served).toBeGreaterThanOrEqual(EARLY);
  for (const [n, said] of seen.entries()) expect([`page ${n}`, '503 ?0', 'cut']).toContain(said);

  const next = await worker();
  for (const [n, visit] of visits.entries()) expect(await pages(next.url, visit)).toBe(`page ${n}`);
  const redeemed = once(next.child, 'message');
  next.child.send('redeem');
  await redeemed;
  expect(broker.total()).toBe(PRICE * BigInt(VISITORS));
  next.child.kill('SIGTERM');
  expect((await once(next.child, 'exit'))[0]).toBe(0);
});
