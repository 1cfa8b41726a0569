// What an audit remembers lies in a file when it is much, and says the same as if it were in memory.
import { describe, expect, test } from 'vitest';
import { OtherShape, printKept, readKept } from './kept.ts';
import { amounts, NoScratch, Shelves } from './shelves.ts';

type Piece = { name: string; left: bigint; buyer: string | null; coins: { n: number }[]; note?: string };
const pieceOf = (n: number): Piece => ({ name: `#${n}`, left: BigInt(n) * 10n ** 12n, buyer: null, coins: [{ n }] });
const nameOf = (n: number) => `news.example/${String(n).padStart(6, '0')}`;

describe('a shelf', () => {
  test('gives back what was put on it, changed in place or not, however little of it is in memory', () => {
    using shelves = new Shelves(10);
    const shelf = shelves.add<Piece>('piece');
    for (let n = 0; n < 500; n++) {
      shelf.set(nameOf(n), pieceOf(n));
      shelves.settle();
      expect(shelf.hotValues).toBeLessThanOrEqual(10);
    }
    for (let n = 0; n < 500; n += 2) {
      const piece = shelf.get(nameOf(n));
      if (piece) piece.left += 1n;
      shelves.settle();
    }
    expect([shelf.delete(nameOf(7)), shelf.delete(nameOf(7)), shelf.has(nameOf(7)), shelf.has(nameOf(8))]).toEqual([
      ...[true, false, false, true],
    ]);
    shelf.set(nameOf(500), pieceOf(500));
    expect([shelf.size, [...shelf.keys()].length]).toEqual([500, 500]);
    for (const [name, piece] of shelf) {
      const n = Number(name.slice(-6));
      const made = pieceOf(n);
      expect(piece).toEqual({ ...made, left: made.left + (n % 2 === 0 && n < 500 ? 1n : 0n) });
      expect(shelf.peek(name)).toEqual(piece);
    }
  });

  test('says of its own file what is wrong with it, and where it lies', () => {
    const shelves = new Shelves(0);
    const shelf = shelves.add<string>('word');
    shelf.set('a', 'b');
    shelves[Symbol.dispose]();
    expect(() => shelves.settle()).toThrow(NoScratch);
    expect(() => shelf.get('c')).toThrow('TMPDIR');
  });

  test('takes no value that it could not give back', () => {
    using shelves = new Shelves(0);
    shelves.add<Map<string, string>>('map').set('a', new Map());
    expect(() => shelves.settle()).toThrow('cannot be packed');
  });
});

describe('what is kept for a later audit', () => {
  const fill = (shelves: Shelves) => ({ piece: shelves.add<Piece>('piece'), left: shelves.add('left', amounts) });
  const COUNT = 30_000;

  test('goes over several pages and comes back as it was', () => {
    using before = new Shelves();
    const { piece, left } = fill(before);
    for (let n = 0; n < COUNT; n++) {
      piece.set(nameOf(n), pieceOf(n));
      left.set(nameOf(n), -BigInt(n));
      before.settle();
    }
    const small = { last: new Map([['a', 5n]]), cleared: new Set(['b']) };
    const pages = [...printKept(small, before)];
    expect(pages.length).toBeGreaterThan(3);
    using after = new Shelves(100);
    const there = fill(after);
    expect(readKept(pages, after)).toEqual(small);
    expect([...after.rows()]).toEqual([...before.rows()]);
    expect(there.piece.get(nameOf(17))).toEqual(pieceOf(17));
    expect(there.left.get(nameOf(17))).toBe(-17n);
    expect([...printKept(small, after)]).toEqual(pages);
  });

  test('is refused when another version wrote it, with what to do', () => {
    using shelves = new Shelves();
    for (const page of [Buffer.from('no gzip'), Buffer.alloc(0)]) {
      expect(() => readKept([page], shelves)).toThrow(OtherShape);
    }
    expect(() => readKept([Buffer.from('x')], shelves)).toThrow('--renew');
  });
});
