// `npm run demo` as a newcomer runs it: what it prints, and that nothing is left behind, also after Ctrl-C.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..', '..');

const groups: number[] = [];
afterEach(() => {
  for (const group of groups.splice(0)) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has ended, as it should.
    }
  }
});

function startDemo(...args: string[]) {
  // A process group of its own, as a terminal gives it: Ctrl-C reaches all of it.
  const child = spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), 'demo', ...args], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  groups.push(child.pid ?? 0);
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  return { child, output: () => text };
}

/** Whatever runs in the group that the demo was started in; what has ended and waits to be reaped does not run. */
function leftIn(group: number): string[] {
  const { stdout } = spawnSync('pgrep', ['-a', '-g', String(group)], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line !== '' && !line.includes('<defunct>'));
}

it('--check pays a page by each kind of money, says so in one line of JSON at its end, and leaves no process and no folder', async () => {
  const { child, output } = startDemo('--check');
  const [code] = (await once(child, 'close')) as [number];
  expect(code, output()).toBe(0);
  const facts = JSON.parse(output().trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(facts).toEqual({
    ok: true,
    paidMicro: 8200,
    balanceBeforeMicro: 5_000_000,
    balanceAfterMicro: 4_991_800,
    payments: [
      { page: '/article/last-lighthouse-keeper', method: 'scrip', why: 'cheapest', paidMicro: 1500 },
      { page: '/api/tides', method: 'payword', why: 'cheapest', paidMicro: 200 },
      { page: '/print/skerry-point.png', method: 'cheque', why: 'goods', paidMicro: 5000 },
      { page: '/article/the-price-of-a-herring', method: 'ecash', why: 'private', paidMicro: 1500 },
    ],
    receipt: expect.stringMatching(/^k1\.\d+$/),
    auditOk: true,
  });
  const picture = /Picture +(.+)/.exec(output())?.[1] ?? '';
  expect(existsSync(picture)).toBe(true);
  expect(leftIn(child.pid ?? 0)).toEqual([]);
});

it('Ctrl-C in the middle leaves no process behind', async () => {
  const { child, output } = startDemo('--headless');
  while (!output().includes('Click 1')) await once(child.stdout, 'data');
  process.kill(-(child.pid ?? 0), 'SIGINT');
  await once(child, 'close');
  expect(leftIn(child.pid ?? 0)).toEqual([]);
  expect(output()).not.toContain('Paid ');
});
