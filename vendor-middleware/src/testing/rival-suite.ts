// What several processes on one store may do to each other: want the same, add to the same, send the same twice.
import { limits } from '@farthing/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VendorStore } from '../store/port.ts';
import { playAnyOrder } from './any-order.ts';
import { reservation, spend } from './store-suite.ts';

type Server = { stop(): Promise<void> };
type Parts<Started extends Server> = {
  readonly start: () => Promise<Started>;
  /** Another process on the store of this site. */
  readonly open: (server: Started, site: string) => Promise<VendorStore>;
  readonly seeds: readonly number[];
};

export function rivalSuite<Started extends Server>(name: string, { start, open, seeds }: Parts<Started>): void {
  describe(`${name}, asked by several processes,`, () => {
    let server: Started;
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.stop());

    let sites = 0;
    const newSite = () => `rivals_${++sites}`;
    const openSome = (count: number) => {
      const site = newSite();
      return Promise.all(Array.from({ length: count }, () => open(server, site)));
    };

    test.each(seeds)('has after any order of steps, with restarts, what one memory would have: seed %i', (seed) => {
      const site = newSite();
      return playAnyOrder(seed, () => open(server, site));
    });

    test.each(seeds)('has it also when both are asked at once: seed %i', (seed) => {
      const site = newSite();
      return playAnyOrder(1000 + seed, () => open(server, site), { spread: true });
    });

    test('gives one instrument to one, tells the others who, and loses nothing of what all add to', async () => {
      const stores = await openSome(4);
      const storeAt = (i: number) => stores[i % stores.length] as VendorStore;
      const at400 = <Result>(ask: (store: VendorStore, i: number) => Promise<Result>) =>
        Promise.all(Array.from({ length: 400 }, (_, i) => ask(storeAt(i), i)));
      const kinds = (answers: readonly { kind: string }[], kind: string) =>
        answers.filter((answer) => answer.kind === kind).length;
      const rivals = await at400((store, i) => store.reserve(reservation({ id: `r${i}`, spends: [spend('rare')] })));
      expect([kinds(rivals, 'won'), kinds(rivals, 'held')]).toEqual([1, 399]);
      const claims = [{ key: 'root', add: 2n ** 53n + 1n, untilMs: 1e15 }];
      const same = reservation({ id: 'same', spends: [], claims, state: 'committed' });
      const answers = await at400((store) => store.reserve(same));
      expect([kinds(answers, 'won'), kinds(answers, 'known')]).toEqual([1, 399]);
      await at400((store, i) => store.reserve({ ...same, id: `c${i}`, spends: [spend(`s${i}`)] }));
      expect(await storeAt(0).claimsDue(1)).toEqual([{ key: 'root', total: 401n * (2n ** 53n + 1n) }]);
      await Promise.all(stores.map((store) => store.close()));
    });

    test('counts copies of payments that come to all at once, some with many instruments, once each', async () => {
      const stores = await openSome(3);
      const claims = [{ key: 'root', add: 1n, untilMs: 1e15 }];
      const odd = 'é\u{1f4b6} "\\ {NULL}, \n';
      const entry = (i: number) => {
        const spends = Array.from({ length: i % 7 === 0 ? 40 : 1 }, (_, n) => spend(`${odd}${i}.${n}`));
        const state = i % 2 ? 'committed' : 'reserved';
        return reservation({ id: `${odd}${i}`, spends, outcome: odd, claims, state });
      };
      const wins = new Map<number, number>();
      for (let round = 0; round < 30; round++) {
        const wave = Array.from({ length: 40 }, (_, n) => round * 20 + n);
        const send = async (store: VendorStore, i: number) => {
          if ((await store.reserve(entry(i))).kind === 'won') wins.set(i, (wins.get(i) ?? 0) + 1);
        };
        await Promise.all(wave.flatMap((i) => stores.map((store) => send(store, i))));
      }
      expect([...wins.values()]).toEqual(Array.from({ length: 620 }, () => 1));
      const [store] = stores as [VendorStore];
      expect(await store.claimsDue(1)).toEqual([{ key: 'root', total: 310n }]);
      expect(await store.unsettled(1000)).toHaveLength(310);
      expect(await store.find(`${odd}619`)).toMatchObject({ outcome: odd, state: 'committed' });
      const rival = reservation({ id: 'rival', spends: [spend(`${odd}7.39`)] });
      expect(await store.reserve(rival)).toMatchObject({ kind: 'held', by: { id: `${odd}7` } });
      while ((await store.sweep(1e15 + limits.retentionMs, 500)) > 0);
      expect(await store.find(`${odd}7`)).toBeUndefined();
      expect(await store.reserve(rival)).toEqual({ kind: 'won' });
      await Promise.all(stores.map((one) => one.close()));
    });

    test('takes every one of many steps of a session that all of them make', async () => {
      const stores = await openSome(4);
      const step = (row: unknown) => {
        const next = Number(row ?? 0) + 1;
        return { next, claims: [], untilMs: 1e15, outcome: '', undo: 1, deeds: [] };
      };
      await Promise.all(
        Array.from({ length: 400 }, (_, i) =>
          stores[i % 4]?.reserve(reservation({ id: `x${i}`, spends: [], session: { key: 's:1', step } })),
        ),
      );
      expect(await stores[1]?.readSession('s:1')).toBe(400);
      await Promise.all(stores.map((store) => store.close()));
    });
  });
}
