// Verification and minting on one core, without HTTP and without storage.
import type { Context } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { median } from '../harness/stats.ts';
import { METHODS, methodOf } from '../methods/index.ts';
import type { Kernel, Method } from '../methods/method.ts';

export async function coreJob(context: Context): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { name, kernels, facts } of SUBJECTS) {
    if (!kernels || !context.wants(name)) continue;
    context.say(`${name}…`);
    const load = await kernels();
    for (const kernel of load())
      rows.push(...(await context.attempt(name, '', async () => timed(context, name, kernel))));
    for (const fact of (await facts?.()) ?? [])
      rows.push(row(`${name}/${fact.name}`, fact.unit, { value: fact.value }));
  }
  return rows.filter((one) => context.wants(one.name));
}

type Subject = Pick<Method, 'kernels' | 'facts'> & { readonly name: string };

const SUBJECTS: readonly Subject[] = [
  ...METHODS.map((method): Subject => ({ ...methodOf(method), name: `core/${method}` })),
  { name: 'core/peer/cashu', kernels: async () => (await import('../peers/cashu.ts')).kernels },
];

function timed(context: Context, subject: string, kernel: Kernel): Row[] {
  const name = `${subject}/${kernel.name}`;
  if (!context.wants(name)) return [];
  const micros = cpuOf(context, kernel);
  return [
    row(name, `${kernel.unit}, a second and core`, { value: 1e6 / micros }),
    row(`${name}/cpu`, 'µs CPU each', { value: micros }),
  ];
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
