// What a site does by itself: renews licences and keysets, learns those of its other processes, forgets what has ended.
import type { Env } from '@farthing/protocol';
import type { Coins } from './coins.ts';
import type { Licences } from './licences.ts';
import type { Problem } from './setup-error.ts';
import type { VendorStore } from './store/port.ts';

const EVERY_MS = 600_000;
const RELOAD_MS = 1000;
const SWEEP_ROWS = 1000;

type Parts = {
  readonly store: VendorStore;
  readonly licences: Licences;
  /** Where the site takes coins. */
  readonly coins: Coins | undefined;
  readonly env: () => Env;
  readonly tell: (problem: Problem) => void;
};

export function startUpkeep({ store, licences, coins, env, tell }: Parts): { reload(): Promise<void>; stop(): void } {
  let reloadedAtMs = 0;
  const upkeep = async () => {
    while ((await store.sweep(env().nowMs, SWEEP_ROWS)) > 0);
    await coins?.renew();
    await licences.renew();
  };
  const timer = setInterval(() => {
    upkeep().catch((error: unknown) => {
      const message = error instanceof Error ? error.message : 'unknown fault';
      tell({ code: 'renewal-failed', message: `licences could not be looked at: ${message}` });
    });
  }, EVERY_MS);
  timer.unref();
  return {
    async reload() {
      if (performance.now() - reloadedAtMs < RELOAD_MS) return;
      reloadedAtMs = performance.now();
      await licences.load();
      await coins?.load();
    },
    stop: () => clearInterval(timer),
  };
}
