// Verification and minting on one core, without HTTP and without storage.
import { limits } from '@farthing/protocol';
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import { mint, paidRequests, verify } from './scrip-world.ts';

export async function coreJob(context: Context): Promise<Row[]> {
  if (!context.wants('core')) return [];
  context.say('core…');
  const paid = paidRequests(2000);
  let next = 0;
  const verifyMicros = cpuOf(context, () => {
    const header = paid[next++ % paid.length];
    if (header !== undefined) verify(header);
  });
  const mintMicros = cpuOf(context, () => mint(limits.scripBuyCount)) / limits.scripBuyCount;
  return [
    row('core/scrip/verify', 'per second and core', { value: 1e6 / verifyMicros }),
    row('core/scrip/verify/cpu', 'µs CPU', { value: verifyMicros }),
    row('core/scrip/mint', 'pieces per second and core', { value: 1e6 / mintMicros }),
    row('core/scrip/mint/cpu', 'µs CPU', { value: mintMicros }),
  ];
}

/** Median of rounds, the first of which is thrown away: it runs on code that is not compiled yet. */
function cpuOf({ pairs, quick }: Context, work: () => unknown): number {
  const roundMs = quick ? 150 : 300;
  const rounds = Array.from({ length: pairs + 2 }, () => {
    const cpu = process.cpuUsage();
    const endMs = performance.now() + roundMs;
    let done = 0;
    while (performance.now() < endMs) {
      for (let i = 0; i < 50; i++) work();
      done += 50;
    }
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / done;
  });
  return median(rounds.slice(2));
}
