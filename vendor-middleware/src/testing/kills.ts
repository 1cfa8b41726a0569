// Clients that pay as fast as they can while the server of their store is killed again and again: what was acknowledged must be
// there, and every payment have one effect.
import { setTimeout as pause } from 'node:timers/promises';
import { seeded } from '@farthing/protocol/testing';
import { expect } from 'vitest';
import type { VendorStore } from '../store/port.ts';
import { reservation, spend } from './store-suite.ts';

const CLIENTS = 32;

type Kills = {
  readonly kills: number;
  /** Another process on the same store. */
  readonly open: () => Promise<VendorStore>;
  /** Without a word to anybody, and brings it back. */
  readonly kill: () => Promise<void>;
};

/** Two processes; each client has a rival in the other that wants the same instrument under another id. */
export async function playKills(seed: number, { kills, open, kill }: Kills): Promise<void> {
  const rng = seeded(seed);
  const stores = [await open(), await open()] as const;
  const won = new Map<string, string>();
  let running = true;
  const client = async (name: number) => {
    for (let n = 0; running; n++) {
      const instrument = `coin ${name % (CLIENTS / 2)}.${n}`;
      const id = `${name}.${n}`;
      const claims = [{ key: `root${name % 3}`, add: 1n, untilMs: 1e15 }];
      const entry = reservation({ id, spends: [spend(instrument)], claims, state: 'committed' });
      const kind = await untilAnswered(
        () => stores[name < CLIENTS / 2 ? 0 : 1].reserve(entry),
        () => running,
      );
      if (kind === undefined) return;
      if (kind === 'held') continue;
      expect(won.get(instrument) ?? id, `seed ${seed}: ${instrument} was taken twice`).toBe(id);
      won.set(instrument, id);
    }
  };
  const clients = Array.from({ length: CLIENTS }, (_, name) => client(name));
  for (let one = 0; one < kills; one++) {
    const enough = won.size + 50 + rng.below(400);
    await expect.poll(() => won.size, { timeout: 30_000, interval: 1 }).toBeGreaterThan(enough);
    await kill();
  }
  running = false;
  await Promise.all(clients);
  await check(seed, stores[0], won);
  await Promise.all(stores.map((store) => store.close()));
}

/** The same payment until somebody says what became of it. */
async function untilAnswered(
  pay: () => ReturnType<VendorStore['reserve']>,
  isRunning: () => boolean,
): Promise<'won' | 'held' | undefined> {
  for (;;) {
    const kind = await pay().then(
      (answer) => answer.kind,
      () => undefined,
    );
    // Known: the write that nobody heard of was its own.
    if (kind === 'won' || kind === 'known') return 'won';
    if (kind === 'held') return 'held';
    if (!isRunning()) return undefined;
    // As a client does that was told to come again.
    await pause(20);
  }
}

async function check(seed: number, store: VendorStore, won: ReadonlyMap<string, string>): Promise<void> {
  for (const [instrument, id] of won) {
    expect(await store.find(id), `seed ${seed}: ${id}`).toMatchObject({ id, state: 'committed' });
    const rival = reservation({ id: 'rival', spends: [spend(instrument)] });
    expect(await store.reserve(rival), `seed ${seed}: ${instrument}`).toMatchObject({ kind: 'held', by: { id } });
  }
  // Payments that are in the store and of which nobody heard: each client has at most one, its last.
  let unheard = 0;
  for (let name = 0; name < CLIENTS; name++) {
    const known = new Set([...won.values()].filter((id) => id.startsWith(`${name}.`)));
    const last = Math.max(-1, ...[...won.keys()].map((key) => Number(key.slice(key.indexOf('.') + 1))));
    for (let n = 0; n <= last + 1; n++) {
      if (!known.has(`${name}.${n}`) && (await store.find(`${name}.${n}`))) unheard++;
    }
  }
  expect(unheard, `seed ${seed}`).toBeLessThanOrEqual(CLIENTS);
  const due = await store.claimsDue(10);
  const total = due.reduce((sum, claim) => sum + claim.total, 0n);
  expect(total, `seed ${seed}`).toBe(BigInt(won.size + unheard));
}
