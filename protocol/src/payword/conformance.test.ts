import { describe, expect, it } from 'vitest';
import { conformanceChecks, simulate, simulateStream } from '../testing/index.ts';
import { paywordFixture } from './fixture.ts';

describe.each(['credit', 'prepaid'] as const)('payword on %s', (funding) => {
  const fixture = paywordFixture(funding);
  describe('keeps the contract of a payment method', () => {
    for (const { name, run } of conformanceChecks(fixture, 20_261_123)) it(name, run);
  });

  describe('pays page by page among wallets, vendors and a broker on a lossy network', () => {
    const first = Number(process.env['FARTHING_SEED'] ?? 1);
    const runs = Number(process.env['FARTHING_RUNS'] ?? 4);
    for (let seed = first; seed < first + runs; seed++) {
      it(`seed ${seed}: nothing is lost, nothing is paid twice, every payment ends`, () => {
        const report = simulate(fixture, { seed, wallets: 3, vendors: 3, steps: 400, loss: 0.2 });
        expect(report.delivered).toBe(report.payments);
        expect(Math.min(report.payments, report.repeats, report.lost, report.crashes)).toBeGreaterThan(0);
      });
    }
  });

  const cuts = { first: Number(process.env['FARTHING_SEED'] ?? 1), runs: Number(process.env['FARTHING_RUNS'] ?? 1000) };
  it(`${cuts.runs} streams from seed ${cuts.first}, cut at any tick by either side: never more delivered than paid, never more than one unit apart`, () => {
    const sum = { delivered: 0, lost: 0, repeats: 0, crashes: 0 };
    for (let seed = cuts.first; seed < cuts.first + cuts.runs; seed++) {
      const report = simulateStream(fixture, { seed, units: 40, loss: 0.2 });
      for (const name of ['delivered', 'lost', 'repeats', 'crashes'] as const) sum[name] += report[name];
    }
    expect(Math.min(...Object.values(sum))).toBeGreaterThan(0);
  }, 120_000);
});
