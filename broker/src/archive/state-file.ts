// What the audit goes on from, in a file of its own until it is in the books: pages, each behind its length.
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const LENGTH_BYTES = 4;

export class StateFile {
  readonly #path: string;
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #sha256: string | undefined;

  private constructor(path: string) {
    this.#path = path;
  }

  /** A new file; `write` is given what takes a page after the other. @throws {Error} there is one */
  static write(path: string, write: (take: (page: Uint8Array) => void) => void): StateFile {
    const file = new StateFile(path);
    const fd = openSync(path, 'wx', 0o600);
    try {
      write((page) => {
        const length = Buffer.alloc(LENGTH_BYTES);
        length.writeUInt32BE(page.length);
        for (const part of [length, page]) writeAll(fd, part);
        file.#hash.update(page);
        file.#bytes += page.length;
      });
    } finally {
      closeSync(fd);
    }
    return file;
  }

  /** Of all pages, without their lengths. */
  get digest(): { readonly bytes: number; readonly sha256: string } {
    this.#sha256 ??= this.#hash.digest('hex');
    return { bytes: this.#bytes, sha256: this.#sha256 };
  }

  *pages(): Generator<Uint8Array<ArrayBuffer>> {
    const fd = openSync(this.#path, 'r');
    try {
      for (let length = readPart(fd, LENGTH_BYTES); length.length > 0; length = readPart(fd, LENGTH_BYTES)) {
        yield Uint8Array.from(readPart(fd, length.readUInt32BE()));
      }
    } finally {
      closeSync(fd);
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** Empty at the end. @throws {Error} the file is cut off */
function readPart(fd: number, bytes: number): Buffer {
  const part = Buffer.alloc(bytes);
  let at = 0;
  for (let read = -1; at < bytes && read !== 0; at += read) read = readSync(fd, part, at, bytes - at, null);
  if (at === 0) return part.subarray(0, 0);
  if (at < bytes) throw new Error('what the audit goes on from is cut off');
  return part;
}
