// Threads that die, hang or talk nonsense: nothing that was not checked is ever called good, and the next payment is checked.
import { randomBytes } from 'node:crypto';
import type { Proof } from '@farthing/protocol';
import { afterEach, expect, test } from 'vitest';
import { nativeCrypto } from '../crypto.ts';
import { type PoolOptions, ProofPool, Unchecked } from './pool.ts';

let pool: ProofPool;
afterEach(() => pool.close());

const SPELLS = new URL('../testing/spellbound-worker.ts', import.meta.url);
const bound = (options: PoolOptions = {}) => {
  pool = new ProofPool({ threads: 1, script: SPELLS, ...options });
  return pool;
};

const seed = new Uint8Array(randomBytes(32));
/** The worker of these tests does what a message says, and checks all others. */
const proof = (spell = ''): Proof => {
  const message = new TextEncoder().encode(spell);
  const [key, signature] = [nativeCrypto.publicKey(seed), nativeCrypto.sign(seed, message)];
  return { scheme: 'ed25519', key, message, signature, code: 'spend-wrong' };
};

test.each(['die', 'throw', 'exit in a while'])(
  'A thread that ends in the middle of a check (%s) leaves the payment unchecked, and another takes its place',
  async (spell) => {
    bound();
    expect(await pool.firstWrong([proof()])).toBe(-1);
    const cut = await Promise.allSettled([pool.firstWrong([proof(spell)]), pool.firstWrong([proof()])]);
    for (const result of cut) expect(result).toEqual({ status: 'rejected', reason: expect.any(Unchecked) });
    expect(await pool.firstWrong([proof()])).toBe(-1);
  },
);

test('A thread that hangs is ended and replaced', async () => {
  bound({ stuckMs: 50 });
  await expect(pool.firstWrong([proof('hang')])).rejects.toThrow(Unchecked);
  expect(await bound().firstWrong([proof()])).toBe(-1);
});

test.each(['fewer verdicts', 'more verdicts', 'another batch', 'words'])(
  'A thread that answers at random (%s) is not believed',
  async (spell) => {
    bound();
    const judged = await Promise.allSettled([pool.firstWrong([proof(spell)]), pool.firstWrong([proof()])]);
    expect(judged.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await pool.firstWrong([proof()])).toBe(-1);
  },
);

test('A thread that cannot start leaves every payment unchecked', async () => {
  bound({ script: new URL('no-such-worker.ts', import.meta.url) });
  for (let n = 0; n < 3; n++) await expect(pool.firstWrong([proof()])).rejects.toThrow(Unchecked);
});

test('More signatures than may wait are not even looked at, and none of those before is lost', async () => {
  bound({ most: 10 });
  const all = await Promise.allSettled(Array.from({ length: 6 }, () => pool.firstWrong([proof(), proof()])));
  expect(all.map(({ status }) => status)).toEqual([...Array.from({ length: 5 }, () => 'fulfilled'), 'rejected']);
  // What was refused takes no room.
  expect(await pool.firstWrong(Array.from({ length: 10 }, () => proof()))).toBe(-1);
});

test('One payment with more than may wait is checked when it is alone', async () => {
  bound({ most: 1 });
  expect(await pool.firstWrong([proof(), proof()])).toBe(-1);
});

test('A pool that is closed lets nobody wait', async () => {
  bound();
  const waits = Array.from({ length: 40 }, () => pool.firstWrong([proof()]));
  pool.close();
  expect((await Promise.allSettled(waits)).every(({ status }) => status === 'rejected')).toBe(true);
  expect(await pool.firstWrong([proof()])).toBe(-1);
});
