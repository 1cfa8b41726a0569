import { seeded } from '@farthing/protocol/testing';
import { describe, expect, test } from 'vitest';
import { KeyIndex, MOST_PLACES } from './key-index.ts';

describe('the index of keys', () => {
  test.each([
    ['few', 2 ** 32, 2000],
    ['many that collide', 3, 400],
    ['some that collide', 40_000, 4000],
  ])('misses nothing that was added, after additions and removals: %s', (_name, prints, steps) => {
    const seed = 20_261_123 + steps;
    const rng = seeded(seed);
    const index = new KeyIndex(() => true);
    const model: [number, number][] = [];
    for (let step = 0; step < steps; step++) {
      if (model.length > 0 && rng.chance(0.3)) {
        const [gone] = model.splice(rng.below(model.length), 1);
        if (gone) index.remove(...gone);
      } else {
        const added: [number, number] = [rng.below(prints), 1 + rng.below(MOST_PLACES)];
        model.push(added);
        index.add(...added);
      }
    }
    const places = Map.groupBy(model, ([print]) => print);
    for (const [print, added] of places) {
      const expected = added.map(([, place]) => place).sort();
      expect(index.places(print).toSorted(), `seed ${seed}, print ${print}`).toEqual(expected);
    }
    expect(index.places(2 ** 31 + 5)).toEqual([]);
  });

  test('uses the room of places that were forgotten', () => {
    let oldest = 1;
    const index = new KeyIndex((place) => place >= oldest);
    for (let place = 1; place <= 60_000; place++) {
      index.add((place % 7) * 256, place);
      oldest = Math.max(1, place - 100);
    }
    const left = index.places(0);
    expect(left.length).toBeLessThan(1000);
    expect(left).toContain(59_997 - (59_997 % 7));
  });
});
