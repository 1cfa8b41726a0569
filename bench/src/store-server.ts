// A process of a site that does nothing but claim payments in its store, as fast as so many callers that each wait for their answer.
import { setImmediate as turn } from 'node:timers/promises';
import type { Reservation, VendorStore } from '@farthing/vendor';
import { type Floor, openFloor } from './floor.ts';
import { answerCalls } from './harness/child.ts';
import { endProfile, startProfile } from './harness/profiler.ts';
import { openStore, type Place } from './stores.ts';

/**
 * `delivered`: each claim is reserved first and stands with its verdict, as with a page that is served. `none`: nothing is asked of the
 * store, to see what the callers take by themselves.
 */
export type Work = { readonly callers: number; readonly ms: number; readonly kind?: 'claim' | 'delivered' | 'none' };
export type Done = { readonly claims: number; readonly ms: number; readonly cpuMicros: number };

export type StoreApi = {
  /** Resolves with how long it took until what was open is known, at most so many. `mark`: no other process has it. */
  open(at: { place: Place; mark: string; most?: number }): Promise<{ ms: number; open: number }>;
  /** The bare engine in its place: see `floor.ts`. */
  openFloor(at: { place: Place; mark: string }): Promise<void>;
  claim(work: Work): Promise<Done>;
  /** Claims or, with `open`, reserves so many more. */
  fill(more: { count: number; open: boolean }): Promise<void>;
  rss(nothing: undefined): number;
  profile(file: string): Promise<void>;
};

const DAY_MS = 86_400_000;
/** The most that a site asks for when it starts. */
const OPEN = 10_000;
const FILLERS = 1024;
/** As long as those of a challenge, a hash and a serial in base64url. */
const ID = 43;
const OUTCOME = 'r'.repeat(480);

let store: VendorStore | undefined;
let floor: Floor | undefined;
let mark = '';
let count = 0;
const untilMs = Date.now() + DAY_MS;

/** What a page costs a site that takes scrip: the challenge, the piece, and the claim of its kind. */
function payment(open: boolean): Reservation {
  const n = (count++).toString(36);
  const id = `${mark}${n}`.padEnd(ID, '-');
  return {
    id,
    credential: id,
    target: id,
    owner: mark,
    atMs: Date.now(),
    untilMs,
    outcome: OUTCOME,
    state: open ? 'reserved' : 'committed',
    spends: [{ key: `scrip:${id}`, untilMs, code: 'scrip-spent' }],
    tallies: [],
    claims: [{ key: `k${count % 16}`, add: 10n, untilMs }],
    mints: [],
  };
}

function opened(): VendorStore {
  if (!store) throw new Error('no store is open');
  return store;
}

/** As many bytes as SQLite writes for the payment. */
const bodyOf = ({ id, credential, target, owner, atMs, spends }: Reservation): string =>
  JSON.stringify([id, credential, target, owner, atMs, untilMs, OUTCOME, spends[0]?.key]);

async function take(entry: Reservation): Promise<void> {
  if (floor) return floor.insert(entry.id, bodyOf(entry));
  const { kind } = await opened().reserve(entry);
  if (kind !== 'won') throw new Error(`a payment of this process alone was ${kind}`);
}

async function stand({ id, owner }: Reservation): Promise<void> {
  if (!(await opened().settle(id, owner, 'commit'))) throw new Error('a payment of this process alone was gone');
}

const cpuMicros = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

answerCalls<StoreApi>(
  {
    async openFloor({ place, mark: own }) {
      mark = own;
      floor = await openFloor(place);
    },
    async open({ place, mark: own, most = OPEN }) {
      mark = own;
      const startMs = performance.now();
      store = await openStore(place);
      const { length } = await store.unsettled(most);
      return { ms: performance.now() - startMs, open: length };
    },
    async claim({ callers, ms, kind = 'claim' }) {
      const [startMs, startMicros] = [performance.now(), cpuMicros()];
      let claims = 0;
      const caller = async () => {
        while (performance.now() - startMs < ms) {
          const entry = payment(kind === 'delivered');
          if (kind === 'none') await turn();
          else await take(entry);
          if (kind === 'delivered') await stand(entry);
          claims++;
        }
      };
      await Promise.all(Array.from({ length: callers }, caller));
      return { claims, ms: performance.now() - startMs, cpuMicros: cpuMicros() - startMicros };
    },
    async fill({ count: left, open }) {
      const filler = async () => {
        while (left-- > 0) await take(payment(open));
      };
      await Promise.all(Array.from({ length: FILLERS }, filler));
    },
    rss: () => process.memoryUsage.rss(),
    profile: startProfile,
  },
  async () => {
    await endProfile();
    await Promise.all([store?.close(), floor?.close()]);
  },
);
