// A site in a process of its own that has taken very many payments while its broker was away, and redeems them.
import { join } from 'node:path';
import { type Farthing, farthing, type Redeeming, sqlite, type VendorStore } from '@farthing/vendor';
import { answerCalls } from './harness/child.ts';
import { type Memory, memoryNow } from './harness/memory.ts';
import { inParts } from './methods/fill.ts';

export type BulkSiteApi = {
  /** Registers and grants its licence. @returns its name */
  open(at: { brokerUrl: string; folder: string }): Promise<string>;
  /** Payments as they stand in the store once their pages were delivered, one with each of these pieces. */
  earn(what: { pieces: Pieces; microEach: number }): Promise<void>;
  /** What a site owner calls: `redeemNow`. */
  redeem(nothing: undefined): Promise<{ ms: number; cpuMicros: number; batches: number }>;
  /** As it was told last. */
  progress(nothing: undefined): Redeeming;
  memory(nothing: undefined): Promise<Memory>;
  /** Codes of what the site was told of, and how often. */
  problems(nothing: undefined): Record<string, number>;
};

/** Numbered one after the other, as the broker sells them. */
export type Pieces = { readonly kid: string; readonly first: number; readonly count: number };

const DAY_MS = 86_400_000;
/** A receipt is about as long. */
const OUTCOME = 'r'.repeat(480);
/** As long as a hash in base64url. */
const ID = 43;

let pay: Farthing | undefined;
let store: VendorStore | undefined;
let progress: Redeeming = { claims: 0, waiting: 0 };
const problems: Record<string, number> = {};

function opened(): { pay: Farthing; store: VendorStore } {
  if (!pay || !store) throw new Error('no site is open');
  return { pay, store };
}

async function earn(root: string, microEach: number): Promise<void> {
  const id = root.padEnd(ID, '-');
  const untilMs = Date.now() + DAY_MS;
  const { kind } = await opened().store.reserve({
    id,
    credential: id,
    target: id,
    owner: 'bench',
    atMs: Date.now(),
    untilMs,
    outcome: OUTCOME,
    state: 'committed',
    spends: [{ key: `scrip:${root}`, untilMs, code: 'scrip-spent' }],
    tallies: [],
    claims: [{ key: root, add: BigInt(microEach), untilMs }],
    mints: [],
  });
  if (kind !== 'won') throw new Error(`a piece was spent before: ${kind}`);
}

answerCalls<BulkSiteApi>(
  {
    async open({ brokerUrl: broker, folder: data }) {
      store = sqlite(join(data, 'site.db'));
      pay = await farthing({
        ...{ broker, data, store, name: 'Benchmark' },
        onProblem: ({ code }) => {
          problems[code] = (problems[code] ?? 0) + 1;
        },
      });
      return pay.vnd;
    },
    earn: ({ pieces: { kid, first, count }, microEach }) =>
      inParts(count, (n) => earn(`${kid}.${first + n}`, microEach)),
    async redeem() {
      const { user, system } = process.cpuUsage();
      const startMs = performance.now();
      let batches = 0;
      await opened().pay.redeemNow((now) => {
        progress = now;
        batches++;
      });
      const ms = performance.now() - startMs;
      const used = process.cpuUsage({ user, system });
      return { ms, cpuMicros: used.user + used.system, batches };
    },
    progress: () => progress,
    memory: memoryNow,
    problems: () => problems,
  },
  () => pay?.close(),
);
