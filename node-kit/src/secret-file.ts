// Secrets on disk: made once, mode 0600, and not read when others may read them too.

import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * Reads the secret text of a file, or makes and stores it. The new file is on disk before it is used.
 * @throws {Error} other users can read the file
 */
export function secretFile(path: string, make: () => string): string {
  const existing = statSync(path, { throwIfNoEntry: false });
  if (existing) {
    if (process.platform !== 'win32' && (existing.mode & 0o077) !== 0) {
      throw new Error(`${path} can be read by other users: run chmod 600 ${path}, and replace the secret if they did`);
    }
    return readFileSync(path, 'utf8');
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const text = make();
  const temporary = `${path}.${randomUUID()}.new`;
  const file = openSync(temporary, 'wx', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  try {
    // A link never replaces: of several processes that start together one makes the secret, the others read it.
    linkSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return readFileSync(path, 'utf8');
  } finally {
    unlinkSync(temporary);
  }
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
  return text;
}
