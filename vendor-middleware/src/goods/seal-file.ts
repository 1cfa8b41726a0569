// Seals a file for its buyers. It is read twice, because its key follows from the digest of what is sealed; a few records at a
// time, so that memory stays flat and free pages are served in between.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { nativeAead } from '@farthing/node-kit';
import { Sealer } from '@farthing/protocol';

/** What one turn of the event loop hashes and seals: some tenths of a millisecond. */
const CHUNK = { highWaterMark: 65_536 } as const;

/** SHA-256 as h32, and the length in bytes. */
export type Digested = { readonly digest: string; readonly size: number };

export async function digestOf(path: string): Promise<Digested> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, CHUNK)) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: hash.digest('base64url'), size };
}

/** Writes the ciphertext to a new file, on disk when it resolves, and tells the digests of both sides as they were then. */
export async function sealFile(from: string, to: string, key: Uint8Array): Promise<{ ct: string; pt: string }> {
  const plain = createHash('sha256');
  const sealed = createHash('sha256');
  const sealer = new Sealer(key, nativeAead);
  await using file = await open(to, 'wx', 0o600);
  for await (const chunk of createReadStream(from, CHUNK)) {
    plain.update(chunk);
    for (const record of sealer.push(chunk)) {
      sealed.update(record);
      await file.writeFile(record);
    }
  }
  const last = sealer.end();
  sealed.update(last);
  await file.writeFile(last);
  await file.sync();
  return { ct: sealed.digest('base64url'), pt: plain.digest('base64url') };
}
