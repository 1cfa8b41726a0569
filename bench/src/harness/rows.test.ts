import { describe, expect, it } from 'vitest';
import { missed, table } from './report.ts';
import { notRun, relate, row } from './rows.ts';

describe('a row', () => {
  it('has its target beside it, and says whether it is met', () => {
    expect(row('express/scrip/sqlite/cpu-added', 'µs', { value: 30 }).target).toMatchObject({
      text: '≤ 35 µs',
      met: true,
    });
    expect(row('express/scrip/sqlite/cpu-added', 'µs', { value: 70 }).target?.met).toBe(false);
  });

  it('finds the target of every store by its place in the name, and of no row below it', () => {
    expect(row('stream/ticks/payword/postgres', 'units/s', { value: 20_000 }).target?.met).toBe(true);
    expect(row('stream/ticks/payword/postgres/cpu-added', 'µs', { value: 1 }).target).toBeUndefined();
    expect(row('memory/payword/session/sqlite/disk', 'B', { value: 9999 }).target).toBeUndefined();
  });

  it('judges a ratio where the target is one, and nothing when there is none', () => {
    const free = { value: 100, baseline: 200 };
    expect(row('express/payword/sqlite', 'requests/s', { ...free, ratio: 0.6 }).target?.met).toBe(true);
    expect(row('express/payword/sqlite', 'requests/s', free).target).toBeUndefined();
  });

  it('misses a target with a figure that is no number', () => {
    const { value, target } = row('broker/scrip/sales', '/s', { value: Number.NaN });
    expect([value, target?.met]).toEqual([null, false]);
  });
});

describe('relate', () => {
  const added = (wall: string, value: number) => row(`express/${wall}/cpu-added`, 'µs', { value });
  const peers = [added('peer/x402', 60), added('peer/mppx', 150)];

  it('compares each method with each peer of the run', () => {
    const rows = [added('scrip/sqlite', 40), added('payword/sqlite', 20), ...peers];
    expect(
      relate(rows, { hashing: ['scrip', 'payword'] }).map(({ name, ratio, target }) => [name, ratio, target?.met]),
    ).toEqual([
      ['express/scrip/sqlite/beside-x402', 40 / 60, false],
      ['express/scrip/sqlite/beside-mppx', 40 / 150, true],
      ['express/payword/sqlite/beside-x402', 20 / 60, true],
      ['express/payword/sqlite/beside-mppx', 20 / 150, true],
    ]);
  });

  it('compares a coin with one of Cashu', () => {
    const cpu = (subject: string, value: number) => row(`core/${subject}/verify/cpu`, 'µs', { value });
    expect(relate([cpu('ecash/locked', 100), cpu('peer/cashu', 1000)], { hashing: [] })).toMatchObject([
      { name: 'core/ecash/locked/verify/beside-cashu', value: 100, baseline: 1000, ratio: 0.1 },
    ]);
  });

  it('compares a payment with its bare signatures behind the same app', () => {
    const of = (subject: string, value: number) => row(`express/${subject}`, 'µs', { value });
    const rows = [
      of('ecash/locked/memory/cpu-added/coin', 200),
      of('bare/ecash/locked/cpu-added/coin', 100),
      of('ecash/locked/memory/neighbours/p99', 6),
      of('bare/ecash/locked/neighbours/p99', 2),
    ];
    expect(relate(rows, { hashing: [] }).map(({ name, ratio }) => [name, ratio])).toEqual([
      ['express/ecash/locked/memory/cpu-added/coin/beside-bare', 2],
      ['express/ecash/locked/memory/neighbours/p99/beside-bare', 3],
    ]);
  });

  it('says nothing of what was not run', () => {
    const rows = [added('scrip/sqlite', 40), notRun('express/payword/sqlite', 'requests/s', 'no time'), ...peers];
    expect(relate(rows, { hashing: ['scrip', 'payword'] }).every(({ name }) => name.includes('/scrip/'))).toBe(true);
    expect(relate([added('scrip/sqlite', 40)], { hashing: ['scrip'] })).toEqual([]);
  });
});

describe('the end of the report', () => {
  const met = row('broker/scrip/sales', '/s', { value: 6000 });

  it('names each target that was missed, and by how much', () => {
    const rows = [
      met,
      row('express/scrip/sqlite/cpu-added', 'µs', { value: 70 }),
      row('stream/ticks/payword/sqlite', 'units/s', { value: 4000 }),
    ];
    expect(missed(rows).split('\n')).toEqual([
      '2 of 3 targets missed:',
      '  express/scrip/sqlite/cpu-added: 70.0 instead of ≤ 35 µs (2.00 times)',
      '  stream/ticks/payword/sqlite: 4000 instead of ≥ 20000 units/s (5.00 times)',
    ]);
  });

  it('says so when all are met, or when there are none', () => {
    expect(missed([met])).toBe('all 1 targets met');
    expect(missed([row('core/scrip/mint', 'pieces', { value: 1 })])).toBe('no row with a target');
  });
});

describe('the table', () => {
  it('keeps what belongs together together, in whatever order it was measured', () => {
    const names = ['core/scrip/verify', 'core/payword/verify', 'core/scrip/mint'];
    const lines = table(names.map((name) => row(name, '', { value: 1 }))).split('\n');
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual([
      'core/scrip/verify',
      'core/scrip/mint',
      '',
      'core/payword/verify',
    ]);
  });

  it('says why a row is missing', () => {
    expect(table([notRun('wallet/chromium/scrip/fetch', 'ms', 'no browser\nat all')])).toContain('not run: no browser');
  });
});
