// Where a key may have been seen: a hash table of six bytes a slot in typed arrays. It holds hints. It never misses a key
// that was added, but it may name places where another key lies: who asks looks there.
import { hash } from 'node:crypto';

/** A hash of a key: 32 bits, evenly spread. */
export type Print = number;

/** Nobody who does not know the seed can choose keys that collide. */
export const printsOf =
  (seed: string) =>
  (key: string): Print =>
    Number.parseInt(hash('sha256', `${seed} ${key}`, 'hex').slice(0, 8), 16);

/** Parts that grow one at a time, so that none of them takes long. */
const SHARDS = 256;
const WORDS = 3;
const FIRST_SLOTS = 64;
/** Shares of the slots in use: then it grows, after that, and where all is known before. */
const LOAD = { most: 0.9, grown: 0.75, expected: 0.87 } as const;

/** Places are whole numbers from 1 to this. */
export const MOST_PLACES = 2 ** 24 - 1;

export class KeyIndex {
  readonly #shards: Shard[];

  /** @param isLive false: what lies at this place was forgotten; such slots are reused before a part grows */
  constructor(isLive: (place: number) => boolean) {
    this.#shards = Array.from({ length: SHARDS }, () => new Shard(isLive));
  }

  add(print: Print, place: number): void {
    this.#shard(print).add(print >>> 8, place);
  }

  /** Takes back one `add`. */
  remove(print: Print, place: number): void {
    this.#shard(print).remove(print >>> 8, place);
  }

  places(print: Print): readonly number[] {
    return this.#shard(print).places(print >>> 8);
  }

  /** Makes room for so many keys at once. */
  expect(keys: number): void {
    for (const shard of this.#shards) shard.expect(Math.ceil(keys / SHARDS));
  }

  #shard(print: Print): Shard {
    return this.#shards[print % SHARDS] as Shard;
  }
}

const NOWHERE: readonly number[] = [];

/** Open addressing, linear probing. A slot is a tag of 24 bits and a place of 24 bits; place 0: the slot is free. */
class Shard {
  readonly #isLive: (place: number) => boolean;
  #slots = new Uint16Array(0);
  #size = 0;
  #count = 0;

  constructor(isLive: (place: number) => boolean) {
    this.#isLive = isLive;
  }

  places(tag: number): readonly number[] {
    if (this.#count === 0) return NOWHERE;
    let found: number[] | undefined;
    for (let at = this.#home(tag); ; at = this.#next(at)) {
      const place = this.#place(at);
      if (place === 0) return found ?? NOWHERE;
      if (this.#tag(at) !== tag) continue;
      found ??= [];
      found.push(place);
    }
  }

  add(tag: number, place: number): void {
    if (this.#count + 1 > this.#size * LOAD.most) this.#rebuild(this.#count + 1);
    this.#put(tag, place);
  }

  remove(tag: number, place: number): void {
    if (this.#count === 0) return;
    for (let at = this.#home(tag); this.#place(at) !== 0; at = this.#next(at)) {
      if (this.#tag(at) !== tag || this.#place(at) !== place) continue;
      this.#close(at);
      this.#count--;
      return;
    }
  }

  expect(more: number): void {
    if (this.#count + more > this.#size * LOAD.expected) this.#rebuild(this.#count + more, LOAD.expected);
  }

  /** Frees a slot, and moves up those that had to go further because of it. */
  #close(freed: number): void {
    let hole = freed;
    for (let at = this.#next(hole); this.#place(at) !== 0; at = this.#next(at)) {
      const home = this.#home(this.#tag(at));
      const staysBehindHole = hole < at ? home > hole && home <= at : home > hole || home <= at;
      if (staysBehindHole) continue;
      this.#slots.copyWithin(hole * WORDS, at * WORDS, at * WORDS + WORDS);
      hole = at;
    }
    this.#set(hole, 0, 0);
  }

  #rebuild(room: number, load: number = LOAD.grown): void {
    const live: number[] = [];
    for (let at = 0; at < this.#size; at++) {
      const place = this.#place(at);
      if (place !== 0 && this.#isLive(place)) live.push(this.#tag(at), place);
    }
    this.#size = Math.max(FIRST_SLOTS, Math.ceil((room - this.#count + live.length / 2) / load));
    this.#slots = new Uint16Array(this.#size * WORDS);
    this.#count = 0;
    for (let i = 0; i < live.length; i += 2) this.#put(live[i] ?? 0, live[i + 1] ?? 0);
  }

  #put(tag: number, place: number): void {
    let at = this.#home(tag);
    while (this.#place(at) !== 0) at = this.#next(at);
    this.#set(at, tag, place);
    this.#count++;
  }

  #home(tag: number): number {
    return Math.floor((tag * this.#size) / 2 ** 24);
  }

  #next(at: number): number {
    return at + 1 === this.#size ? 0 : at + 1;
  }

  #tag(at: number): number {
    return ((this.#slots[at * WORDS + 1] ?? 0) >>> 8) * 65_536 + (this.#slots[at * WORDS] ?? 0);
  }

  #place(at: number): number {
    return ((this.#slots[at * WORDS + 1] ?? 0) & 0xff) * 65_536 + (this.#slots[at * WORDS + 2] ?? 0);
  }

  #set(at: number, tag: number, place: number): void {
    this.#slots[at * WORDS] = tag % 65_536;
    this.#slots[at * WORDS + 1] = (tag >>> 16) * 256 + (place >>> 16);
    this.#slots[at * WORDS + 2] = place % 65_536;
  }
}
