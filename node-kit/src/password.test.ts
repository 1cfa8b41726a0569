import { portableStretch, readPassword } from '@farthing/protocol';
import { expect, test } from 'vitest';
import { nativeStretch } from './index.ts';

test('native and portable Argon2id make the same key of a password', async () => {
  const [password, salt] = [readPassword('correct horse battery'), new Uint8Array(16).fill(7)];
  const told: number[] = [];
  const portable = await portableStretch(password, salt, { onProgress: (done) => told.push(done) });
  expect(Buffer.from(await nativeStretch(password, salt)).toString('hex')).toBe(Buffer.from(portable).toString('hex'));
  expect(portable).toHaveLength(32);
  expect(told.at(-1)).toBe(1);
  const other = await nativeStretch(readPassword('correct horse batterz'), salt);
  expect(Buffer.from(other).equals(portable)).toBe(false);
});
