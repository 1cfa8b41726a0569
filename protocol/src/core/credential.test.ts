import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64url, utf8 } from './bytes.ts';
import { printCredential, type Recall, readCredential } from './credential.ts';
import { canonicalJson, type Json } from './json.ts';
import { PaymentProblem } from './problems.ts';
import { printReceipt, readReceipt } from './receipt.ts';

const credential = {
  challenge: {
    id: 'i',
    realm: 'r',
    method: 'scrip',
    intent: 'charge',
    request: 'e30',
    expires: '2026-11-23T12:05:00Z',
  },
  payload: { scrip: { val: '1' } },
};
const value = printCredential(credential);
const codeOf = (values: string[]): string => {
  try {
    readCredential(values);
    return 'accepted';
  } catch (error) {
    return error instanceof PaymentProblem ? error.code : 'crash';
  }
};

describe('the credential header', () => {
  it('what is printed is read back, whatever the case of the scheme', () => {
    expect(readCredential([value])).toMatchObject(credential);
    expect(readCredential([value.replace('Payment', 'pAYMENT')])).toMatchObject(credential);
    expect(readCredential([`${value}==`])).toMatchObject(credential);
  });
  it('other schemes are the site’s own login', () => {
    expect(readCredential(['Basic dTpw', 'Bearer x', 'Payments x'])).toBeUndefined();
    expect(readCredential(['Basic dTpw', value])).toMatchObject(credential);
  });
  it('E11: two credentials are refused, in two lines or joined into one', () => {
    expect(codeOf([value, value])).toBe('credentials-many');
    expect(codeOf([`${value}, ${value}`])).toBe('credentials-many');
  });
  it('E9: more than 4 KB is refused before it is decoded', () =>
    expect(codeOf([`Payment ${'A'.repeat(4200)}`])).toBe('credential-too-large'));
  it.each([
    ['nothing', 'Payment'],
    ['no base64url', 'Payment ???'],
    ['no JSON', `Payment ${toBase64url(utf8('nope'))}`],
    ['a list', `Payment ${toBase64url(utf8('[]'))}`],
    ['a member twice', `Payment ${toBase64url(utf8('{"payload":{},"payload":{}}'))}`],
    ['an unknown member', `Payment ${toBase64url(utf8(JSON.stringify({ ...credential, extra: 1 })))}`],
    ['a prototype name', `Payment ${toBase64url(utf8('{"__proto__":{},"challenge":{},"payload":{}}'))}`],
    ['no UTF-8', `Payment ${toBase64url(Uint8Array.of(0x22, 0xff, 0x22))}`],
  ])('%s is malformed', (_, text) => expect(codeOf([text])).toBe('credential-malformed'));
  it('any text at all ends in a problem or a credential', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(codeOf([`Payment ${text}`])).not.toBe('crash');
        expect(codeOf([`Payment ${toBase64url(new TextEncoder().encode(text))}`])).not.toBe('crash');
      }),
    );
  });
});

describe('what is read the short way', () => {
  /** The same JSON with a space before it is read by the schema, member by member. */
  const read = (text: string, recall?: Recall) => {
    try {
      const found = readCredential([`Payment ${toBase64url(utf8(text))}`], recall);
      const { canonical, ...rest } = found ?? {};
      return { rest, canonical };
    } catch (error) {
      if (!(error instanceof PaymentProblem)) throw error;
      return { code: error.code };
    }
  };
  const letters = fc.string({
    unit: fc.constantFrom('a', 'Z', '-', '_', '|', ' ', '~', '"', '\\', 'é', '\ud800', '\n'),
    maxLength: 6,
  });
  const long = fc.constantFrom(40, 41, 128, 129, 2048, 2049).map((length) => 'a'.repeat(length));
  const leaf = fc.oneof(
    letters,
    long,
    fc.constantFrom('', '2026-11-23T12:05:00Z', 'Payment-Authorization', 0, 0.5, -0, null, true, [], {}),
  );
  const names = [
    'id',
    'realm',
    'method',
    'intent',
    'request',
    'expires',
    'digest',
    'opaque',
    'header',
    'more',
    '__proto__',
  ];
  const edits = fc.array(fc.tuple(fc.constantFrom(...names), fc.option(leaf, { nil: undefined })), { maxLength: 3 });
  const tops = fc.dictionary(
    fc.constantFrom('source', 'extra', 'payload', 'challenge'),
    fc.oneof(leaf, fc.jsonValue({ maxDepth: 9 })),
    { maxKeys: 1 },
  );
  const sorted = (value: unknown): string =>
    JSON.stringify(value, (_, v) =>
      typeof v === 'object' && v !== null && !Array.isArray(v)
        ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
        : v,
    );
  const texts = fc.tuple(edits, tops, fc.boolean()).map(([changes, top, isSorted]) => {
    const challenge = Object.assign(Object.create(null), credential.challenge);
    for (const [name, value] of changes) challenge[name] = value;
    const whole = { ...credential, challenge, ...top };
    return isSorted ? sorted(whole) : JSON.stringify(whole);
  });

  it('is accepted and refused exactly as the schema says', () => {
    let short = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const found = read(text);
        expect({ ...found, canonical: undefined }).toEqual({ ...read(` ${text}`), canonical: undefined });
        if (found.canonical === undefined) return;
        short++;
        expect(found.canonical).toBe(canonicalJson(found.rest as Json));
      }),
      { numRuns: 2000 },
    );
    expect(short).toBeGreaterThan(100);
  });
  it('is the same with a challenge that was read before', () => {
    const known = canonicalJson(credential.challenge);
    const recall: Recall = (text) => (text === known ? credential.challenge : undefined);
    const tails = ['', ',"source":"x"', ',"payload":{}', ' ', '}', ',"challenge":{}'];
    const payloads = fc.oneof(
      fc.json({ maxDepth: 9 }),
      fc.constantFrom('{"a":1,"a":2}', '{}', '{"b":1,"a":2}', '[', '{"a":0.5}'),
    );
    fc.assert(
      fc.property(payloads, fc.constantFrom(...tails), (payload, tail) => {
        const text = `{"challenge":${known},"payload":${payload}${tail}}`;
        const found = read(text, recall);
        expect({ ...found, canonical: undefined }).toEqual({ ...read(text), canonical: undefined });
        if (found.canonical !== undefined) expect(found.canonical).toBe(canonicalJson(found.rest as Json));
      }),
      { numRuns: 1000 },
    );
    const value = `Payment ${toBase64url(utf8(`{"challenge":${known},"payload":{"a":1}}`))}`;
    expect(readCredential([value], recall)?.challenge).toBe(credential.challenge);
  });
});

describe('the receipt header', () => {
  const receipt = {
    status: 'success',
    method: 'scrip',
    timestamp: '2026-11-23T12:00:00Z',
    reference: 'k1.1',
    challengeId: 'i',
    details: { change: { val: '1' } },
  } as const;
  it('what is printed is read back, method members apart', () =>
    expect(readReceipt(printReceipt(receipt))).toEqual(receipt));
  it('a method cannot overwrite the common members', () =>
    expect(readReceipt(printReceipt({ ...receipt, details: { status: 'x', reference: 'y' } }))?.reference).toBe(
      'k1.1',
    ));
  it.each(['', '????', toBase64url(utf8('{}')), toBase64url(utf8('{"status":"failed"}')), 'A'.repeat(5000)])(
    '%j is no receipt',
    (text) => expect(readReceipt(text)).toBeUndefined(),
  );
});
