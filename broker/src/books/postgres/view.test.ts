import { expect, test } from 'vitest';
import { Missing } from './needs.ts';
import { View } from './view.ts';

const SCHEMA = ['CREATE TABLE one (n INTEGER PRIMARY KEY, x TEXT NOT NULL) STRICT;'];

function viewed() {
  const view = new View(SCHEMA);
  const add = view.prepare('INSERT INTO one (n, x) VALUES (?, ?)');
  const get = view.prepare('SELECT x FROM one WHERE n = ?');
  const set = view.prepare('UPDATE one SET x = ? WHERE n = ?');
  return { view, add, get, set };
}

test('what is missing is named once, however often it is asked for, and what was decided without it is undone', () => {
  const { view, add, get } = viewed();
  view.begin();
  const done = view.pass(() => {
    add.run(7, 'new');
    expect(() => view.gather(() => [get.get(1), get.get(2), get.get(1)])).toThrow(Missing);
  });
  expect(done).toMatchObject({ missing: [{ values: [1] }, { values: [2] }] });
});

test('a row that was brought is read and changed, with its old value beside the new one', () => {
  const { view, get, set } = viewed();
  view.begin();
  const first = view.pass(() => expect(() => get.get(1)).toThrow(Missing));
  const [need] = 'missing' in first ? first.missing : [];
  if (!need) throw new Error('nothing was missing');
  view.bring(need.load, [{ n: 1n, x: 'old' }]);
  view.met(need);
  const second = view.pass(() => {
    expect(get.get(1)).toEqual({ x: 'old' });
    set.run('new', 1);
  });
  expect(second).toMatchObject({ changes: [{ updated: [{ old: [1n, 'old'], now: [undefined, 'new'] }] }] });
  view.commit();
  view.begin();
  expect(view.pass(() => expect(get.get(1)).toEqual({ x: 'new' }))).toEqual({ changes: [] });
});

test('a broker that goes on for ever does not remember for ever', () => {
  const { view, add } = viewed();
  let n = 0;
  const sizes: number[] = [];
  for (let batch = 0; batch < 12; batch++) {
    view.begin();
    sizes.push(view.size);
    view.pass(() => {
      for (let i = 0; i < 10_000; i++) add.run(n++, 'x');
    });
    view.commit();
  }
  expect(Math.max(...sizes)).toBeLessThanOrEqual(50_000);
});

test('what each batch asks for is named ahead for the next one, what one batch asked for is not', () => {
  const { view, get } = viewed();
  const batch = (...keys: number[]) => {
    view.clear();
    view.begin();
    const done = view.pass(() => expect(() => view.gather(() => keys.map((n) => get.get(n)))).toThrow(Missing));
    const missing = 'missing' in done ? done.missing : [];
    const ahead = view.steady(missing).map(({ values }) => values[0]);
    for (const need of [...missing, ...view.steady(missing)]) view.met(need);
    view.pass(() => void keys.map((n) => get.get(n)));
    view.commit();
    return ahead;
  };
  expect(batch(1, 2)).toEqual([]);
  expect(batch(1, 3)).toEqual([]);
  expect(batch(4)).toEqual([1]);
  expect(batch(5)).toEqual([]);
});

test('what is foreseen is named and not read, and once it is here nothing is asked for again', () => {
  const { view, get } = viewed();
  const read: unknown[] = [];
  const name = () => view.foresee(() => read.push(get.get(1), get.get(2)));
  view.begin();
  const done = view.pass(() => expect(name).toThrow(Missing));
  const missing = 'missing' in done ? done.missing : [];
  expect(missing.map(({ values }) => values)).toEqual([[1], [2]]);
  for (const need of missing) {
    view.bring(need.load, [{ n: need.values[0] as number, x: 'here' }]);
    view.met(need);
  }
  expect(view.pass(name)).toEqual({ changes: [] });
  expect(read).toEqual([undefined, undefined, undefined, undefined]);
  expect(get.get(2)).toEqual({ x: 'here' });
});

/** What a part throws, as who runs a batch hears it: it goes on with the next one. */
function thrown(view: View, part: () => unknown): string {
  try {
    view.apart(part);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '?';
  }
}

test('a part that throws before it changed anything costs the others nothing; after that all are decided again, each for itself', () => {
  const { view, add } = viewed();
  const fails = () => {
    throw new Error('refused');
  };
  let passes = 0;
  view.begin();
  const first = view.pass(() => {
    passes++;
    view.apart(() => add.run(1, 'a'));
    expect(thrown(view, fails)).toBe('refused');
  });
  expect([passes, first]).toMatchObject([1, { changes: [{ inserted: [[1n, 'a']] }] }]);
  const said: string[][] = [];
  const second = view.pass(() => {
    const add1 = (n: number, then: () => unknown) => () => [add.run(n, 'b'), then()];
    const heard = [
      thrown(
        view,
        add1(2, () => undefined),
      ),
      thrown(view, add1(3, fails)),
      thrown(view, () => view.apart(add1(4, fails))),
      thrown(
        view,
        add1(3, () => undefined),
      ),
    ];
    said.push(heard);
  });
  expect(said).toEqual([
    ['', '', '', expect.stringContaining('')],
    ['', 'refused', 'refused', ''],
  ]);
  expect(second).toMatchObject({
    changes: [
      {
        inserted: [
          [2n, 'b'],
          [3n, 'b'],
        ],
      },
    ],
  });
});

test('an insert that tells what it made is undone as any other', () => {
  const { view } = viewed();
  const make = view.prepare('INSERT INTO one (n, x) VALUES (?, ?) RETURNING n', { rows: [] });
  view.begin();
  const done = view.pass(() => {
    thrown(view, () => {
      make.get(1, 'a');
      throw new Error('refused');
    });
    thrown(view, () => make.get(2, 'b'));
  });
  expect(done).toMatchObject({ changes: [{ inserted: [[2n, 'b']] }] });
});

test('what misses a row is decided again when it is here, without a word of what went wrong beside it', () => {
  const { view, add, get } = viewed();
  view.begin();
  const done = view.pass(() => {
    thrown(view, () => [add.run(1, 'a'), get.get(7)]);
    thrown(view, () => {
      add.run(2, 'a');
      throw new Error('half done');
    });
  });
  expect(done).toMatchObject({ missing: [{ values: [7] }] });
});

test('rows that nothing reads are written by who kept them, and not by a part that was undone or a pass that missed something', () => {
  const { view, get } = viewed();
  const add = view.prepare('INSERT INTO one (x, n) VALUES (?, ?)', { unread: true });
  const part = (n: number, fails: boolean) => () => {
    add.run('line', n);
    if (fails) throw new Error('short of money');
  };
  view.begin();
  const first = view.pass(() => {
    view.apart(part(1, false));
    expect(() => get.get(1)).toThrow(Missing);
  });
  for (const need of 'missing' in first ? first.missing : []) view.met(need);
  const second = view.pass(() => {
    view.apart(part(2, false));
    thrown(view, part(3, true));
    thrown(view, () => {
      view.apart(part(4, false));
      throw new Error('the whole');
    });
    view.apart(part(5, false));
  });
  expect(second).toMatchObject({
    changes: [
      {
        table: 'one',
        inserted: [
          [2, 'line'],
          [5, 'line'],
        ],
      },
    ],
  });
  view.commit();
  view.begin();
  expect(view.pass(() => undefined)).toEqual({ changes: [] });
});
