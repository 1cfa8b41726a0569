// Argon2id in native code, on a thread of Node's pool: a password is opened in a quarter of a second.
import { argon2 } from 'node:crypto';
import { promisify } from 'node:util';
import { argon2Cost, type Stretch } from '@farthing/protocol';

const run = promisify(argon2);

/** Says nothing of its progress: OpenSSL does not. */
export const nativeStretch: Stretch = (message, nonce) =>
  run('argon2id', {
    ...{ message, nonce, tagLength: 32 },
    ...{ memory: argon2Cost.memoryKiB, passes: argon2Cost.passes, parallelism: argon2Cost.lanes },
  });
