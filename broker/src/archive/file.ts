// An archive file: one closed period, as canonical JSON lines in gzip, so that it can be read without this program (`zcat`). In order:
// a head, what the audit knew before the period, its orders with their answers, its entries with their postings, and an end.
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { canonicalJson, isObject, type Json, type JsonObject, parseJson, toBase64url } from '@farthing/protocol';
import type { Opening } from './record.ts';

/** A batch of cheques and its answer are the longest line; what is longer was not written here. */
const LINE_BYTES = 16 * 1024 * 1024;

/** What a file is to hold: `after` the entry and order before it, whose hash is `head`. */
export type Contents = Pick<Opening, 'brk' | 'n' | 'from' | 'until' | 'entries' | 'orders'> & {
  /** Hash of the entry before the first; empty at the beginning. */
  readonly before: string;
  readonly head: string;
};

/** How a file is on disk, and what is in it: SHA-256 over its bytes and over its lines. */
export type Written = { readonly bytes: number; readonly sha256: string; readonly lines: string };

const headOf = ({ brk, n, from, until, entries, orders, before }: Contents): JsonObject => ({
  ...{ typ: 'archive/1', brk, n, from, until, before },
  ...{ entries: { ...entries }, orders: { ...orders } },
});

/** Writes and syncs a new file. @throws {Error} there is one */
export async function writeFile(path: string, db: DatabaseSync, contents: Contents): Promise<Written> {
  const [lines, whole] = [createHash('sha256'), createHash('sha256')];
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _, done) {
      whole.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  const texts = Readable.from(
    textsOf(db, contents, (text) => lines.update(text)),
    { objectMode: false },
  );
  const fd = openSync(path, 'wx', 0o600);
  await pipeline(texts, createGzip(), counted, createWriteStream(path, { fd, flush: true }));
  return { bytes, sha256: whole.digest('hex'), lines: lines.digest('hex') };
}

/** What was renamed into a folder is there after a crash. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r');
  await folder.sync();
  await folder.close();
}

function* textsOf(db: DatabaseSync, contents: Contents, told: (text: string) => void): Generator<string> {
  for (const line of linesOf(db, contents)) {
    const text = `${canonicalJson(line)}\n`;
    told(text);
    yield text;
  }
}

function* linesOf(db: DatabaseSync, contents: Contents): Generator<JsonObject> {
  const { entries, orders, head } = contents;
  yield headOf(contents);
  for (const row of db.prepare('SELECT page, body FROM opening_state ORDER BY page').iterate()) {
    yield { t: 'state', page: Number(row['page']), body: cell(row['body']) };
  }
  const asked = db.prepare('SELECT * FROM stored_order WHERE n >= ? AND n <= ? ORDER BY n');
  for (const row of asked.iterate(orders.first, orders.last)) yield { t: 'order', ...cells(row) };
  const postingsOf = db.prepare('SELECT account, sub, cur, amount FROM posting WHERE seq = ? ORDER BY n');
  const booked = db.prepare('SELECT * FROM journal WHERE seq >= ? AND seq <= ? ORDER BY seq');
  for (const row of booked.iterate(entries.first, entries.last)) {
    const postings = postingsOf.all(row['seq'] ?? null).map((posting) => Object.values(posting).map(text));
    yield { t: 'entry', ...cells(row), postings };
  }
  yield { t: 'end', head };
}

const cells = (row: Record<string, unknown>): JsonObject =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cell(value)]));

/** Numbers of rows and moments are safe integers; money is a text. */
function cell(value: unknown): Json {
  if (value instanceof Uint8Array) return toBase64url(value);
  return typeof value === 'bigint' ? Number(value) : typeof value === 'string' ? value : null;
}

const text = (value: unknown): string => String(value);

/** The lines of a file after its head. @throws {Error} it is no such file, or damaged */
export async function* readFile(
  path: string,
  told: { text?: (text: string) => void } = {},
): AsyncGenerator<JsonObject> {
  for await (const line of textLines(path)) {
    told.text?.(`${line}\n`);
    const json = parseJson(line);
    if (!isObject(json)) throw new Error(`${path} is damaged: a line of it is no object`);
    yield json;
  }
}

async function* textLines(path: string): AsyncGenerator<string> {
  const source = createReadStream(path);
  const unzipped = createGunzip();
  source.on('error', (error) => unzipped.destroy(error));
  let rest = '';
  unzipped.setEncoding('utf8');
  try {
    for await (const chunk of source.pipe(unzipped)) {
      const [first = '', ...parts] = String(chunk).split('\n');
      const last = parts.pop();
      if (last !== undefined) yield rest + first;
      // Joined when it is whole: a page of the state is as long as many chunks.
      rest = last ?? rest + first;
      if (rest.length > LINE_BYTES) throw new Error('a line is too long');
      yield* parts;
    }
  } catch (error) {
    throw new Error(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (rest !== '') throw new Error(`${path} is cut off`);
}

/** SHA-256 over the bytes of a file, and how many they are. @throws {Error} it is not there */
export async function digestOfFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    const part = chunk as Buffer;
    hash.update(part);
    bytes += part.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
