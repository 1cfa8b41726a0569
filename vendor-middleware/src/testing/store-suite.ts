// What every store must do, run on each of them.
import { type Json, limits, PaymentProblem, type Spend } from '@farthing/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Reservation, SessionWritten, VendorStore } from '../store/port.ts';

export function storeSuite(name: string, open: () => Promise<{ store: VendorStore; dispose(): Promise<void> }>): void {
  describe(`${name} store`, () => {
    let store: VendorStore;
    let dispose: () => Promise<void>;
    beforeEach(async () => {
      ({ store, dispose } = await open());
    });
    afterEach(() => dispose());

    describe('a reservation', () => {
      test('is won once; the same id again is known, with what was stored', async () => {
        expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
        const again = await store.reserve(reservation({ owner: 'other', outcome: 'another outcome' }));
        expect(again).toMatchObject({ kind: 'known', stored: { outcome: 'receipt', owner: 'me', state: 'reserved' } });
        expect(await store.find('c1')).toMatchObject({ id: 'c1', credential: 'cred', target: 'target', atMs: 1000 });
      });

      test('of many at once for one id and of many for one instrument is won by exactly one', async () => {
        const same = await Promise.all(Array.from({ length: 200 }, () => store.reserve(reservation())));
        expect(same.filter(({ kind }) => kind === 'won')).toHaveLength(1);
        const rivals = await Promise.all(
          Array.from({ length: 200 }, (_, i) => store.reserve(reservation({ id: `r${i}`, spends: [spend('rare')] }))),
        );
        expect(rivals.filter(({ kind }) => kind === 'won')).toHaveLength(1);
        expect(rivals.filter(({ kind }) => kind === 'held')).toHaveLength(199);
      });

      test('that meets a spent instrument writes nothing and names the holder', async () => {
        await store.reserve(reservation({ spends: [spend('a'), spend('d')] }));
        const named = ['b', 'a', 'd'].map((key) => ({ ...spend(key), name: `my ${key}` }));
        const rival = reservation({ id: 'c2', spends: named, tallies: [tally(5n)] });
        const lost = { kind: 'held', code: 'scrip-spent', names: ['my a', 'my d'], by: { id: 'c1' } };
        expect(await store.reserve(rival)).toMatchObject(lost);
        expect(await store.find('c2')).toBeUndefined();
        expect(await store.reserve(reservation({ id: 'c3', spends: [spend('b')], tallies: [tally(100n)] }))).toEqual({
          kind: 'won',
        });
      });

      test('that would pass a limit is refused and adds to no tally', async () => {
        expect(await store.reserve(reservation({ tallies: [tally(60n)] }))).toEqual({ kind: 'won' });
        const over = reservation({ id: 'c2', spends: [spend('b')], tallies: [tally(1n, 'other'), tally(41n)] });
        const full = { kind: 'over', code: 'licence-exceeded', key: 'licence', sum: 60n };
        expect(await store.reserve(over)).toEqual(full);
        const exact = reservation({ id: 'c3', spends: [spend('b')], tallies: [tally(100n, 'other'), tally(40n)] });
        expect(await store.reserve(exact)).toEqual({ kind: 'won' });
      });

      test('that is released leaves nothing behind', async () => {
        await store.reserve(reservation({ tallies: [tally(100n)] }));
        expect(await store.settle('c1', 'me', 'release')).toBe(true);
        expect(await store.find('c1')).toBeUndefined();
        expect(await store.claimsDue(10)).toEqual([]);
        expect(await store.reserve(reservation({ id: 'c2', tallies: [tally(100n)] }))).toEqual({ kind: 'won' });
      });

      test('can be released by its owner alone, and never after the commit', async () => {
        await store.reserve(reservation());
        expect(await store.settle('c1', 'other', 'release')).toBe(false);
        expect(await store.settle('c1', 'other', 'loose')).toBe(false);
        expect(await store.settle('c1', 'me', 'commit')).toBe(true);
        expect(await store.settle('c1', 'me', 'release')).toBe(false);
        expect(await store.settle('c1', 'me', 'commit')).toBe(false);
        expect(await store.find('c1')).toMatchObject({ state: 'committed' });
      });

      test('is taken over from the owner that was seen, by one, and released by the old owner no more', async () => {
        await store.reserve(reservation());
        const take = { from: 'me', atMs: 1000, to: 'next', nowMs: 2000 };
        const took = await Promise.all([store.takeOver('c1', take), store.takeOver('c1', { ...take, to: 'third' })]);
        expect(took.filter(Boolean)).toHaveLength(1);
        expect(await store.settle('c1', 'me', 'release')).toBe(false);
        expect(await store.find('c1')).toMatchObject({ atMs: 2000, state: 'reserved' });
        // Who delivered before it was taken may say so.
        expect(await store.settle('c1', 'me', 'commit')).toBe(true);
        expect(await store.takeOver('c1', { from: 'next', atMs: 2000, to: 'late', nowMs: 3000 })).toBe(false);
      });

      test('that ended loose keeps its instruments and can be taken at once', async () => {
        await store.reserve(reservation());
        expect(await store.settle('c1', 'me', 'loose')).toBe(true);
        expect(await store.reserve(reservation({ id: 'c2' }))).toMatchObject({ kind: 'held', by: { state: 'loose' } });
        expect(await store.takeOver('c1', { from: 'me', atMs: 1000, to: 'next', nowMs: 2000 })).toBe(true);
      });
    });

    test('what has no verdict is listed with what its outcome hands out, what has one is not', async () => {
      await store.reserve(reservation({ mints: ['change'] }));
      await store.reserve(reservation({ id: 'c2', spends: [], state: 'committed' }));
      expect(await store.unsettled(10)).toEqual([{ id: 'c1', mints: ['change'] }]);
      expect(await store.unsettled(0)).toEqual([]);
      await store.settle('c1', 'somebody else', 'commit');
      expect(await store.unsettled(10)).toEqual([]);
    });

    describe('claims', () => {
      test('grow with commits, are due until paid, and due again when they grow', async () => {
        await store.reserve(reservation({ claims: [claim('root', 10n)] }));
        expect(await store.claimsDue(10)).toEqual([]);
        await store.settle('c1', 'me', 'commit');
        const second = { id: 'c2', spends: [], claims: [claim('root', 5n), claim('other', 2n ** 62n)] };
        await store.reserve(reservation({ ...second, state: 'committed' }));
        expect(await store.claimsDue(10)).toEqual([
          { key: 'root', total: 15n },
          { key: 'other', total: 2n ** 62n },
        ]);
        expect(await store.claimsDue(1)).toEqual([{ key: 'root', total: 15n }]);
        expect([await store.countDue(10), await store.countDue(1)]).toEqual([2, 1]);
        const guard = { key: 'outbox', was: undefined, put: { prev: 'hash' } };
        expect(await store.claimsPaid([{ key: 'root', total: 15n }], guard)).toBe(true);
        expect(await store.readDoc('prev')).toBe('hash');
        expect(await store.claimsDue(10)).toEqual([{ key: 'other', total: 2n ** 62n }]);
        await store.reserve(reservation({ id: 'c3', spends: [], claims: [claim('root', 1n)], state: 'committed' }));
        expect(await store.claimsDue(10)).toContainEqual({ key: 'root', total: 16n });
      });

      test('of one step are due with what shows them, and only after a commit', async () => {
        const once = (key: string) => ({
          ...claim(key, 7n),
          evidence: { rank: 0, proof: { of: key } },
          once: true as const,
        });
        await store.reserve(reservation({ claims: [once('coin:1')] }));
        await store.reserve(reservation({ id: 'c2', spends: [], claims: [once('coin:2')] }));
        await store.reserve(reservation({ id: 'c3', spends: [], claims: [once('coin:3')], state: 'committed' }));
        await store.settle('c2', 'me', 'release');
        expect((await store.claimsDue(10, 'coin:')).map(({ key }) => key)).toEqual(['coin:3']);
        await store.takeOver('c1', { from: 'me', atMs: 1000, to: 'next', nowMs: 2000 });
        await store.settle('c1', 'next', 'commit');
        const shown = { rank: 0, proof: { of: 'coin:1' } };
        expect(await store.claimsDue(10, 'coin:')).toContainEqual({ key: 'coin:1', total: 7n, evidence: shown });
        // Given back and presented again, with other coins.
        const again = { ...once('coin:2'), evidence: { rank: 0, proof: { of: 'others' } } };
        await store.reserve(reservation({ id: 'c2', spends: [], claims: [again], state: 'committed' }));
        const paid = ['coin:1', 'coin:3'].map((key) => ({ key, total: 7n, over: true as const }));
        expect(await store.claimsPaid(paid, { key: 'outbox', was: undefined, put: {} })).toBe(true);
        expect(await store.claimsDue(10, 'coin:')).toEqual([{ key: 'coin:2', total: 7n, evidence: again.evidence }]);
      });

      test('are not marked paid when the outbox has changed, and an old total lowers nothing', async () => {
        await store.reserve(reservation({ claims: [claim('root', 10n)], state: 'committed' }));
        await store.swapDoc('outbox', undefined, 'batch 1');
        const stale = { key: 'outbox', was: 'batch 0', put: {} };
        expect(await store.claimsPaid([{ key: 'root', total: 10n }], stale)).toBe(false);
        expect(await store.claimsDue(10)).toHaveLength(1);
        const good = { key: 'outbox', was: 'batch 1', put: { outbox: undefined } };
        expect(await store.claimsPaid([{ key: 'root', total: 10n }], good)).toBe(true);
        expect(await store.readDoc('outbox')).toBeUndefined();
        await store.claimsPaid([{ key: 'root', total: 3n }], { key: 'outbox', was: undefined, put: {} });
        expect(await store.claimsDue(10)).toEqual([]);
      });
    });

    describe('a session', () => {
      const undo = (row: Json, step: Json): Json => Number(row) - Number(step);

      test('row is written with the reservation, which it completes', async () => {
        const first = await store.reserve(paid('c1', 3));
        expect(first).toMatchObject({ kind: 'won', written: { next: 3, outcome: 'row was undefined' } });
        expect(await store.reserve(paid('c2', 4))).toMatchObject({ written: { next: 7, outcome: 'row was 3' } });
        expect(await store.find('c2')).toMatchObject({ outcome: 'row was 3', state: 'reserved' });
        expect(await store.readSession('s:1')).toBe(7);
        expect(await store.reserve(paid('c2', 4))).toMatchObject({ kind: 'known' });
        expect(await store.readSession('s:1')).toBe(7);
      });

      test('that refuses comes out as it was thrown, and writes nothing', async () => {
        const refuse = () => {
          throw new PaymentProblem('index-used');
        };
        const entry = { ...paid('c1', 1), session: { key: 's:1', step: refuse } };
        await expect(store.reserve(entry)).rejects.toMatchObject({ code: 'index-used' });
        expect(await store.find('c1')).toBeUndefined();
        expect(await store.readSession('s:1')).toBeUndefined();
        expect(await store.reserve(reservation())).toEqual({ kind: 'won' });
      });

      test('takes every one of many payments at once', async () => {
        const all = await Promise.all(Array.from({ length: 200 }, (_, i) => store.reserve(paid(`c${i}`, 1))));
        expect(all.every(({ kind }) => kind === 'won')).toBe(true);
        expect(await store.readSession('s:1')).toBe(200);
      });

      test('gets back what a released payment took, keeps its deed, and shows no claim of it', async () => {
        await store.reserve(paid('c1', 3));
        await store.reserve(paid('c2', 4));
        expect(await store.settle('c1', 'me', 'release', undo)).toBe(true);
        expect(await store.settle('c1', 'me', 'release', undo)).toBe(false);
        expect(await store.readSession('s:1')).toBe(4);
        await store.settle('c2', 'me', 'commit');
        const [due] = await store.claimsDue(10, 's:');
        expect(due).toEqual({ key: 's:1', total: 4n, evidence: { rank: 7, proof: { at: 7 } }, deed: { by: 'c1' } });
      });

      test('whose deed would pass a limit is refused whole', async () => {
        const over = (id: string) => {
          const { session, ...rest } = paid(id, 1);
          const step = (seen: Json | undefined): SessionWritten => {
            const written = session.step(seen);
            return { ...written, deeds: [{ ...deed(id), tallies: [tally(60n)] }] };
          };
          return { ...rest, session: { ...session, step } };
        };
        expect(await store.reserve(over('c1'))).toMatchObject({ kind: 'won' });
        expect(await store.reserve(over('c2'))).toMatchObject({ kind: 'over', code: 'licence-exceeded' });
        expect(await store.readSession('s:1')).toBe(1);
        await store.settle('c1', 'me', 'release', undo);
        // A deed's tallies stay, whatever became of the handler.
        expect(await store.reserve(over('c3'))).toMatchObject({ kind: 'over', code: 'licence-exceeded' });
      });

      test('is metered in one step with its claims, and not where there is none', async () => {
        const meter = (row: Json) => ({
          next: Number(row) - 1,
          claims: [{ ...claim('s:1', 1n), evidence: { rank: Number(row), proof: {} } }],
          untilMs: 60_000,
        });
        expect(await store.changeSession('s:1', meter)).toBeUndefined();
        await store.reserve({ ...paid('c1', 50), state: 'committed' });
        const made = await Promise.all(Array.from({ length: 50 }, () => store.changeSession('s:1', meter)));
        expect(new Set(made.map((change) => change?.next)).size).toBe(50);
        expect(await store.readSession('s:1')).toBe(0);
        expect(await store.claimsDue(10, 's:')).toMatchObject([{ total: 100n, evidence: { rank: 50 } }]);
        const broken = () => {
          throw new PaymentProblem('session-final');
        };
        await expect(store.changeSession('s:1', broken)).rejects.toMatchObject({ code: 'session-final' });
      });

      test('has claims of its own kind', async () => {
        await store.reserve({ ...paid('c1', 1), state: 'committed' });
        await store.reserve(reservation({ id: 'c2', claims: [claim('root', 2n)], state: 'committed' }));
        expect((await store.claimsDue(10)).map(({ key }) => key)).toEqual(['root']);
        expect((await store.claimsDue(10, 's:')).map(({ key }) => key)).toEqual(['s:1']);
        expect([await store.countDue(10), await store.countDue(10, ''), await store.countDue(10, 's:')]).toEqual([
          2, 1, 1,
        ]);
      });

      test('is forgotten with its deeds after its life and the retention, and not before', async () => {
        await store.reserve({ ...paid('c1', 1), state: 'committed' });
        await store.sweep(60_000 + limits.retentionMs, 10);
        expect(await store.readSession('s:1')).toBe(1);
        await store.sweep(100_001 + limits.retentionMs, 10);
        expect(await store.readSession('s:1')).toBeUndefined();
      });
    });

    test('numbers are leased once each', async () => {
      const firsts = await Promise.all(Array.from({ length: 50 }, () => store.lease('serial', 10n)));
      expect(firsts.toSorted((a, b) => Number(a - b))).toEqual(
        Array.from({ length: 50 }, (_, i) => BigInt(i * 10 + 1)),
      );
      expect(await store.lease('other', 1n)).toBe(1n);
    });

    test('a quota counts to its limit, also at once', async () => {
      const taken = await Promise.all(Array.from({ length: 20 }, () => store.take('q', 3, 5000)));
      expect(taken.filter(Boolean)).toHaveLength(3);
      await store.sweep(5001, 10);
      expect(await store.take('q', 3, 9000)).toBe(true);
    });

    test('documents change only from what they were', async () => {
      expect(await store.swapDoc('a:1', undefined, 'one')).toBe(true);
      expect(await store.swapDoc('a:1', undefined, 'two')).toBe(false);
      expect(await store.swapDoc('a:1', 'one', 'two')).toBe(true);
      await store.swapDoc('a:0', undefined, 'zero');
      await store.swapDoc('b:0', undefined, 'other');
      expect(await store.listDocs('a:')).toEqual([
        { key: 'a:0', value: 'zero' },
        { key: 'a:1', value: 'two' },
      ]);
      expect(await store.swapDoc('a:1', 'two', undefined)).toBe(true);
      expect(await store.readDoc('a:1')).toBeUndefined();
    });

    test('the sweep forgets an outcome after its life, the skew and the retention, and not before', async () => {
      const untilMs = 10_000;
      await store.reserve(reservation({ untilMs, state: 'committed' }));
      const lastMs = untilMs + limits.clockSkewMs + limits.retentionMs;
      expect(await store.sweep(lastMs, 10)).toBe(0);
      expect(await store.reserve(reservation({ id: 'c2' }))).toMatchObject({ kind: 'held' });
      expect(await store.sweep(lastMs + 1, 10)).toBe(1);
      expect(await store.find('c1')).toBeUndefined();
      expect(await store.reserve(reservation({ id: 'c2' }))).toEqual({ kind: 'won' });
    });

    test('the sweep keeps a claim that can still be made, and comes to an end in steps', async () => {
      const long = { untilMs: 1, claims: [claim('root', 1n, 10 * limits.retentionMs)], state: 'committed' as const };
      for (let i = 0; i < 10; i++) await store.reserve(reservation({ ...long, id: `c${i}`, spends: [] }));
      const laterMs = 5 * limits.retentionMs;
      let swept = 0;
      for (let step = 1; step > 0; swept += step) step = await store.sweep(laterMs, 1);
      expect(swept).toBe(10);
      expect(await store.claimsDue(10)).toEqual([{ key: 'root', total: 10n }]);
      await store.sweep(11 * limits.retentionMs + 1, 10);
      expect(await store.claimsDue(10)).toEqual([]);
    });

    test('the sweep leaves what has not ended, and open payments open', async () => {
      const late = { untilMs: 10 * limits.retentionMs };
      for (let i = 0; i < 20; i++) await store.reserve(reservation({ id: `old${i}`, spends: [spend(`old${i}`)] }));
      await store.reserve(reservation({ ...late, id: 'open', spends: [spend('open')], tallies: [tally(100n)] }));
      await store.reserve(reservation({ ...late, id: 'done', spends: [spend('done')], state: 'committed' }));
      await store.reserve(reservation({ ...late, id: 'taken', spends: [spend('taken')] }));
      await store.takeOver('taken', { from: 'me', atMs: 1000, to: 'next', nowMs: 2000 });
      while ((await store.sweep(5 * limits.retentionMs, 5)) > 0);
      expect(await store.find('old7')).toBeUndefined();
      expect(await store.find('open')).toMatchObject({ state: 'reserved', owner: 'me', outcome: 'receipt' });
      expect(await store.find('done')).toMatchObject({ state: 'committed' });
      expect(await store.find('taken')).toMatchObject({ state: 'reserved', owner: 'next', atMs: 2000 });
      expect((await store.unsettled(10)).map(({ id }) => id).sort()).toEqual(['open', 'taken']);
      const rival = reservation({ id: 'c2', spends: [spend('done')] });
      expect(await store.reserve(rival)).toMatchObject({ kind: 'held', by: { id: 'done', state: 'committed' } });
      expect(await store.settle('open', 'me', 'release')).toBe(true);
      const again = reservation({ id: 'c3', spends: [spend('open')], tallies: [tally(100n)] });
      expect(await store.reserve(again)).toEqual({ kind: 'won' });
    });
  });
}

export function reservation(given: Partial<Reservation> = {}): Reservation {
  return {
    id: 'c1',
    credential: 'cred',
    target: 'target',
    owner: 'me',
    atMs: 1000,
    untilMs: 60_000,
    outcome: 'receipt',
    state: 'reserved',
    spends: [spend('coin')],
    tallies: [],
    claims: [],
    mints: [],
    ...given,
  };
}

export const spend = (key: string): Spend => ({ key, untilMs: 60_000, code: 'scrip-spent' });
const tally = (add: bigint, key = 'licence') => ({ key, add, limit: 100n, code: 'licence-exceeded' as const });
const claim = (key: string, add: bigint, untilMs = 100_000) => ({ key, add, untilMs });

const deed = (by: string) => ({ key: 's:1', deed: { by }, tallies: [], untilMs: 100_000 });

/** A payment that adds `units` to the row of a session, which is a number. */
const paid = (id: string, units: number) => ({
  ...reservation({ id, spends: [] }),
  session: {
    key: 's:1',
    step: (seen: Json | undefined): SessionWritten => {
      const next = Number(seen ?? 0) + units;
      const evidence = { rank: next, proof: { at: next } };
      return {
        outcome: `row was ${seen}`,
        untilMs: 60_000,
        claims: [{ ...claim('s:1', BigInt(units)), evidence }],
        next,
        undo: units,
        deeds: seen === undefined ? [deed(id)] : [],
      };
    },
  },
});
