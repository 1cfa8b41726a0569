// Sealed goods as bytes: fetched in as many goes as it takes, compared before anything is paid, and opened.
import { fromBase64url, Opener, PieceDigest, sealedSize } from '@farthing/protocol';
import { forget, keepPart, kept } from '../../kept-goods.ts';
import { Refused } from '../../ui/client.ts';
import type { GoodsView } from '../../view.ts';

type Progress = (bytes: number, of: number) => void;
type Promised = Pick<GoodsView, 'from' | 'ct' | 'pt' | 'size'>;

/** Parts of this size lie in the browser's storage of blobs, not in this page's memory. */
const PART = 4_194_304;
/** Smaller at the beginning: a page that is closed loses the last part, an eighth of what it had. */
const partAfter = (bytes: number) => Math.min(PART, Math.max(65_536, bytes / 8));

/** What has come so far. A connection that breaks leaves it, and so does a page that is closed: the next try goes on from there. */
export class Download {
  readonly #goods: Promised;
  #parts: Blob[] = [];
  #have = 0;
  #digest = new PieceDigest();
  #whole: Blob | undefined;
  #looked = false;
  /** Puts parts away one after the other. */
  #keeping: Promise<void> = Promise.resolve();
  /** What comes after a part that did not fit would be of no use. */
  #isFull = false;

  constructor(goods: Promised) {
    this.#goods = goods;
  }

  /** @throws {Refused} `goods-wrong`: not what the site signed; `site-not-ready`: try again */
  async fetch(progress: Progress): Promise<Blob> {
    if (this.#whole) return this.#whole;
    const resumed = await this.#lookBack(progress);
    try {
      return await this.#complete(progress);
    } catch (error) {
      // What was kept here may have been damaged: the site is at fault only for what it sent just now.
      if (!resumed || !(error instanceof Refused) || error.code !== 'goods-wrong') throw error;
      return this.#complete(progress);
    }
  }

  async #complete(progress: Progress): Promise<Blob> {
    const { ct, size } = this.#goods;
    try {
      if (this.#have < sealedSize(size)) await this.#rest(progress);
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('site-not-ready', String(error));
    } finally {
      await this.#keeping;
    }
    const sealed = new Blob(this.#parts);
    if (this.#digest.end() !== ct) {
      await this.#begin();
      throw new Refused('goods-wrong');
    }
    this.#whole = sealed;
    return sealed;
  }

  /** What an earlier page has fetched, read again because a digest cannot be kept half-way. */
  async #lookBack(progress: Progress): Promise<boolean> {
    if (this.#looked) return false;
    this.#looked = true;
    const whole = sealedSize(this.#goods.size);
    const before = await kept(this.#goods.ct).catch(() => new Blob());
    if (before.size === 0 || before.size > whole) return false;
    for await (const piece of piecesOf(before.stream())) {
      this.#digest.push(piece);
      this.#have += piece.length;
      progress(this.#have, whole);
    }
    this.#parts = [before];
    return true;
  }

  async #begin(): Promise<void> {
    this.#parts = [];
    this.#have = 0;
    this.#digest = new PieceDigest();
    await forget(this.#goods.ct).catch(() => undefined);
  }

  async #rest(progress: Progress): Promise<void> {
    const whole = sealedSize(this.#goods.size);
    progress(this.#have, whole);
    const headers = this.#have > 0 ? { range: `bytes=${this.#have}-` } : {};
    const answer = await fetch(this.#goods.from, {
      headers,
      credentials: 'omit',
      redirect: 'error',
      cache: 'no-store',
    });
    if (!answer.ok || !answer.body) throw new Error(`the site answered ${answer.status}`);
    if (answer.status !== 206) await this.#begin();
    const gathered = new Gathered(
      (part) => this.#keep(part),
      () => partAfter(this.#have),
    );
    try {
      for await (const piece of piecesOf(answer.body)) {
        if (this.#have + piece.length > whole) throw new Refused('goods-wrong');
        this.#digest.push(piece);
        this.#have += piece.length;
        gathered.push(piece);
        progress(this.#have, whole);
      }
    } finally {
      gathered.end();
    }
    if (this.#have < whole) throw new Error('the connection broke');
  }

  #keep(part: Blob): void {
    this.#parts.push(part);
    const at = this.#have - part.size;
    const put = async () => {
      if (!this.#isFull) await keepPart(this.#goods.ct, at, part);
    };
    this.#keeping = this.#keeping.then(put).catch(() => {
      this.#isFull = true;
    });
  }
}

/** Small pieces as few blobs. */
class Gathered {
  readonly #full: (part: Blob) => void;
  readonly #most: () => number;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;

  constructor(full: (part: Blob) => void, most = () => PART) {
    this.#full = full;
    this.#most = most;
  }

  push(piece: Uint8Array<ArrayBuffer>): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= this.#most()) this.end();
  }

  end(): void {
    if (this.#bytes > 0) this.#full(new Blob(this.#pieces));
    this.#pieces = [];
    this.#bytes = 0;
  }
}

async function* piecesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** @throws {Refused} `goods-wrong`: the key does not open them, or what comes out is not what was promised */
export async function openGoods(sealed: Blob, key: string, goods: Promised & { progress: Progress }): Promise<Blob> {
  const parts: Blob[] = [];
  const gathered = new Gathered((part) => parts.push(part));
  const digest = new PieceDigest();
  const opener = new Opener(fromBase64url(key) ?? new Uint8Array());
  let have = 0;
  const take = (plain: Uint8Array | undefined) => {
    if (!plain) throw new Refused('goods-wrong');
    digest.push(plain);
    gathered.push(new Uint8Array(plain));
    have += plain.length;
    goods.progress(have, goods.size);
  };
  for await (const piece of piecesOf(sealed.stream())) {
    const opened = opener.push(piece);
    if (!opened) throw new Refused('goods-wrong');
    for (const plain of opened) take(plain);
  }
  take(opener.end());
  gathered.end();
  if (digest.end() !== goods.pt) throw new Refused('goods-wrong');
  await forget(goods.ct);
  // Never a type that the site chose: a page of it would be one of ours.
  return new Blob(parts, { type: 'application/octet-stream' });
}
