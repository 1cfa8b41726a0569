import { nodeEnv } from '@farthing/node-kit';
import { type Challenge, canonicalJson, type JsonObject, limits, PaymentProblem } from '@farthing/protocol';
import { expect, test } from 'vitest';
import { Payloads } from './payloads.ts';

const challenge = { id: 'c', realm: 'news' } as Challenge;
const codeOf = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error instanceof PaymentProblem ? [error.code, error.extra.consumed] : error;
  }
};
function cache() {
  const clock = { ms: 1_000_000 };
  return { clock, payloads: new Payloads(() => ({ ...nodeEnv(), nowMs: clock.ms })) };
}

test('A payload by reference is hashed and read as if it had come with its credential', () => {
  const { payloads } = cache();
  const payload = { coins: [{ pk: 'ä', n: 1 }], brk: 'b' };
  const ref = payloads.put(payload);
  expect(ref).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(payloads.put({ brk: 'b', coins: [{ n: 1, pk: 'ä' }] })).toBe(ref);
  const credential = { challenge, payload: { ref }, source: 'me', canonical: 'of the reference' };
  const resolved = payloads.resolve(credential);
  expect(resolved).toMatchObject({ challenge, payload, source: 'me' });
  expect(resolved.canonical).toBe(canonicalJson({ challenge, payload } as unknown as JsonObject));
});

test('What is no reference stays as it is', () => {
  const { payloads } = cache();
  for (const payload of [{}, { ref: 1 }, { ref: 'a', coins: [] }, { coins: [] }]) {
    const credential = { challenge, payload, canonical: 'as it came' };
    expect(payloads.resolve(credential)).toBe(credential);
  }
  expect(codeOf(() => payloads.put([]))).toEqual(['request-malformed', undefined]);
});

test('What was never posted, or too long ago, is unknown, and nothing is said about what it has paid', () => {
  const { payloads, clock } = cache();
  const unknown = ['ref-unknown', 'unknown'];
  expect(codeOf(() => payloads.resolve({ challenge, payload: { ref: 'A'.repeat(43) } }))).toEqual(unknown);
  const ref = payloads.put({ n: 1 });
  clock.ms += limits.payloadLifeMs - 1;
  expect(payloads.resolve({ challenge, payload: { ref } }).payload).toEqual({ n: 1 });
  clock.ms += 1;
  expect(codeOf(() => payloads.resolve({ challenge, payload: { ref } }))).toEqual(unknown);
});

test('The memory they take is bounded: the oldest go first', () => {
  const { payloads } = cache();
  const big = (n: number) => payloads.put({ n, text: 'x'.repeat(limits.bodyBytes - 100) });
  const refs = Array.from({ length: 200 }, (_, n) => big(n));
  const there = refs.filter((ref) => !Array.isArray(codeOf(() => payloads.resolve({ challenge, payload: { ref } }))));
  expect(there).toEqual(refs.slice(-there.length));
  expect(there.length).toBe(Math.floor(limits.payloadsBytes / (limits.bodyBytes - 78)));
});
