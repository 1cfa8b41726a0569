// Secrets on disk: made once, mode 0600, and not read when others may read them too.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
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
  const temporary = `${path}.${process.pid}.new`;
  const file = openSync(temporary, 'wx', 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
  return text;
}
