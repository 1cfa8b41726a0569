// Verification and minting on one core, without HTTP and without storage.
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import { METHODS, methodOf } from '../methods/index.ts';
import type { Kernel } from '../methods/method.ts';

export async function coreJob(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const method of METHODS) {
    if (!context.wants(`core/${method}`)) continue;
    context.say(`core/${method}…`);
    const kernels = await methodOf(method).kernels();
    for (const kernel of kernels()) {
      const name = `core/${method}/${kernel.name}`;
      if (!context.wants(name)) continue;
      const micros = cpuOf(context, kernel);
      rows.push(row(name, `${kernel.unit}, a second and core`, { value: 1e6 / micros }));
      rows.push(row(`${name}/cpu`, 'µs CPU each', { value: micros }));
    }
  }
  return rows;
}

/** Median of rounds, the first two of which are thrown away: they run on code that is not compiled yet. */
function cpuOf({ pairs, quick }: Context, { run, per }: Kernel): number {
  const roundMs = quick ? 150 : 200;
  const rounds = Array.from({ length: pairs + 2 }, () => {
    const cpu = process.cpuUsage();
    const endMs = performance.now() + roundMs;
    let done = 0;
    do {
      run();
      done += per;
    } while (performance.now() < endMs);
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / done;
  });
  return median(rounds.slice(2));
}
