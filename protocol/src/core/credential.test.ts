import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64url, utf8 } from './bytes.ts';
import { printCredential, readCredential } from './credential.ts';
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
    expect(readCredential([value])).toEqual(credential);
    expect(readCredential([value.replace('Payment', 'pAYMENT')])).toEqual(credential);
    expect(readCredential([`${value}==`])).toEqual(credential);
  });
  it('other schemes are the site’s own login', () => {
    expect(readCredential(['Basic dTpw', 'Bearer x', 'Payments x'])).toBeUndefined();
    expect(readCredential(['Basic dTpw', value])).toEqual(credential);
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
