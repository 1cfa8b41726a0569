import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAuthChallenges, printAuthChallenge } from './auth-params.ts';

const read = (text: string) =>
  parseAuthChallenges(text, { challenges: 16, params: 32 }).map(({ scheme, params, token68 }) => ({
    scheme,
    ...Object.fromEntries(params),
    ...(token68 === undefined ? {} : { token68 }),
  }));

describe('several challenges in one line', () => {
  it('commas separate parameters and challenges alike', () => {
    expect(read('Basic realm="a, b", Payment id="1", realm="r",, Bearer, Payment id=2')).toEqual([
      { scheme: 'basic', realm: 'a, b' },
      { scheme: 'payment', id: '1', realm: 'r' },
      { scheme: 'bearer' },
      { scheme: 'payment', id: '2' },
    ]);
  });
  it('names are case-insensitive, blanks around = are legal, quoted-pairs are undone', () =>
    expect(read('PAYMENT ID = "a\\"b\\\\" ,\tRealm=x')).toEqual([{ scheme: 'payment', id: 'a"b\\', realm: 'x' }]));
  it('empty members are legal, at both ends too', () =>
    expect(read(' , ,Payment id="1",, ,')).toEqual([{ scheme: 'payment', id: '1' }]));
  it('a token68 is not a parameter, not even with padding', () =>
    expect(read('Negotiate YWJj==, Payment id="1"')).toEqual([
      { scheme: 'negotiate', token68: 'YWJj==' },
      { scheme: 'payment', id: '1' },
    ]));
});

describe('E10: one bad challenge never spoils its neighbours', () => {
  it.each([
    ['a parameter twice', 'Payment id="1", ID="2", Payment id="3"'],
    ['an equals sign without a name', 'Payment id="1", ="x", Payment id="3"'],
    ['a control character in a value', 'Payment id="\u0001", Payment id="3"'],
    ['letters that are no token', 'Payment id="1", @@@, Payment id="3"'],
    ['text after a value', 'Payment id="1" nonsense, Payment id="3"'],
  ])('%s', (_, text) =>
    expect(read(text).filter((c) => c.scheme === 'payment' && 'id' in c)).toEqual([{ scheme: 'payment', id: '3' }]),
  );
  it('a quote that never closes ends the line and forges nothing', () =>
    expect(read('Payment id="1", realm="x, Payment id="2"').filter((c) => 'id' in c && c.id === '2')).toEqual([]));
  it('counts are capped', () => {
    expect(parseAuthChallenges('Payment id=1,'.repeat(100), { challenges: 16, params: 32 })).toHaveLength(16);
    const many = Array.from({ length: 40 }, (_, i) => `p${i}=1`).join(', ');
    expect(parseAuthChallenges(`Payment ${many}`, { challenges: 16, params: 32 })).toHaveLength(0);
  });
});

describe('printing', () => {
  const value = fc.string({
    unit: fc.constantFrom(...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))),
    maxLength: 40,
  });
  it('parse ∘ print is the identity for printable text', () => {
    fc.assert(
      fc.property(value, value, (id, realm) => {
        const line = printAuthChallenge('Payment', Object.entries({ id, realm }));
        expect(read(`${line}, Basic x=y`)[0]).toEqual({ scheme: 'payment', id, realm });
      }),
    );
  });
  it('a line break cannot be printed', () =>
    expect(() => printAuthChallenge('Payment', [['id', 'a\r\nSet-Cookie: b']])).toThrow(TypeError));
  it('any text at all is read without an exception, in time that grows with its length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(Array.isArray(read(text))).toBe(true);
      }),
    );
    for (const text of ['"', '\\', ',', '=', 'a=', 'a ', ' ', 'Payment id="', 'a="\\']) {
      expect(Array.isArray(read(text.repeat(16_384)))).toBe(true);
    }
  });
});
