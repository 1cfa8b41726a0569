// What a site's own function may give to be sold sealed, and under which name it is known: content that is known is not read.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { SealedGoods } from '@farthing/protocol';
import type { Request } from 'express';
import type { Content, Shelf } from './shelf.ts';

/** The path of a file, its bytes, or a stream of them. */
export type GoodsContent = string | URL | Uint8Array | Readable | AsyncIterable<Uint8Array>;

/**
 * Gives what is sold at this request; `undefined`: nothing, and the next handler answers. A stream is read once for each item:
 * other content needs another item, a file with another time, or other bytes.
 */
export type GoodsSource = (req: Request) => GoodsContent | undefined | Promise<GoodsContent | undefined>;

/** Arrays that were hashed before: an owner who sells the same one again does not wait for its digest. */
const digests = new WeakMap<Uint8Array, string>();

/**
 * Finds content on the shelf, or puts it there. `undefined`: there is no such file.
 * @throws {PaymentProblem} `site-not-ready`
 */
export async function shelve(shelf: Shelf, item: string, given: GoodsContent): Promise<SealedGoods | undefined> {
  const named = await nameOf(given, item);
  if (!named) return undefined;
  try {
    return (await shelf.find(named.name, item)) ?? (await shelf.put(named.name, item, named.content));
  } finally {
    // Known already, or being read by another request: nobody else will close it.
    if (given instanceof Readable) given.destroy();
  }
}

async function nameOf(given: GoodsContent, item: string): Promise<{ name: string; content: Content } | undefined> {
  if (given instanceof Uint8Array) return { name: `bytes|${digestOf(given)}|${item}`, content: { chunks: [given] } };
  if (typeof given !== 'string' && !(given instanceof URL)) {
    return { name: `stream|${item}`, content: { chunks: given } };
  }
  const path = resolve(given instanceof URL ? fileURLToPath(given) : given);
  const file = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!file?.isFile()) return undefined;
  return { name: `file|${path}|${file.size}|${file.mtimeNs}|${file.ino}|${item}`, content: { path } };
}

function digestOf(bytes: Uint8Array): string {
  const known = digests.get(bytes);
  if (known !== undefined) return known;
  const made = createHash('sha256').update(bytes).digest('base64url');
  digests.set(bytes, made);
  return made;
}
