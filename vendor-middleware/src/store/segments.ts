// Where each payment lies: which batches may hold a key. The newest payments are the tail; older ones are sealed into
// segments, whose packed keys are on disk, so that a start reads no payment. Segments are forgotten whole.
import { KeyIndex, MOST_PLACES, type Print } from './key-index.ts';
import type { Line } from './lines.ts';

/** Batches `first` to `last`. `dueMs`: three quarters of its payments have ended by then. */
export type Range = { readonly first: number; readonly last: number };
export type Segment = Range & { readonly dueMs: number; readonly keys: Uint8Array };

type Placed = { readonly seq: number; readonly prints: readonly Print[]; readonly untilMs: number };

/** A packed key: 32 bits of print, 16 bits of distance from the first batch. */
const PACKED = 6;
const MOST_BATCHES = 65_536;
const MOST_PAYMENTS = 4096;
const DUE = 0.75;
const LATELY = 256;

export class Segments {
  readonly #print: (key: string) => Print;
  readonly #index = new KeyIndex((place) => this.#isLive(place));
  #lately = new Map<string, Print>();
  /** In order, none overlapping. */
  #ranges: Range[] = [];
  #tail = new Map<string, Placed>();
  #hasDropped = false;
  #newest: number;
  #sealed: number;

  /**
   * @param print a hash of 32 bits that nobody outside can foresee
   * @param sealed the last batch that may be in a segment
   */
  constructor(print: (key: string) => Print, sealed: number) {
    this.#print = print;
    this.#newest = this.#sealed = sealed;
  }

  get tailSize(): number {
    return this.#tail.size;
  }

  /** Batches that may hold this id or instrument, and all that do. */
  seqsOf(key: string): number[] {
    const places = this.#index.places(this.#printOf(key));
    return places.length === 0 ? NONE : [...new Set(places.flatMap((place) => this.#seqsAt(place)))];
  }

  add({ id, untilMs, steps }: Line, seq: number): void {
    const prints = [id, ...steps.spends].map((key) => this.#printOf(key));
    this.#newest = Math.max(this.#newest, seq);
    for (const print of prints) this.#index.add(print, placeOf(seq));
    this.#tail.set(id, { seq, prints, untilMs });
  }

  remove({ id, steps }: Line, seq: number): void {
    for (const key of [id, ...steps.spends]) this.#index.remove(this.#printOf(key), placeOf(seq));
    if (this.#tail.get(id)?.seq === seq) this.#tail.delete(id);
  }

  /** When three quarters of the tail will have ended. */
  get tailDueMs(): number {
    return dueOf([...this.#tail.values()]);
  }

  /** Makes segments of the tail, which reaches up to this batch. What comes out is the same in every process. */
  seal(upTo: number): Segment[] {
    const segments: Segment[] = [];
    let part: Placed[] = [];
    const close = () => {
      const segment = pack(part);
      if (segment) segments.push(segment);
      part = [];
    };
    for (const placed of [...this.#tail.values()].sort((a, b) => a.seq - b.seq)) {
      const [first = placed, last = first] = [part[0], part.at(-1)];
      const isFull = part.length >= MOST_PAYMENTS && placed.seq !== last.seq;
      if (isFull || placed.seq - first.seq >= MOST_BATCHES) close();
      part.push(placed);
    }
    close();
    this.#ranges.push(...segments.map(({ first, last }) => ({ first, last })));
    this.#tail = new Map();
    this.#sealed = upTo;
    return segments;
  }

  /** Call with all segments, in order, before anything is added. */
  load(segments: Iterable<Segment>, bytes: number): void {
    this.#index.expect(bytes / PACKED);
    for (const { first, last, keys } of segments) {
      this.#ranges.push({ first, last });
      const view = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
      for (let at = 0; at < keys.length; at += PACKED) {
        this.#index.add(view.getUint32(at), placeOf(first + view.getUint16(at + 4)));
      }
    }
  }

  /** Their payments were forgotten, or have moved to newer batches. */
  drop(firsts: readonly number[]): void {
    if (firsts.length === 0) return;
    this.#hasDropped = true;
    const gone = new Set(firsts);
    this.#ranges = this.#ranges.filter(({ first }) => !gone.has(first));
  }

  /** Who asks for a key often adds it next. */
  #printOf(key: string): Print {
    const known = this.#lately.get(key);
    if (known !== undefined) return known;
    if (this.#lately.size >= LATELY) this.#lately = new Map();
    const print = this.#print(key);
    this.#lately.set(key, print);
    return print;
  }

  #isLive(place: number): boolean {
    return !this.#hasDropped || this.#seqAt(place) > this.#sealed || this.#seqsAt(place).length > 0;
  }

  /** Places come round again after so many batches: then several batches share one. */
  #seqsAt(place: number): number[] {
    const oldest = this.#ranges[0]?.first ?? this.#sealed + 1;
    const seqs: number[] = [];
    for (let seq = this.#seqAt(place); seq >= oldest; seq -= MOST_PLACES) if (this.#holds(seq)) seqs.push(seq);
    return seqs;
  }

  /** The newest batch there. */
  #seqAt(place: number): number {
    return this.#newest - ((this.#newest - (place - 1)) % MOST_PLACES);
  }

  #holds(seq: number): boolean {
    if (seq > this.#sealed) return true;
    let [low, high] = [0, this.#ranges.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const range = this.#ranges[middle];
      if (!range || seq < range.first) high = middle - 1;
      else if (seq > range.last) low = middle + 1;
      else return true;
    }
    return false;
  }
}

const NONE: number[] = [];

const placeOf = (seq: number): number => (seq % MOST_PLACES) + 1;

function dueOf(part: readonly Placed[]): number {
  const ends = part.map(({ untilMs }) => untilMs).sort((a, b) => a - b);
  return ends[Math.max(0, Math.ceil(ends.length * DUE) - 1)] ?? Number.POSITIVE_INFINITY;
}

function pack(part: readonly Placed[]): Segment | undefined {
  const [first, last] = [part[0]?.seq, part.at(-1)?.seq];
  if (first === undefined || last === undefined) return undefined;
  const keys = new Uint8Array(part.reduce((sum, { prints }) => sum + prints.length, 0) * PACKED);
  const view = new DataView(keys.buffer);
  let at = 0;
  for (const { seq, prints } of part) {
    for (const print of prints) {
      view.setUint32(at, print);
      view.setUint16(at + 4, seq - first);
      at += PACKED;
    }
  }
  return { first, last, dueMs: dueOf(part), keys };
}
