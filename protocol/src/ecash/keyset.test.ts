import { describe, expect, it } from 'vitest';
import { portableCrypto as crypto } from '../core/crypto.ts';
import { limits } from '../core/limits.ts';
import { BROKER, brokerSeed, mintOf, NOW_MS, recordOf } from './fixture.ts';
import { keyListHash, keysetName, phaseOf, readKeyList, signKeyList } from './keyset.ts';

const mint = mintOf([{ value: 1n }, { value: 2n }]);
const [one, two] = mint.records;
const list = mint.list();
if (!one || !two) throw new Error('two keysets were made');
const untrusted = expect.objectContaining({ code: 'broker-untrusted' });
const listOf = (names: string[], revoked: string[] = [], stopped: string[] = []) =>
  signKeyList({ brk: BROKER.brk, no: 2, keysets: names, revoked, stopped }, brokerSeed, crypto);
const name = ({ sig: _, ...record }: typeof one) => keysetName(record, crypto);

describe('A key list', () => {
  it('gives every keyset of the broker under its name', () => {
    expect(mint.keysets.map(({ ks, value }) => [ks, value])).toEqual([
      [name(one), 1n],
      [name(two), 2n],
    ]);
  });

  it('gives revoked keysets too, and says so: their coins are swapped', () => {
    const read = readKeyList({ list: listOf([name(one)], [name(two)]), records: mint.records }, BROKER, crypto);
    expect(read.map(({ ks, revoked }) => [ks, revoked])).toEqual([
      [name(one), undefined],
      [name(two), true],
    ]);
  });

  it('has one hash whoever reads it, and another as soon as one keyset differs', () => {
    const same = signKeyList({ ...list, keysets: [...list.keysets].reverse() }, brokerSeed, crypto);
    expect(keyListHash(same, crypto)).toBe(keyListHash(list, crypto));
    const { record: own } = recordOf(2n);
    const tagging = listOf([name(one), name(own)]);
    expect(keyListHash({ ...tagging, no: list.no }, crypto)).not.toBe(keyListHash(list, crypto));
  });

  it.each<[string, () => unknown]>([
    ['signed by somebody else', () => [signKeyList(list, new Uint8Array(32).fill(9), crypto), mint.records]],
    ['of another broker', () => [signKeyList({ ...list, brk: 'b2' }, brokerSeed, crypto), mint.records]],
    ['that leaves a keyset out', () => [list, [one]]],
    ['with a keyset that it does not name', () => [listOf([name(one)]), mint.records]],
    ['with a keyset whose value was altered', () => [list, [one, { ...two, denom: '500' }]]],
    ['that leaves a revoked keyset out', () => [listOf([name(one)], [name(two)]), [one]]],
    ['that stops what it does not revoke', () => [listOf([name(one), name(two)], [], [name(one)]), mint.records]],
    ['that revokes what it offers', () => [listOf([name(one), name(two)], [name(one)]), mint.records]],
    [
      'with a keyset that is locked to a site',
      () => {
        const { record } = recordOf(2n, { vnd: 'news.example' });
        return [listOf([name(one), name(record)]), [one, record]];
      },
    ],
    [
      'with one key for two values',
      () => {
        const { sig: _, ...copy } = { ...two, n: one.n };
        const { record } = recordOf(2n, copy);
        return [listOf([name(one), name(record)]), [one, record]];
      },
    ],
    [
      'with two keys for one value',
      () => {
        const { record } = recordOf(1n);
        return [listOf([name(one), name(record)]), [one, record]];
      },
    ],
    [
      'with a key that is short',
      () => {
        const { record } = recordOf(2n, { n: `AA${two.n.slice(2)}` });
        return [listOf([name(one), name(record)]), [one, record]];
      },
    ],
    [
      'whose coins could be claimed before they could be spent',
      () => {
        const { record } = recordOf(2n, { claimUntil: NOW_MS / 1000 });
        return [listOf([name(one), name(record)]), [one, record]];
      },
    ],
  ])('is refused %s', (_, made) => {
    const [shown, records] = made() as [typeof list, typeof mint.records];
    expect(() => readKeyList({ list: shown, records }, BROKER, crypto)).toThrow(untrusted);
  });
});

describe('The time of a keyset', () => {
  it('goes from spending over claiming to reclaiming, with the skew of clocks in between', () => {
    const at = (seconds: number, shiftMs: number) => phaseOf(one, seconds * 1000 + shiftMs);
    const skew = limits.clockSkewMs;
    expect(at(one.nbf, -skew - 1)).toBe('early');
    expect(at(one.nbf, -skew)).toBe('spend');
    expect(at(one.spendUntil, skew)).toBe('spend');
    expect(at(one.spendUntil, skew + 1)).toBe('claim');
    expect(at(one.claimUntil, skew + 1)).toBe('reclaim');
    expect(at(one.reclaimUntil, skew + 1)).toBe('over');
  });
});
