import fc from 'fast-check';
import * as v from 'valibot';
import { expect, it } from 'vitest';
import type { Json, JsonObject } from '../index.ts';
import { readTick, tickSchema } from './wire.ts';

it('a tick that is read the short way is accepted and refused exactly as the schema says', () => {
  const good = { action: 'pay', session: 'A'.repeat(43), a: 0, i: 1, w: 'Q'.repeat(43) };
  const leaves = fc.oneof(
    fc.constantFrom<Json>(0, 1, 63, 64, 100_000, 100_001, 4_294_967_295, 4_294_967_296, -1, -0, 0.5, 1e300),
    fc.constantFrom<Json>('A'.repeat(43), 'B'.repeat(43), 'A'.repeat(42), `${'A'.repeat(43)}\n`, 'pay', 'open', '1'),
    fc.constantFrom<Json>(null, true, [], {}),
  );
  const edits = fc.array(
    fc.tuple(fc.constantFrom(...Object.keys(good), 'x', 'more'), fc.option(leaves, { nil: undefined })),
    {
      maxLength: 2,
    },
  );
  let accepted = 0;
  fc.assert(
    fc.property(edits, (changes) => {
      const payload: Record<string, Json | undefined> = { ...good };
      for (const [name, value] of changes)
        if (value === undefined) delete payload[name];
        else payload[name] = value;
      const wanted = v.safeParse(tickSchema, payload);
      const read = () => readTick(payload as JsonObject);
      if (!wanted.success) expect(read).toThrow('payload-invalid');
      else {
        accepted++;
        expect(read()).toEqual(wanted.output);
      }
    }),
    { numRuns: 2000 },
  );
  expect(accepted).toBeGreaterThan(100);
});
