import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toBase64url } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { openKeys } from './keys.ts';
import { ledgerPath } from './start.ts';
import { Bench, Person, Site, USD } from './testing/client.ts';
import { main, Processes } from './testing/process.ts';

const processes = new Processes();
let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'farthing-command-'));
});
afterEach(() => {
  processes.kill();
  rmSync(data, { recursive: true });
});

function command(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ['--conditions=farthing-source', main, ...args, '--data', data],
    {
      encoding: 'utf8',
    },
  );
  return { stdout, stderr, status };
}

const serve = (...args: string[]) => processes.serve(data, ...args);

describe('the command', () => {
  test('prints where it is, works beside the operator’s commands, and ends cleanly on a signal', async () => {
    const { line, child, ended } = await serve('--test');
    expect(line).toMatch(/^Farthing broker ready at http:\/\/127\.0\.0\.1:\d+ \(test mode\)$/);
    const codes = command('voucher', '--value', '5 USD', '--count', '3').stdout.trim().split('\n');
    expect(codes).toHaveLength(3);
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(readFileSync(ledgerPath(data)).includes(codes[0] ?? '')).toBe(false);
    expect(JSON.parse(command('invite', '--json').stdout)).toMatchObject({ invites: [expect.any(String)] });
    expect(command('vendors').stdout).toBe('No site has registered.\n');
    expect(command('audit')).toMatchObject({ status: 0, stdout: expect.stringContaining('clean') });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(command('statement').stdout).toBe('Nothing was booked yet.\n');
  });

  test('lends to an account, ends that, and lists overclaims', async () => {
    const { child, ended } = await serve('--registration', 'open');
    const key = toBase64url(new Uint8Array(32));
    expect(command('credit', '--account', key, '--value', '20 USD')).toMatchObject({
      status: 0,
      stdout: `${key}\t$20.00\n`,
    });
    expect(JSON.parse(command('credit', '--account', key, '--value', '0 USD', '--json').stdout)).toEqual({
      key,
      line: '0',
      cur: 'usd-micro',
    });
    expect(command('credit', '--account', 'anna', '--value', '20 USD')).toMatchObject({ status: 2 });
    expect(command('credit', '--account', key)).toMatchObject({ status: 2 });
    expect(command('overclaims').stdout).toBe('No site has claimed too much.\n');
    expect(command('check-evidence')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('overclaims --json'),
    });
    expect(command('check-evidence', join(data, 'keys.json'))).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('not evidence'),
    });
    expect(command('audit').status).toBe(0);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('lists the keys of coins, makes the next ones and revokes one, beside the service', async () => {
    const { line, child, ended } = await serve('--test', '--ecash', '--json');
    const { url } = JSON.parse(line) as { url: string };
    const bench = await new Bench().attach(url);
    await bench.until('/v1/ecash/keysets');
    type Keysets = { keysets: { ks: string; state: string; denom: string }[] };
    const list = (...args: string[]) => {
      const { status, stdout, stderr } = command('keysets', ...args, '--json');
      expect([status, stderr]).toEqual([0, '']);
      return (JSON.parse(stdout) as Keysets).keysets;
    };
    const [first] = list();
    expect(list()).toHaveLength(24);
    expect(list('--rotate')).toHaveLength(48);
    expect(list('--revoke', first?.ks ?? '').filter(({ state }) => state !== 'live')).toEqual([
      expect.objectContaining({ ks: first?.ks, state: 'revoked', outstanding: '0' }),
    ]);
    expect(await bench.until('/v1/ecash/keysets')).toMatchObject({ list: { revoked: [first?.ks] } });
    expect(command('keysets').stdout).toContain('everywhere\tusd-micro\t48 keysets\t$0.00 out');
    expect(command('keysets', '--revoke', 'none')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('none'),
    });
    expect(command('audit').status).toBe(0);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    await bench[Symbol.asyncDispose]();
  }, 60_000);

  test('clears with another broker only after its fingerprint was compared', async () => {
    const { child, ended } = await serve('--test', '--json');
    const other = await processes.serve(join(data, 'other'), '--test', '--json');
    const { url, brk } = JSON.parse(other.line) as { url: string; brk: string };
    const shown = command('peers', 'add', url, '--limit', '2 USD', '--test');
    expect(shown).toMatchObject({ status: 1, stdout: expect.stringContaining(brk) });
    expect(command('peers').stdout).toContain('clears with nobody');
    const add = ['peers', 'add', url, '--limit', '2 USD'];
    expect(command(...add, '--fingerprint', 'b'.repeat(26), '--test')).toMatchObject({ status: 1 });
    expect(command(...add, '--fingerprint', brk).stderr).toContain('test mode');
    expect(command(...add, '--fingerprint', brk, '--test')).toMatchObject({ status: 0 });
    expect(command('peers', 'list').stdout).toContain(`${brk}\tis owed $0.00\tof $2.00`);
    expect(command('clear')).toMatchObject({ status: 0, stdout: expect.stringContaining('nothing to clear') });
    expect(command('peers', 'remove', brk).stdout).toContain('ended');
    expect(command('audit').status).toBe(0);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, 120_000);

  test('prints one line of JSON for programs', async () => {
    const { line, child, ended } = await serve('--json');
    expect(Object.keys(JSON.parse(line) as object)).toEqual(['url', 'brk']);
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  test('says what to change when an option cannot be used, and exits with 2', () => {
    for (const [args, says] of [
      [['--port', '70000'], '0 to 65535'],
      [['--registration', 'maybe'], 'open or invite'],
      [['--faucet-limit', '5'], "such as '0.0015 USD'"],
      [['--public-url', 'broker'], 'https://broker.example'],
      [['--colour'], '--colour'],
      [['pay'], 'expected one of serve, audit'],
      [['voucher'], '--value'],
    ] as const) {
      const { status, stderr } = command(...args);
      expect([status, stderr], args.join(' ')).toEqual([2, expect.stringContaining(says)]);
    }
    expect(command('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('--faucet-limit') });
  });

  test('does not start with keys that others may read, and does not audit what is not there', async () => {
    expect(command('audit')).toMatchObject({ status: 1, stderr: expect.stringContaining('--data') });
    const { child, ended } = await serve();
    child.kill('SIGTERM');
    await ended;
    expect(statSync(data).isDirectory()).toBe(true);
    spawnSync('chmod', ['644', join(data, 'keys.json')]);
    expect(command('--port', '0')).toMatchObject({ status: 1, stderr: expect.stringContaining('chmod 600') });
  });
});

test('whatever was answered is there after kill -9, and the books are clean', async () => {
  const acknowledged: { balance: string; rid: string }[] = [];
  let site: Site | undefined;
  let anna: Person | undefined;
  const bench = new Bench();
  for (let round = 0; round < 3; round++) {
    const { line, child, ended } = await serve('--test', '--json');
    await bench.attach((JSON.parse(line) as { url: string }).url);
    if (!site || !anna) {
      site = await new Site(bench).open();
      anna = new Person(bench);
      await anna.faucet(5_000_000n);
    }
    const [buyer, shop] = [anna, site];
    // The process dies while forty purchases are under way, after a seventh of them was answered.
    const answers = Array.from({ length: 40 }, async () => {
      const order = buyer.buyOrder(shop.vnd, 100n);
      const result = await bench.send('/v1/scrip/buy', order).catch(() => undefined);
      if (!result) return;
      acknowledged.push({ balance: String(result['balance']), rid: order.rid });
      if (acknowledged.length === 6 * (round + 1)) child.kill('SIGKILL');
    });
    await Promise.all(answers);
    child.kill('SIGKILL');
    await ended;
    const report = auditLedger(ledgerPath(data), openKeys(data, bench.env()).root);
    expect(report.findings).toEqual([]);
    expect(report.pieces).toBeGreaterThanOrEqual(acknowledged.length);
  }
  const { line, child, ended } = await serve('--test', '--json');
  await bench.attach((JSON.parse(line) as { url: string }).url);
  if (!anna) throw new Error('nobody bought');
  const statement = await anna.statement({ limit: 200 });
  const lines = statement['lines'] as { kind: string; amount: string }[];
  const bought = lines.filter(({ kind }) => kind === 'scrip-buy').length;
  expect(bought).toBeGreaterThanOrEqual(acknowledged.length);
  expect(statement['balance']).toBe((5_000_000n - 100n * BigInt(bought)).toString());
  expect(statement['cur']).toBe(USD);
  child.kill('SIGTERM');
  await ended;
  await bench[Symbol.asyncDispose]();
});
