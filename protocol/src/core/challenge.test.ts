import { describe, expect, it } from 'vitest';
import { textFromBase64url, utf8 } from './bytes.ts';
import {
  bodyDigest,
  type Challenge,
  type ChallengeFields,
  challengeId,
  isOurChallenge,
  makeChallenge,
  printChallenge,
  readChallenges,
  readOpaque,
  readRequest,
  sameDigest,
} from './challenge.ts';
import { portableCrypto as crypto } from './crypto.ts';

const secret = utf8('correct horse battery staple 0123456789');
const fields: ChallengeFields = {
  realm: 'vendor.example',
  method: 'scrip',
  intent: 'charge',
  request: {
    amount: 1500n,
    currency: 'usd-micro',
    recipient: 'vendor.example',
    methodDetails: { brokers: [{ id: 'b1', url: 'https://broker.example' }], change: true },
  },
  expiresAtMs: Date.UTC(2026, 10, 23, 12, 5),
  scope: { n: 'a1b2', s: 'GET article' },
};
const challenge = makeChallenge(fields, [secret], crypto);

describe('the published vector', () => {
  it('has the id that a stock peer computes', () =>
    expect(challenge.id).toBe('aTDXrifQJ-NqkzBVxuiM4OHaAH5B3gSH2XGNiU95qOc'));
  it('has another id when it names its header', () =>
    expect(makeChallenge({ ...fields, header: 'Payment-Authorization' }, [secret], crypto).id).toBe(
      'EUWpQvMTkR2A3c9yzsk55USMdWPhIUsST_GsivMhRg0',
    ));
  it('carries its request and scope as canonical JSON', () => {
    expect(textFromBase64url(challenge.request)).toContain('{"amount":"1500","currency":"usd-micro"');
    expect(readOpaque(challenge)).toEqual({ n: 'a1b2', s: 'GET article' });
    expect(readRequest(challenge)?.amount).toBe(1500n);
  });
});

describe('binding', () => {
  const other = new Uint8Array(32).fill(9);
  it('the previous secret still verifies after a rotation, an unknown one does not', () => {
    expect(isOurChallenge(challenge, [other, secret], crypto)).toBe(true);
    expect(isOurChallenge(challenge, [other], crypto)).toBe(false);
  });
  it.each(['realm', 'method', 'intent', 'request', 'expires', 'opaque', 'id'] as const)(
    'E4: an altered %s is noticed',
    (name) => expect(isOurChallenge({ ...challenge, [name]: `${challenge[name]}a` }, [secret], crypto)).toBe(false),
  );
  it('E4: an added digest or header is noticed', () => {
    expect(isOurChallenge({ ...challenge, digest: 'sha-256=:AA==:' }, [secret], crypto)).toBe(false);
    expect(isOurChallenge({ ...challenge, header: 'Payment-Authorization' }, [secret], crypto)).toBe(false);
  });
  it('E1: a bar cannot shift text from one slot into the next', () => {
    const { id: _, ...parts } = challenge;
    const shifted: Omit<Challenge, 'id'> = {
      ...parts,
      realm: 'vendor.example|scrip',
      method: 'charge',
      intent: parts.request,
    };
    expect(isOurChallenge({ id: challengeId(shifted, secret, crypto), ...shifted }, [secret], crypto)).toBe(false);
  });
});

describe('on the wire', () => {
  it('what is printed is read back, alone, joined, or beside other schemes', () => {
    const line = printChallenge(challenge);
    expect(readChallenges([line])).toEqual([challenge]);
    expect(readChallenges([`${line}, ${line}`, 'Basic realm="x"', line])).toEqual([challenge, challenge, challenge]);
  });
  it('unknown parameters are ignored, an unusable challenge is left out alone', () => {
    const line = printChallenge(challenge);
    expect(readChallenges([`${line}, future="1"`])).toEqual([challenge]);
    expect(readChallenges([`Payment id="x", method="Scrip1", ${line}`])).toEqual([challenge]);
  });
  it('a challenge that is too long is our own mistake', () =>
    expect(() => printChallenge({ ...challenge, request: 'A'.repeat(2100) })).toThrow(RangeError));
  it('lines beyond 16 KB are not read', () => {
    const line = printChallenge(challenge);
    expect(readChallenges([' '.repeat(16_384), line])).toEqual([]);
  });
  it.each(['0', '1.5', '-1', '1e3', '01', ''])('an amount of %j makes the request unusable', (amount) => {
    const request = Buffer.from(JSON.stringify({ amount, currency: 'usd-micro', recipient: 'v' })).toString(
      'base64url',
    );
    expect(readRequest({ ...challenge, request })).toBeUndefined();
  });
  it('an amount beyond 2^53 is read to the unit', () => {
    const request = Buffer.from('{"amount":"9007199254740993","currency":"usd-micro","recipient":"v"}').toString(
      'base64url',
    );
    expect(readRequest({ ...challenge, request })?.amount).toBe(9_007_199_254_740_993n);
  });
});

describe('body digests', () => {
  it('are RFC 9530 text, with the value of its example', () =>
    expect(bodyDigest(utf8('{"hello": "world"}\n'), crypto)).toBe(
      'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:',
    ));
  it('with and without colons name the same digest', () => {
    expect(sameDigest('sha-256=:RK/0=:', 'sha-256=RK/0=')).toBe(true);
    expect(sameDigest('sha-256=:RK/0=:', 'sha-256=:RK/1=:')).toBe(false);
    expect(sameDigest(undefined, 'sha-256=:RK/1=:')).toBe(false);
  });
});
