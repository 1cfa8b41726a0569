// The ciphertexts of a site's goods in a folder of their own: sealed once for each content, served as plain files afterwards,
// and still there after a restart. Every name is a digest and every file appears whole, so several processes may share it.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  keyCommitment,
  limits,
  PaymentProblem,
  parseJson,
  type SealedGoods,
  sealedGoodsSchema,
  sealedSize,
  tryDecode,
} from '@farthing/protocol';
import { digestOf, sealFile } from './seal-file.ts';

/** What is to be sold: a file, or bytes that are read once and then known by their name. */
export type Content = { readonly path: string } | { readonly chunks: AsyncIterable<unknown> | Iterable<Uint8Array> };

type Parts = {
  readonly folder: string;
  /** Of all ciphertexts together: what was not asked for longest goes first. */
  readonly maxBytes: number;
  /** The key of content with this digest (h32) under this name. */
  readonly keyOf: (sold: { item: string; pt: string }) => Uint8Array;
};

const SEALED = '.sealed';
const KNOWN = '.json';
/** Files of a process that died while it sealed. */
const STALE_MS = 3_600_000;
/** How often the time of a ciphertext is moved, for the order in which they go. */
const TOUCH_MS = 60_000;
const WAITING = 100;

export class Shelf {
  readonly #parts: Parts;
  readonly #underWay = new Map<string, Promise<SealedGoods>>();
  #turn: Promise<unknown> = Promise.resolve();
  #ready: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get folder(): string {
    return this.#parts.folder;
  }

  /** Name of a ciphertext's file in the folder. */
  nameOf(ct: string): string {
    return `${ct}${SEALED}`;
  }

  /**
   * What lies here under a name that says all about the content, such as path, length and time of a file. Nothing that the
   * site's secret of today does not open.
   */
  async find(name: string, item: string): Promise<SealedGoods | undefined> {
    const text = await readFile(this.#path(idOf(name), KNOWN), 'utf8').catch(() => undefined);
    const known = text === undefined ? undefined : read(text);
    if (!known || keyCommitment(this.#parts.keyOf({ item, pt: known.pt })) !== known.kc) return undefined;
    const path = this.#path(known.ct, SEALED);
    const file = await stat(path).catch(() => undefined);
    if (file?.size !== sealedSize(known.size)) return undefined;
    const now = new Date();
    if (now.getTime() - file.mtimeMs > TOUCH_MS) await utimes(path, now, now).catch(() => {});
    return known;
  }

  /**
   * Seals content under its name, unless that is under way; one at a time, because it takes all of a core.
   * @throws {PaymentProblem} `site-not-ready`: too large for this shelf, or too much waits
   */
  async put(name: string, item: string, content: Content): Promise<SealedGoods> {
    const running = this.#underWay.get(name);
    if (running) return running;
    if (this.#underWay.size >= WAITING) throw notReady('too many goods wait to be sealed');
    const work = this.#turn.then(() => this.#seal(name, item, content)).finally(() => this.#underWay.delete(name));
    this.#turn = work.catch(() => {});
    this.#underWay.set(name, work);
    return work;
  }

  async #seal(name: string, item: string, content: Content): Promise<SealedGoods> {
    await this.#open();
    const scrap: string[] = [];
    const temporary = (): string => {
      const path = join(this.folder, `.${randomUUID()}.new`);
      scrap.push(path);
      return path;
    };
    try {
      const from = 'path' in content ? content.path : await this.#spool(content.chunks, temporary());
      const { digest: pt, size } = await digestOf(from);
      this.#check(size);
      const key = this.#parts.keyOf({ item, pt });
      const to = temporary();
      const sealed = await sealFile(from, to, key);
      if (sealed.pt !== pt) throw notReady('the file changed while it was sealed');
      const made = { ct: sealed.ct, kc: keyCommitment(key), pt, size };
      await this.#shelve(name, { made, from: to, via: temporary() });
      return made;
    } finally {
      for (const path of scrap) await rm(path, { force: true });
    }
  }

  /** The ciphertext first: what is known of it is only believed while it is there. */
  async #shelve(name: string, { made, from, via }: { made: SealedGoods; from: string; via: string }): Promise<void> {
    await rename(from, this.#path(made.ct, SEALED));
    await writeFile(via, JSON.stringify(made), { mode: 0o600 });
    await rename(via, this.#path(idOf(name), KNOWN));
    await this.#clear(made.ct);
  }

  /** Plaintext that comes only once is kept while it is read twice. */
  async #spool(chunks: AsyncIterable<unknown> | Iterable<Uint8Array>, to: string): Promise<string> {
    await using file = await open(to, 'wx', 0o600);
    let size = 0;
    for await (const chunk of chunks) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('a stream of goods gives bytes');
      size += chunk.length;
      this.#check(size);
      await file.writeFile(chunk);
    }
    return to;
  }

  #check(size: number): void {
    const most = Math.min(limits.sealedBytes, this.#parts.maxBytes);
    if (sealedSize(size) > most) throw notReady(`the goods have more than ${most} bytes: raise goods.maxBytes`);
  }

  /** Makes room: the oldest ciphertexts go, but for the newest, and then what was known of them. */
  async #clear(newest: string): Promise<void> {
    const names = await readdir(this.folder);
    const files = await Promise.all(names.filter((name) => name.endsWith(SEALED)).map((name) => this.#stat(name)));
    let bytes = files.reduce((sum, file) => sum + (file?.size ?? 0), 0);
    if (bytes <= this.#parts.maxBytes) return;
    const gone = new Set<string>();
    for (const file of files.toSorted((a, b) => (a?.mtimeMs ?? 0) - (b?.mtimeMs ?? 0))) {
      if (bytes <= this.#parts.maxBytes) break;
      if (!file || file.name === this.nameOf(newest)) continue;
      // A download that is under way goes on: it holds the file open.
      await rm(join(this.folder, file.name), { force: true });
      gone.add(file.name);
      bytes -= file.size;
    }
    for (const name of names.filter((known) => known.endsWith(KNOWN))) {
      const path = join(this.folder, name);
      const known = read(await readFile(path, 'utf8').catch(() => ''));
      if (!known || gone.has(this.nameOf(known.ct))) await rm(path, { force: true });
    }
  }

  async #stat(name: string): Promise<{ name: string; size: number; mtimeMs: number } | undefined> {
    const file = await stat(join(this.folder, name)).catch(() => undefined);
    return file && { name, size: file.size, mtimeMs: file.mtimeMs };
  }

  async #open(): Promise<void> {
    this.#ready ??= this.#tidy();
    await this.#ready;
  }

  async #tidy(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.folder)) {
      if (!name.startsWith('.')) continue;
      const file = await this.#stat(name);
      if (file && Date.now() - file.mtimeMs > STALE_MS) await rm(join(this.folder, name), { force: true });
    }
  }

  #path(name: string, ending: string): string {
    return join(this.folder, `${name}${ending}`);
  }
}

const idOf = (name: string): string => createHash('sha256').update(name).digest('base64url');

const notReady = (detail: string): PaymentProblem => new PaymentProblem('site-not-ready', { detail, retryAfter: 5 });

/** Written by a process of this site; a disk may have lost it all the same. */
const read = (text: string): SealedGoods | undefined => tryDecode(sealedGoodsSchema, parseJson(text));
