import { describe, expect, it } from 'vitest';
import { conformanceChecks, simulate } from '../testing/index.ts';
import { scripFixture } from './fixture.ts';

describe('scrip keeps the contract of a payment method', () => {
  for (const { name, run } of conformanceChecks(scripFixture, 20_261_123)) it(name, run);
});

describe('scrip among wallets, vendors and a broker on a lossy network', () => {
  const first = Number(process.env['FARTHING_SEED'] ?? 1);
  const runs = Number(process.env['FARTHING_RUNS'] ?? 12);
  for (let seed = first; seed < first + runs; seed++) {
    it(`seed ${seed}: nothing is lost, nothing is paid twice, every payment ends`, () => {
      const report = simulate(scripFixture, { seed, wallets: 3, vendors: 3, steps: 600, loss: 0.2 });
      expect(report.delivered).toBe(report.payments);
      expect(Math.min(report.payments, report.repeats, report.lost, report.crashes, report.refunds)).toBeGreaterThan(0);
    });
  }
  it('a broken law is found: a vendor that forgets what was spent fails the run with its seed', () => {
    const forgetful: typeof scripFixture = {
      ...scripFixture,
      vendor: {
        ...scripFixture.vendor,
        verify: (...args) => {
          const verified = scripFixture.vendor.verify(...args);
          return { ...verified, claims: verified.claims.map((claim) => ({ ...claim, add: claim.add + 1n })) };
        },
      },
    };
    expect(() => simulate(forgetful, { seed: 1, wallets: 2, vendors: 2, steps: 400, loss: 0.1 })).toThrow(
      /seed 1, step/,
    );
  });
});
