// The broker in a process of its own, as operators run it, with its CPU to be asked for.
import { type RunningBroker, startBroker } from '@farthing/broker';
import { answerCalls } from './harness/child.ts';
import { type Memory, memoryNow } from './harness/memory.ts';
import { endProfile, startProfile } from './harness/profiler.ts';

export type BrokerApi = {
  /** `values` of its coins, in base units; absent: all that a broker makes unless it is told otherwise. */
  start(options: { data: string; values?: number[] }): Promise<{ url: string }>;
  cpuMicros(nothing: undefined): number;
  memory(nothing: undefined): Promise<Memory>;
  /** A CPU profile from now on, written to this file when the process ends. */
  profile(file: string): Promise<void>;
};

let broker: RunningBroker | undefined;

answerCalls<BrokerApi>(
  {
    async start({ data, values }) {
      const ecash = values ? { denominations: values.map(BigInt) } : {};
      broker = await startBroker({ data, test: true, faucetMicro: 10n ** 15n, ecash });
      return { url: broker.url };
    },
    cpuMicros() {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
    memory: memoryNow,
    profile: startProfile,
  },
  async () => {
    await endProfile();
    await broker?.close();
  },
);
