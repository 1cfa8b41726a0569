import { canonicalJson } from '@farthing/protocol';
import { describe, expect, it } from 'vitest';
import { type Channel, chequeChannel, scripChannel } from './channels.ts';
import { batchOf } from './claim-batch.ts';
import type { ClaimDue } from './store/port.ts';

const due = (count: number): ClaimDue[] => Array.from({ length: count }, (_, n) => ({ key: `root${n}`, total: 5n }));
const scrip = scripChannel((root) => (root.endsWith('7') ? 'eur-micro' : 'usd-micro'));

describe('The claims of one order', () => {
  it('are of the currency of the first, and written as they will be signed', async () => {
    const batch = await batchOf(scrip, due(20));
    expect(batch?.totals.map(({ key }) => key)).not.toContain('root7');
    expect(batch).toMatchObject({ cur: 'usd-micro', text: canonicalJson(batch?.claims) });
    expect(batch?.claims).toHaveLength(18);
  });

  it('go to the broker also when nobody here knows their currency', async () => {
    expect(
      await batchOf(
        scripChannel(() => undefined),
        due(3),
      ),
    ).toMatchObject({ cur: '', totals: due(3) });
  });

  it('are no more than the order carries; none that fits is no order', async () => {
    const small: Channel = { ...scrip, bytes: 1024 + 100 };
    expect((await batchOf(small, due(20)))?.text.length).toBeLessThanOrEqual(101);
    expect(await batchOf({ ...scrip, bytes: 1024 + 10 }, due(20))).toBeUndefined();
    expect(await batchOf(scrip, [])).toBeUndefined();
  });

  it('are written in several turns of the event loop when they are many', async () => {
    let turns = 0;
    let running = true;
    const count = () => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    const { most } = chequeChannel('b1');
    await batchOf({ ...chequeChannel('b1'), currencyOf: () => 'usd-micro' }, due(most));
    running = false;
    expect(turns).toBeGreaterThanOrEqual(Math.floor(most / 32));
  });
});
