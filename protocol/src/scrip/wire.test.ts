import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { portableCrypto as crypto, type Json, type JsonObject, macObject, toBase64url } from '../index.ts';
import vectors from './vectors.json' with { type: 'json' };
import {
  certify,
  customerSecret,
  payProof,
  readSignedPayload,
  receiptProof,
  type Scrip,
  scripSchema,
  signedPayload,
} from './wire.ts';

const secret = (byte: string) => new Uint8Array(32).fill(Number.parseInt(byte, 16));
const blank = vectors.scrip as unknown as Omit<Scrip, 'mac'>;

describe('scrip vectors', () => {
  const scrip = certify(blank, secret(vectors.secrets.mss.k1), crypto);
  const csec = customerSecret(blank.cid, secret(vectors.secrets.mcs.c1), crypto);
  it('the certificate is the published MAC', () => expect(scrip.mac).toBe(vectors.mac));
  it('the customer secret is the published one', () => expect(toBase64url(csec)).toBe(vectors.csec));
  it('the proof of payment is the published one', () => {
    const proof = payProof(
      { challengeId: vectors.challengeId, scrip, target: vectors.target, digest: '', change: true },
      csec,
      crypto,
    );
    expect(proof).toBe(vectors.proof);
  });
  it('change under the vendor’s own key id has the published MAC', () => {
    const change = certify(
      { ...blank, id: vectors.change.id, val: vectors.change.val },
      secret(vectors.secrets.mss.v1),
      crypto,
    );
    expect(change.mac).toBe(vectors.change.mac);
  });
});

describe('the texts that are written out', () => {
  const key = secret('5a');
  const word = fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/);
  const id = fc.tuple(word, fc.bigInt(0n, 10n ** 15n - 1n)).map(([kid, serial]) => `${kid}.${serial}`);
  const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((s) => s.isWellFormed());
  const scrips = fc.record({
    typ: fc.constant('scrip/1' as const),
    vnd: fc.stringMatching(/^[a-z0-9.:-]{1,64}$/),
    root: id,
    id,
    val: fc.bigInt(1n, 10n ** 18n).map(String),
    cur: fc.constantFrom('usd-micro' as const, 'eur-micro' as const),
    cid: word.map((kid) => `${kid}.${'-'.repeat(21)}A`),
    exp: fc.integer({ min: 0, max: 253_402_300_799 }),
    props: fc.dictionary(text, text, { maxKeys: 2 }),
  });

  it('are what the signing rule says, for every piece that the schema takes', () => {
    fc.assert(
      fc.property(scrips, (blank) => {
        const scrip = certify(blank, key, crypto);
        expect(v.is(scripSchema, scrip)).toBe(true);
        expect(scrip.mac).toBe(macObject(blank, key, crypto));
      }),
    );
  });
  it('are what the signing rule says, whatever the request and the challenge are called', () => {
    const mac = 'm'.repeat(43);
    fc.assert(
      fc.property(
        text,
        text,
        text,
        fc.boolean(),
        fc.bigInt(0n, 10n ** 18n),
        (challengeId, target, digest, change, amount) => {
          const scrip = { mac } as Scrip;
          const proven = { typ: 'scrip-pay/1', challengeId, scrip: mac, target, digest, change };
          expect(payProof({ challengeId, scrip, target, digest, change }, key, crypto)).toBe(
            macObject(proven, key, crypto),
          );
          const told = { typ: 'scrip-receipt/1', challengeId, amount: `${amount}`, change: change ? mac : '' };
          expect(receiptProof({ challengeId, amount, change: change ? scrip : undefined }, key, crypto)).toBe(
            macObject(told, key, crypto),
          );
        },
      ),
    );
  });
});

describe('a payload that is read the short way', () => {
  const good = { change: true, proof: 'A'.repeat(43), scrip: { ...blank, props: {}, mac: 'A'.repeat(43) } };
  const leaves = fc.oneof(
    fc.constantFrom<Json>(
      '',
      '0',
      '01',
      '1',
      '9'.repeat(18),
      `1${'0'.repeat(18)}`,
      '9'.repeat(19),
      'usd',
      'eur-micro',
      'scrip/2',
    ),
    fc.constantFrom<Json>(
      'k1.0',
      'k1.01',
      'K.1',
      `k1.${'9'.repeat(16)}`,
      `k1.${'A'.repeat(22)}`,
      `k1.${'A'.repeat(21)}B`,
      'B'.repeat(43),
    ),
    fc.constantFrom<Json>(0, -1, -0, 0.5, 253_402_300_799, 253_402_300_800, null, true, [], {}, { a: 'b' }, { a: 1 }),
    fc.string({ maxLength: 70 }),
  );
  const names = [...Object.keys(good.scrip), 'more'];
  const edits = fc.array(fc.tuple(fc.constantFrom(...names), fc.option(leaves, { nil: undefined })), { maxLength: 2 });
  const tops = fc.dictionary(fc.constantFrom('change', 'proof', 'scrip', 'more'), leaves, { maxKeys: 1 });

  it('is accepted and refused exactly as the schema says', () => {
    let accepted = 0;
    fc.assert(
      fc.property(edits, tops, fc.constantFrom('change', 'proof', ''), (changes, top, without) => {
        const scrip: Record<string, Json | undefined> = { ...good.scrip };
        for (const [name, value] of changes)
          if (value === undefined) delete scrip[name];
          else scrip[name] = value;
        const { [without]: _, ...payload }: Record<string, unknown> = { ...good, scrip, ...top };
        const wanted = v.safeParse(signedPayload, payload);
        const read = () => readSignedPayload(payload as JsonObject);
        if (!wanted.success) expect(read).toThrow('payload-invalid');
        else {
          accepted++;
          expect(read()).toEqual(wanted.output);
        }
      }),
      { numRuns: 2000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
