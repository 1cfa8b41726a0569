// Sealed goods as files: the ciphertext beside the target, fetched in as many goes as it takes, and opened into place only when all
// of it is what was promised.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { nativeAead } from '@farthing/node-kit';
import { fromBase64url, Opener, PaymentProblem, type SealedOffer, sealedSize } from '@farthing/protocol';
import type { OpenedGoods } from '@farthing/protocol/wallet';

export type Progress = (step: 'fetch' | 'open', bytes: number, of: number) => void;

const CHUNK = 1_048_576;

export const sealedPath = (file: string): string => `${file}.sealed`;

/**
 * Fetches what is missing of the ciphertext and compares it. What was fetched for other goods begins anew.
 * @throws {PaymentProblem} `goods-wrong`: the site does not serve what it promised; TypeError of fetch: run again to go on
 */
export async function fetchSealed(
  url: string,
  offer: SealedOffer,
  { file, fetch, progress }: { file: string; fetch: typeof globalThis.fetch; progress: Progress },
): Promise<void> {
  const path = sealedPath(file);
  const size = sealedSize(offer.size);
  for (let from = await sizeOf(path); ; from = 0) {
    if (from > size) from = 0;
    if (from < size) await download(new URL(offer.url, url).href, { path, from, size, fetch, progress });
    if ((await sizeOf(path)) === size && (await digestOf(path)) === offer.ct) return;
    await rm(path, { force: true });
    if (from === 0) throw new PaymentProblem('goods-wrong', { detail: 'the ciphertext is not what the site signed' });
  }
}

type Download = {
  readonly path: string;
  readonly from: number;
  readonly size: number;
  readonly fetch: typeof globalThis.fetch;
  readonly progress: Progress;
};

async function download(url: string, { path, from, size, fetch, progress }: Download): Promise<void> {
  const headers = from > 0 ? { range: `bytes=${from}-` } : {};
  const response = await fetch(url, { headers, redirect: 'error', cache: 'no-store' });
  const isRest = response.status === 206;
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new PaymentProblem('site-not-ready', { detail: `the goods cannot be fetched: ${response.status}` });
  }
  const target = await open(path, isRest ? 'a' : 'w', 0o600);
  try {
    let have = isRest ? from : 0;
    for await (const chunk of response.body) {
      have += chunk.byteLength;
      if (have > size) throw new PaymentProblem('goods-wrong', { detail: 'the ciphertext is longer than promised' });
      await target.write(chunk);
      progress('fetch', have, size);
    }
    await target.sync();
  } finally {
    await target.close();
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) hash.update(chunk);
  return hash.digest('base64url');
}

/**
 * Opens the ciphertext into `file`, which appears whole or not at all.
 * @throws {PaymentProblem} `goods-wrong`: the key does not open it, or what comes out is not what was promised
 */
export async function openSealed(
  file: string,
  { offer, key, progress }: { offer: SealedOffer; key: string; progress: Progress },
): Promise<void> {
  const path = `${file}.opening`;
  const target = await open(path, 'w', 0o600);
  try {
    const digest = await openInto(target, { file, offer, key, progress });
    if (digest !== offer.pt)
      throw new PaymentProblem('goods-wrong', { detail: 'the goods are not what the site signed' });
    await target.sync();
  } catch (error) {
    await target.close();
    await rm(path, { force: true });
    throw error;
  }
  await target.close();
  await rename(path, file);
  await rm(sealedPath(file), { force: true });
}

type Opening = {
  readonly file: string;
  readonly offer: SealedOffer;
  readonly key: string;
  readonly progress: Progress;
};

async function openInto(target: FileHandle, { file, offer, key, progress }: Opening): Promise<string> {
  const hash = createHash('sha256');
  let done = 0;
  for await (const piece of piecesOf(sealedPath(file), key)) {
    hash.update(piece);
    await target.write(piece);
    done += piece.length;
    progress('open', done, offer.size);
  }
  return hash.digest('base64url');
}

/** The plaintext, record by record. @throws {PaymentProblem} `goods-wrong` */
async function* piecesOf(path: string, key: string): AsyncIterable<Uint8Array> {
  const opener = new Opener(fromBase64url(key) ?? new Uint8Array(), nativeAead);
  const opened = <Plain>(plain: Plain | undefined): Plain => {
    if (plain === undefined) throw new PaymentProblem('goods-wrong', { detail: 'the key does not open the goods' });
    return plain;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) yield* opened(opener.push(chunk));
  yield opened(opener.end());
}

/** Digests of a ciphertext, and of what a key makes of it; without a key, or one that opens it, there is no second. */
export async function openedGoods(path: string, key: string | undefined): Promise<OpenedGoods> {
  const ct = await digestOf(path);
  const hash = createHash('sha256');
  try {
    for await (const piece of piecesOf(path, key ?? '')) hash.update(piece);
    return { ct, pt: hash.digest('base64url') };
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    return { ct, pt: undefined };
  }
}
