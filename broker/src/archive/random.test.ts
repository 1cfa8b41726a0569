// Ledgers of random orders over half a year: archived month by month and brought back, every statement, balance and root is the same.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { audit } from '../operate.ts';
import { archiveBooks, restoreArchive } from '../operate-archive.ts';
import { Bench, Person, pieceOf, Site } from '../testing/client.ts';
import { buyChain, buyTicket, claimOf, redeemWords } from '../testing/payword.ts';
import { RETENTION_MS } from './archive.ts';

const DAY_MS = 86_400_000;
const silent = () => undefined;
let bench: Bench;
let folder: string;
beforeEach(() => {
  bench = new Bench();
  folder = mkdtempSync(join(tmpdir(), 'farthing-archive-'));
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Whole numbers below `most` (mulberry32). */
function dice(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * most);
  };
}

type World = { readonly site: Site; readonly people: readonly Person[]; readonly roll: (most: number) => number };

const DEEDS: readonly (({ site, roll }: World, person: Person) => Promise<unknown>)[] = [
  ({ roll }, person) => person.faucet(BigInt(1 + roll(1_000))),
  async ({ site, roll }, person) => {
    const { scrip } = pieceOf(await person.buy(site.vnd, BigInt(10 + roll(90)), { count: 1 + roll(3) }));
    if (roll(2) === 0) await site.redeem([{ root: scrip.root, cum: BigInt(1 + roll(10)) }]);
    else if (roll(3) === 0) {
      const release = site.release(scrip, person.pk);
      await person.bench.send('/v1/scrip/refund', person.order('scrip-refund/1', { release, as: 'balance' }));
    }
  },
  async ({ site, roll }, person) => {
    const chain = await buyChain(person, 10, 5n);
    if (roll(2) === 0) return;
    const ticket = await buyTicket(person, chain, { vnd: site.vnd, first: 1, last: 1 + roll(9) });
    await redeemWords(site, claimOf(ticket, 1));
  },
];

/** Some days of orders, with days between them in which things expire. */
async function tellRandom(roll: World['roll']): Promise<World> {
  let world: World | undefined;
  for (let days = RETENTION_MS / DAY_MS + 180; days > 0; days -= 5 + roll(40)) {
    bench.offsetMs = -days * DAY_MS;
    await bench.start();
    if (!world) {
      const site = await new Site(bench).open({ exp: Math.floor(Date.now() / 1000) + DAY_MS });
      world = { site, people: [1, 2, 3].map(() => new Person(bench)), roll };
    }
    for (const person of world.people) await person.faucet(500n);
    for (let n = roll(6); n > 0; n--) {
      const person = world.people[roll(world.people.length)];
      if (person) await DEEDS[roll(DEEDS.length)]?.(world, person);
    }
    await bench.stop();
    if (days < RETENTION_MS / DAY_MS - 30) break;
  }
  if (!world) throw new Error('nothing was told');
  return world;
}

type Line = { readonly amount: string };
type Told = {
  readonly balance: string;
  readonly lines: readonly Line[];
  readonly archived?: { amount: string; lines: number };
};

async function statements({ people, site }: World): Promise<Told[]> {
  bench.offsetMs = 0;
  await bench.start();
  const asked: Promise<JsonObject>[] = people.map((person) => person.statement({ limit: 200 }));
  const told = await Promise.all([...asked, site.statement({ vnd: site.vnd, limit: 200 })]);
  await bench.stop();
  return told as unknown as Told[];
}

const sumOf = (lines: readonly Line[]): bigint => lines.reduce((sum, { amount }) => sum + BigInt(amount), 0n);

test.each([11, 12, 13, 14])(
  'seed %i',
  async (seed) => {
    const world = await tellRandom(dice(seed));
    const before = await statements(world);
    const whole = await bench.audit();
    expect(whole).toMatchObject({ ok: true, findings: [] });

    const beforeMs = Date.now() - RETENTION_MS - DAY_MS;
    const { json } = await archiveBooks(bench.place, { beforeMs, folder, dry: false, shrink: true, told: silent });
    const { periods } = json as { periods: { file: { name: string } }[] };
    expect(periods.length).toBeGreaterThan(2);
    expect(await bench.audit()).toEqual(whole);
    expect((await audit(bench.place, folder)).json).toMatchObject({ ok: true, head: whole.head });

    const after = await statements(world);
    for (const [i, { balance, lines, archived = { amount: '0', lines: 0 } }] of after.entries()) {
      const then = before[i];
      expect(balance).toBe(then?.balance);
      expect(lines).toEqual(then?.lines.slice(archived.lines));
      expect(BigInt(archived.amount)).toBe(sumOf(then?.lines.slice(0, archived.lines) ?? []));
    }
    expect(after.some(({ archived }) => archived !== undefined)).toBe(true);

    for (const { file } of periods.toReversed()) await restoreArchive(bench.place, join(folder, file.name), silent);
    expect(await statements(world)).toEqual(before);
    expect(await bench.audit()).toEqual(whole);
  },
  180_000,
);
