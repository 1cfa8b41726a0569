// The rows of a period, out of its file: read line by line, checked against the record that the broker signed, and given on in pages.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import {
  type Crypto,
  canonicalJson,
  concat,
  fromBase64url,
  type JsonObject,
  tryDecode,
  utf8,
} from '@farthing/protocol';
import * as v from 'valibot';
import type { Row } from '../books/port.ts';
import { type Contents, digestOfFile, readFile } from './file.ts';
import type { Opening } from './record.ts';

const whole = v.pipe(v.number(), v.safeInteger());
const bytes = v.pipe(v.string(), v.transform(fromBase64url), v.instance(Uint8Array));
const range = v.strictObject({ first: whole, last: whole });
const headSchema = v.strictObject({
  ...{ typ: v.literal('archive/1'), brk: v.string(), n: whole, from: whole, until: whole, before: v.string() },
  ...{ entries: range, orders: range },
});
const stateSchema = v.strictObject({ t: v.literal('state'), page: whole, body: bytes });
const orderSchema = v.strictObject({
  ...{ t: v.literal('order'), n: whole, from_key: v.string(), rid: v.string(), typ: v.string() },
  ...{ hash: bytes, body: v.string(), answer: v.string() },
});
const entrySchema = v.strictObject({
  ...{ t: v.literal('entry'), seq: whole, at_ms: whole, kind: v.string(), ref: v.string() },
  ...{ from_key: v.nullable(v.string()), rid: v.nullable(v.string()), prev: bytes, hash: bytes },
  postings: v.array(
    v.strictTuple([v.string(), v.string(), v.string(), v.pipe(v.string(), v.regex(/^-?[1-9]\d{0,18}$/))]),
  ),
});
const endSchema = v.strictObject({ t: v.literal('end'), head: v.string() });

export type ArchivedTable = 'opening_state' | 'stored_order' | 'journal' | 'posting';
/** Takes rows of one table, in order. */
export type Taker = (table: ArchivedTable, rows: readonly Row[]) => unknown;

/** Rows that are in memory at once, and how many of them a page of the state counts for: it has up to a megabyte. */
const PAGE = 2_000;
const STATE_ROWS = 500;

/**
 * Reads a whole file: `contents` is what it has to hold.
 * @returns SHA-256 over its lines
 * @throws {Error} something else is in it; what was given on until then must not be used
 */
export async function takeRows(path: string, contents: Contents, crypto: Crypto, take: Taker): Promise<string> {
  const hash = createHash('sha256');
  const period = new Period(basename(path), contents, crypto);
  for await (const line of readFile(path, { text: (text) => hash.update(text) })) {
    period.add(line);
    if (period.size >= PAGE) await period.flush(take);
  }
  await period.flush(take);
  period.end();
  return hash.digest('hex');
}

/** The file is the one that the record names. @throws {Error} it is another, or not there */
export async function needFile(path: string, { file, n }: Opening): Promise<void> {
  const found = await digestOfFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(error.code === 'ENOENT' ? `${path} is missing: period ${n} is in it` : String(error.message));
  });
  if (found.sha256 === file.sha256 && found.bytes === file.bytes) return;
  throw new Error(
    `${path} is not the file that was archived: its SHA-256 is ${found.sha256}, signed was ${file.sha256}`,
  );
}

class Period {
  readonly #name: string;
  readonly #contents: Contents;
  readonly #crypto: Crypto;
  #pages = new Map<ArchivedTable, Row[]>();
  #isOpen = false;
  #isEnded = false;
  #order: number;
  #seq: number;
  #head: string;
  size = 0;

  constructor(name: string, contents: Contents, crypto: Crypto) {
    this.#name = name;
    this.#contents = contents;
    this.#crypto = crypto;
    this.#order = contents.orders.first;
    this.#seq = contents.entries.first;
    this.#head = contents.before;
  }

  add(line: JsonObject): void {
    if (!this.#isOpen) this.#open(line);
    else if (this.#isEnded) this.#fault('nothing after its end');
    else if (line['t'] === 'order') this.#asked(this.#read(orderSchema, line));
    else if (line['t'] === 'entry') this.#booked(this.#read(entrySchema, line));
    else if (line['t'] === 'state') {
      const { page, body } = this.#read(stateSchema, line);
      this.#keep('opening_state', { page: BigInt(page), body }, STATE_ROWS);
    } else {
      const { head } = this.#read(endSchema, line);
      if (head !== this.#head) this.#fault('the end of its entries');
      this.#isEnded = true;
    }
  }

  async flush(take: Taker): Promise<void> {
    const pages = this.#pages;
    this.#pages = new Map();
    this.size = 0;
    for (const [table, rows] of pages) await take(table, rows);
  }

  end(): void {
    const { entries, orders, head } = this.#contents;
    const isWhole = this.#seq === entries.last + 1 && this.#order === orders.last + 1 && this.#head === head;
    if (!this.#isEnded || !isWhole) this.#fault('all orders and entries of its period');
  }

  #open(line: JsonObject): void {
    const { brk, n, from, until, entries, orders, before } = this.#contents;
    const expected = canonicalJson({ typ: 'archive/1', brk, n, from, until, before, entries, orders });
    if (!tryDecode(headSchema, line) || canonicalJson(line) !== expected) this.#fault(`period ${n}`);
    this.#isOpen = true;
  }

  #asked({ t: _, n, hash, ...order }: v.InferOutput<typeof orderSchema>): void {
    if (n !== this.#order++) this.#fault(`order ${this.#order - 1}`);
    if (Buffer.compare(this.#crypto.sha256(utf8(order.body)), hash) !== 0) this.#fault(`the hash of order ${n}`);
    this.#keep('stored_order', { n: BigInt(n), ...order, hash });
  }

  #booked({ t: _, postings, ...entry }: v.InferOutput<typeof entrySchema>): void {
    const { seq, at_ms, kind, ref, from_key: from, rid, prev, hash } = entry;
    if (seq !== this.#seq++) this.#fault(`entry ${this.#seq - 1}`);
    const text = canonicalJson({ seq, at: at_ms, kind, ref, from, rid, postings: postings.map((line) => [...line]) });
    const named = this.#crypto.sha256(concat(prev, utf8(text)));
    const follows = this.#head === '' ? prev.every((byte) => byte === 0) : nameOf(prev) === this.#head;
    if (!follows || Buffer.compare(named, hash) !== 0) this.#fault(`an entry ${seq} that goes on from the one before`);
    this.#head = nameOf(hash);
    this.#keep('journal', { ...entry, seq: BigInt(seq), at_ms: BigInt(at_ms) });
    for (const [n, [account, sub, cur, amount]] of postings.entries()) {
      this.#keep('posting', { seq: BigInt(seq), n: BigInt(n), account, sub, cur, amount: BigInt(amount) });
    }
  }

  #read<Schema extends v.GenericSchema>(schema: Schema, line: JsonObject): v.InferOutput<Schema> {
    return tryDecode(schema, line) ?? this.#fault(`a line of kind ${String(line['t']).slice(0, 20)}`);
  }

  #keep(table: ArchivedTable, row: Row, size = 1): void {
    const page = this.#pages.get(table);
    if (page) page.push(row);
    else this.#pages.set(table, [row]);
    this.size += size;
  }

  #fault(expected: string): never {
    throw new Error(`${this.#name} does not hold its period: expected ${expected}`);
  }
}

const nameOf = (hash: Uint8Array): string => Buffer.from(hash).toString('base64url');
