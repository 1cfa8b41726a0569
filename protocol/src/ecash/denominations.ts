// Which coins to hold and which to give: denominations 1, 2, 5 × 10^k, so that written prices need few coins.

/** 1 µ to 500 units of a currency with six decimals. */
export const DENOMINATIONS: readonly bigint[] = Object.freeze(
  Array.from({ length: 9 }, (_, k) => [1n, 2n, 5n].map((digit) => digit * 10n ** BigInt(k))).flat(),
);

/** The fewest coins that make `amount`, largest first. For 1, 2, 5 × 10^k taking the largest that fits is the fewest. */
export function split(amount: bigint, denominations: readonly bigint[] = DENOMINATIONS): bigint[] {
  const coins: bigint[] = [];
  let left = amount;
  for (const denomination of [...denominations].sort((a, b) => (a < b ? 1 : -1))) {
    for (; left >= denomination; left -= denomination) coins.push(denomination);
  }
  if (left !== 0n) throw new RangeError('no coins of these denominations make this amount');
  return coins;
}

/** Taking the largest first, does it come out even? */
function isMade(amount: bigint, denominations: readonly bigint[]): boolean {
  const largestFirst = [...denominations].sort((a, b) => (a < b ? 1 : -1));
  return largestFirst.reduce((left, denomination) => left % denomination, amount) === 0n;
}

/** `give` are places in the list of coins; `change` the denominations that are to come back. */
export type Picked = { readonly give: readonly number[]; readonly change: readonly bigint[] };

/**
 * `most`: coins and change outputs of one payment together; `mostChange`: of change alone. `change` false: only exactly the
 * price can be paid. `denominations`: those that change can be had in.
 */
export type PickOptions = {
  readonly most: number;
  readonly change: boolean;
  readonly mostChange?: number;
  readonly denominations?: readonly bigint[];
};

/**
 * The coins to pay `price` with: exactly if that is possible, with as few coins as possible; else as little too much as
 * possible, so that large coins stay whole. `undefined`: not with these coins.
 */
export function pickCoins(values: readonly bigint[], price: bigint, options: PickOptions): Picked | undefined {
  const { most, change, mostChange = most, denominations = DENOMINATIONS } = options;
  const exact = exactly(values, price, most);
  if (exact) return { give: exact, change: [] };
  if (!change) return undefined;
  let best: { picked: Picked; over: bigint } | undefined;
  for (const give of covers(values, price, most)) {
    const over = give.reduce((sum, i) => sum + (values[i] ?? 0n), 0n) - price;
    if (!isMade(over, denominations)) continue;
    const back = split(over, denominations);
    if (give.length + back.length > most || back.length > mostChange || (best && best.over <= over)) continue;
    best = { picked: { give, change: back }, over };
  }
  return best?.picked;
}

type Pile = { readonly value: bigint; readonly places: readonly number[] };

/** Coins of one value are alike: piles, largest value first. */
function pilesOf(values: readonly bigint[]): Pile[] {
  const piles = new Map<bigint, number[]>();
  for (const [place, value] of values.entries()) piles.set(value, [...(piles.get(value) ?? []), place]);
  return [...piles].map(([value, places]) => ({ value, places })).sort((a, b) => (a.value < b.value ? 1 : -1));
}

/** The fewest coins that are exactly `price`, by depth: at most `most` ≤ 4 coins in headers and 64 by reference. */
function exactly(values: readonly bigint[], price: bigint, most: number): number[] | undefined {
  const piles = pilesOf(values);
  const dead = new Set<string>();
  const search = (at: number, left: bigint, room: number): number[] | undefined => {
    if (left === 0n) return [];
    const pile = piles[at];
    if (!pile || room === 0 || pile.value * BigInt(room) < left) return undefined;
    const state = `${at} ${left} ${room}`;
    if (dead.has(state)) return undefined;
    const able = left / pile.value;
    const count = able > BigInt(Math.min(pile.places.length, room)) ? Math.min(pile.places.length, room) : Number(able);
    for (let n = count; n >= 0; n--) {
      const rest = search(at + 1, left - pile.value * BigInt(n), room - n);
      if (rest) return [...pile.places.slice(0, n), ...rest];
    }
    dead.add(state);
    return undefined;
  };
  for (let room = 1; room <= most; room++) {
    const found = search(0, price, room);
    if (found) return found;
    dead.clear();
  }
  return undefined;
}

/** Ways to cover `price` with a little too much: some large coins, and one more that goes over. */
function* covers(values: readonly bigint[], price: bigint, most: number): Generator<number[]> {
  const piles = pilesOf(values);
  for (let first = 0; first < piles.length; first++) {
    const taken: number[] = [];
    let left = price;
    for (const { value, places } of piles.slice(first)) {
      for (const place of places) {
        if (taken.length === most) break;
        if (value >= left) {
          yield [...taken, place];
          break;
        }
        taken.push(place);
        left -= value;
      }
    }
  }
}
