// Which claims a run has asked for already. Pieces of scrip are numbered: a bit each, so that a million of them take no more memory
// than a few thousand names.

/** What a small integer holds without a sign. */
const BITS = 30;
/** Written as no other key is: without zeros in front, and exact as a number. */
const NUMBERED = /^(.*[^0-9])([1-9][0-9]{0,14})$/;

export class Asked {
  readonly #names = new Set<string>();
  /** By what stands before the number: bits of so many numbers in a row. */
  readonly #bits = new Map<string, Map<number, number>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: string): boolean {
    const { before, row, bit } = placeOf(key);
    if (before === undefined) return this.#names.has(key);
    return ((this.#bits.get(before)?.get(row) ?? 0) & bit) !== 0;
  }

  add(key: string): void {
    if (this.has(key)) return;
    this.#size++;
    const { before, row, bit } = placeOf(key);
    if (before === undefined) {
      this.#names.add(key);
      return;
    }
    const rows = this.#bits.get(before) ?? new Map<number, number>();
    rows.set(row, (rows.get(row) ?? 0) | bit);
    this.#bits.set(before, rows);
  }
}

/** `before` is absent where there is no number. */
function placeOf(key: string): { before: string | undefined; row: number; bit: number } {
  const [, before, digits] = NUMBERED.exec(key) ?? [];
  const number = Number(digits ?? 0);
  return { before, row: Math.floor(number / BITS), bit: 1 << (number % BITS) };
}
