// The broker in a process of its own, as operators run it, with its CPU to be asked for.
import { type RunningBroker, startBroker } from '@farthing/broker';
import { answerCalls } from './harness/child.ts';

export type BrokerApi = {
  start(data: string): Promise<{ url: string }>;
  cpuMicros(nothing: undefined): number;
};

let broker: RunningBroker | undefined;

answerCalls<BrokerApi>(
  {
    async start(data) {
      broker = await startBroker({ data, test: true, faucetMicro: 10n ** 15n });
      return { url: broker.url };
    },
    cpuMicros() {
      const { user, system } = process.cpuUsage();
      return user + system;
    },
  },
  () => broker?.close(),
);
