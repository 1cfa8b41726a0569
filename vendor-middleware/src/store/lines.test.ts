import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printLine, printSteps, readLine, readSteps, STATES } from './lines.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', '"', '\\', '\n', '\ud800', 'é', '\u007f'),
);
const steps = {
  mints: ['m'],
  spends: ['coin "1"'],
  tallies: [{ key: 't', add: '9007199254740993' }],
  claims: [{ key: 'root', add: '5', untilMs: 1e15 }],
};

test('a line comes back as it was, on one line, whatever its texts are', () => {
  const cases = fc.record({
    ...{ id: text, credential: text, target: text, owner: text, outcome: text },
    ...{ atMs: fc.double({ noNaN: true, noDefaultInfinity: true }).map(Math.abs), untilMs: fc.nat() },
    state: fc.constantFrom(...STATES),
  });
  fc.assert(
    fc.property(cases, (begun) => {
      const line = { ...begun, steps };
      const printed = printLine(line);
      expect(printed).not.toContain('\n');
      const kept = begun.state === 'committed' ? { mints: [], spends: steps.spends, tallies: [], claims: [] } : steps;
      expect(readLine(printed)).toEqual({ ...line, steps: kept });
      expect(readSteps(printSteps(line))).toEqual(kept);
    }),
  );
});

test('a line of an earlier version, which kept all steps of payments that stand, is read as it is', () => {
  const printed = JSON.stringify(['c1', 'cred', 'target', 'me', 1, 2, 1, 'receipt', steps]);
  expect(readLine(printed)).toMatchObject({ id: 'c1', state: 'committed', steps });
});
