// Sealed goods as bytes: fetched in as many goes as it takes, compared before anything is paid, and opened.
import { fromBase64url, Opener, PieceDigest, sealedSize } from '@farthing/protocol';
import { forget, keep, kept } from '../../kept-goods.ts';
import { Refused } from '../../ui/client.ts';
import type { GoodsView } from '../../view.ts';

type Progress = (bytes: number, of: number) => void;
type Promised = Pick<GoodsView, 'from' | 'ct' | 'pt' | 'size'>;

/** Parts of this size lie in the browser's storage of blobs, not in this page's memory. */
const PART = 4_194_304;

/** What has come so far; a connection that breaks leaves it, and the next try goes on from there. */
export class Download {
  readonly #goods: Promised;
  #parts: Blob[] = [];
  #have = 0;
  #digest = new PieceDigest();
  #whole: Blob | undefined;

  constructor(goods: Promised) {
    this.#goods = goods;
  }

  /** @throws {Refused} `goods-wrong`: not what the site signed; `site-not-ready`: try again */
  async fetch(progress: Progress): Promise<Blob> {
    const { ct, size } = this.#goods;
    const whole = sealedSize(size);
    const here = this.#whole ?? (await kept(ct));
    if (here?.size === whole) return here;
    progress(this.#have, whole);
    try {
      await this.#rest(whole, progress);
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused('site-not-ready', String(error));
    }
    const sealed = new Blob(this.#parts);
    if (this.#digest.end() !== ct) {
      this.#begin();
      throw new Refused('goods-wrong');
    }
    this.#whole = sealed;
    // A full disk keeps nobody from buying: this page still has it.
    await keep(ct, sealed).catch(() => undefined);
    return sealed;
  }

  #begin(): void {
    this.#parts = [];
    this.#have = 0;
    this.#digest = new PieceDigest();
  }

  async #rest(whole: number, progress: Progress): Promise<void> {
    const headers = this.#have > 0 ? { range: `bytes=${this.#have}-` } : {};
    const answer = await fetch(this.#goods.from, {
      headers,
      credentials: 'omit',
      redirect: 'error',
      cache: 'no-store',
    });
    if (!answer.ok || !answer.body) throw new Error(`the site answered ${answer.status}`);
    if (answer.status !== 206) this.#begin();
    const gathered = new Gathered((part) => this.#parts.push(part));
    try {
      for await (const piece of piecesOf(answer.body)) {
        if (this.#have + piece.length > whole) throw new Refused('goods-wrong');
        this.#digest.push(piece);
        gathered.push(piece);
        this.#have += piece.length;
        progress(this.#have, whole);
      }
    } finally {
      gathered.end();
    }
    if (this.#have < whole) throw new Error('the connection broke');
  }
}

/** Small pieces as few blobs. */
class Gathered {
  readonly #full: (part: Blob) => void;
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #bytes = 0;

  constructor(full: (part: Blob) => void) {
    this.#full = full;
  }

  push(piece: Uint8Array<ArrayBuffer>): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
    if (this.#bytes >= PART) this.end();
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
