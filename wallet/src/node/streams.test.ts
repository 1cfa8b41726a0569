// Streams and credit as people use them at a terminal: real processes, a real broker and a real site on this machine.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Market, openMarket } from '../testing/market.ts';
import { tape } from '../testing/tape.ts';
import { terminal } from '../testing/terminal.ts';

let market: Market;
let dir: string;
let data: string;
let wallets = 0;
let reel: ReturnType<typeof tape>;
const { start, cli, json } = terminal(() => ({ data, brokerUrl: market.broker.url }));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-cli-'));
  market = await openMarket((app, pay) => {
    app.get('/call', pay.wall({ price: '0.00001 USD', unit: 'call' }), (_req, res) => void res.send('called'));
    app.all(
      '/live',
      pay.stream({ price: '0.0001 USD', unit: 'second' }, () => reel.play()),
    );
  });
});
afterAll(async () => {
  await market.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  data = join(dir, `wallet-${++wallets}`);
  reel = tape();
});

test('a stream is played and paid until it ends, within what was allowed; balance and history tell', async () => {
  await cli('init');
  await cli('top-up', '1.00');
  reel.roll(12);
  reel.end();
  const played = await cli('stream', `${market.origin}/live`, '--max', '0.05');
  expect([played.status, played.out.match(/data: \d/g)?.length]).toEqual([0, 12]);
  expect(played.err).toContain('Paid $0.0012 for 12 second.');
  expect((await cli('history', '--limit', '1')).out).toMatch(/paid +payment +-\$0\.0012 .*\/live {2}12 second/);
  expect((await json('sessions')).value).toMatchObject([{ origin: market.origin, state: 'open' }]);
  reel = tape();
  reel.roll(5);
  reel.end();
  const file = join(dir, 'live.txt');
  const told = await cli('pay', `${market.origin}/live`, '--yes', '--json', '-o', file);
  const events = told.out
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect(events.at(-1)).toMatchObject({ event: 'end', state: 'ended', units: 5, spentMicro: '500' });
  expect(readFileSync(file, 'utf8').match(/data: \d/g)).toHaveLength(5);
  expect((await json('close')).value).toMatchObject([{ state: 'refunded' }]);
  expect((await json('balance')).value.totalMicro).toBe('998300');
});

test('Ctrl-C ends a stream, and says what was paid; what was not delivered is not charged', async () => {
  await cli('init');
  await cli('top-up', '1.00');
  reel.roll(3);
  const { child, ran, end } = start('stream', `${market.origin}/live`, '--max', '0.05');
  await expect.poll(() => ran.out.match(/data: \d/g)?.length, { timeout: 20_000 }).toBe(3);
  child.kill('SIGINT');
  const { status, err } = await end;
  expect([status, err]).toEqual([0, expect.stringContaining('Paid $0.0003 for 3 second.')]);
  expect((await json('balance')).value).toMatchObject({ totalMicro: '999700', brokers: [{ heldMicro: '0' }] });
});

test('a process that is killed in a stream is mended by recover: what was delivered is paid, the rest is back', async () => {
  await cli('init');
  await cli('top-up', '1.00');
  reel.roll(4);
  const { child, ran, end } = start('stream', `${market.origin}/live`, '--max', '0.05');
  await expect.poll(() => ran.out.match(/data: \d/g)?.length, { timeout: 20_000 }).toBe(4);
  child.kill('SIGKILL');
  await end;
  await expect.poll(async () => (await cli('recover')).status, { timeout: 20_000 }).toBe(0);
  expect((await json('balance')).value).toMatchObject({ totalMicro: '999600', brokers: [{ heldMicro: '0' }] });
  expect((await json('history', '--limit', '1')).value).toMatchObject([
    { state: 'paid', units: 4, amountMicro: '400' },
  ]);
});

test('a stream that reaches what was allowed pauses and says so', async () => {
  await cli('init');
  await cli('top-up', '1.00');
  reel.roll(9);
  const { child, ran, end } = start('stream', `${market.origin}/live`, '--max', '0.0004');
  await expect.poll(() => ran.err, { timeout: 20_000 }).toContain('over-page-limit');
  child.kill('SIGINT');
  const { out, err } = await end;
  expect(out.match(/data: \d/g)).toHaveLength(4);
  expect(err).toContain('Paid $0.0004 for 4 second.');
});

test('credit is turned on with a limit, used, shown, and paid by a top-up', async () => {
  await cli('init');
  expect((await cli('credit', 'on')).status).toBe(2);
  expect((await cli('credit', 'on', '--limit', '0.50')).out).toContain('Credit is on: $0.00 of $0.50 promised today.');
  expect((await cli('pay', `${market.origin}/call`, '--yes')).out).toBe('called');
  expect((await cli('balance')).out).toMatch(/owed +-\$0\.00001 /);
  expect((await json('credit', 'off')).value).toMatchObject({ on: false, brokers: [{ owedMicro: '10' }] });
  await cli('top-up', '1.00');
  expect((await json('balance')).value.totalMicro).toBe('999990');
});
