import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json, parseJson, readJson } from './json.ts';

const whole = (_: string, value: unknown) => (typeof value === 'number' ? Math.trunc(value % 1e9) : value);

describe('canonical JSON (RFC 8785)', () => {
  it('sorts members by UTF-16 code units, as the example of the RFC', () => {
    const names = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(names)).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
  });
  it('leaves out members without a value, so that absent and undefined sign the same', () =>
    expect(canonicalJson({ b: 1, a: undefined } as unknown as Json)).toBe('{"b":1}'));
  it.each([[0.5], [Number.NaN], [2 ** 53], ['\ud800']])('E1: refuses to sign %j, whose text is ambiguous', (value) =>
    expect(() => canonicalJson(value)).toThrow(TypeError),
  );
  it('writes the same text for the same members, in order or not', () => {
    const turned = (value: Json): Json => {
      if (typeof value !== 'object' || value === null) return value;
      if (Array.isArray(value)) return value.map(turned);
      const names = Object.entries(value).map(([name, member]) => [name, turned(member)]);
      return Object.fromEntries(names.reverse()) as Json;
    };
    const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value, whole)) as Json);
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(turned(value))).toBe(canonicalJson(value));
      }),
    );
    expect(canonicalJson({ a: -0, b: [true, null, { c: 'é"' }] })).toBe('{"a":0,"b":[true,null,{"c":"é\\""}]}');
  });
  it.each([[0.5], ['\ud800'], [2 ** 53], [1n], [() => 1]])(
    'E1: refuses to sign %s inside of a value in order',
    (bad) => {
      for (const value of [{ a: bad }, [bad], { a: [{ b: bad }] }, [undefined]] as unknown as Json[]) {
        expect(() => canonicalJson(value)).toThrow(TypeError);
      }
    },
  );
  it('E1: refuses to sign a name that is half a character', () =>
    expect(() => canonicalJson({ '\ud800': 1 })).toThrow(TypeError));
  it('quotes every string as the platform does', () => {
    const anyText = fc.string({
      unit: fc.constantFrom('a', '"', '\\', '/', '\0', '\x1f', '\x7f', ' ', '~', 'é', '\u2028', '😀'),
    });
    fc.assert(
      fc.property(anyText, (text) => {
        expect(canonicalJson(text)).toBe(JSON.stringify(text));
      }),
    );
  });
  it('different values have different texts', () => {
    const json = fc
      .jsonValue({ maxDepth: 3, noUnicodeString: false })
      .map(
        (value) =>
          JSON.parse(JSON.stringify(value, (_, v) => (typeof v === 'number' ? Math.trunc(v % 1e9) : v))) as Json,
      );
    fc.assert(
      fc.property(json, json, (a, b) => {
        const same = canonicalJson(a) === canonicalJson(b);
        expect(same).toBe(canonicalJson(JSON.parse(canonicalJson(a))) === canonicalJson(JSON.parse(canonicalJson(b))));
        expect(canonicalJson(JSON.parse(canonicalJson(a)) as Json)).toBe(canonicalJson(a));
      }),
    );
  });
});

describe('reading JSON', () => {
  it('text is called canonical only when it is what the value would be signed as', () => {
    let canonical = 0;
    const values = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });
    fc.assert(
      fc.property(values, fc.boolean(), (value, isWhole) => {
        const whole = (_: string, v: unknown) => (isWhole && typeof v === 'number' ? Math.trunc(v % 1e9) : v);
        const text = JSON.stringify(value, whole);
        const found = readJson(text);
        if (!found?.isCanonical) return;
        canonical++;
        expect(canonicalJson(found.value)).toBe(text);
      }),
      { numRuns: 1000 },
    );
    expect(canonical).toBeGreaterThan(100);
    for (const text of [
      '{"b":1,"a":1}',
      '[0.5]',
      '[-0]',
      '[1e3]',
      '"\\ud800"',
      ' 1',
      '{"2":1,"10":1}',
      '9007199254740993',
    ]) {
      expect(readJson(text)?.isCanonical).toBe(false);
    }
  });
  it('E6: a member named twice is refused, however it is spelt', () => {
    for (const text of [
      '{"a":1,"a":2}',
      '{"a":1,"\\u0061":2}',
      '{"x":{"b":1, "b" : 1}}',
      '[{"a":1},{"a":1,"c":2,"a":3}]',
    ]) {
      expect(parseJson(text)).toBeUndefined();
    }
  });
  it('the same name in two objects, or as a value, is no repetition', () => {
    expect(parseJson('[{"a":"a"}, {"a":"b"}]')).toEqual([{ a: 'a' }, { a: 'b' }]);
    expect(parseJson('{"a":"}\\",{", "b":"a:"}')).toEqual({ a: '}",{', b: 'a:' });
    expect(parseJson('{"2":1,"1":1 }')).toEqual({ '1': 1, '2': 1 });
  });
  it('nine levels are too deep, eight are not', () => {
    expect(parseJson('['.repeat(8) + ']'.repeat(8))).toBeDefined();
    expect(parseJson('['.repeat(9) + ']'.repeat(9))).toBeUndefined();
  });
  it.each(['', '{', 'undefined', '{a:1}', '"\\u12"', 'nul'])('%j is not JSON', (text) =>
    expect(parseJson(text)).toBeUndefined(),
  );
  it('agrees with the platform on everything that a serialiser writes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });
});
