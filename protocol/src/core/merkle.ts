// Merkle trees: one hash for many things, and a short proof that one of them is among them.
//
//   leaf = H(06 ‖ data)      node = H(07 ‖ left ‖ right)      an odd node moves up
import { concat, equalBytes } from './bytes.ts';
import type { Crypto } from './crypto.ts';

export const merkleLeaf = (data: Uint8Array, crypto: Crypto): Uint8Array =>
  crypto.sha256(concat(Uint8Array.of(6), data));

const nodeOf = (left: Uint8Array, right: Uint8Array, crypto: Crypto): Uint8Array =>
  crypto.sha256(concat(Uint8Array.of(7), left, right));

/** The root, and for each leaf the path of its siblings, lowest first; levels where it moves up have none. */
export function merkleTree(leaves: readonly Uint8Array[], crypto: Crypto): { root: Uint8Array; paths: Uint8Array[][] } {
  const paths: Uint8Array[][] = leaves.map(() => []);
  let level = leaves;
  /** For each node of the level, the leaves below it. */
  let below = leaves.map((_, i) => [i]);
  while (level.length > 1) {
    const next: Uint8Array[] = [];
    const under: number[][] = [];
    for (let i = 0; i < level.length; i += 2) {
      const [left, right] = [level[i], level[i + 1]];
      const [mine = [], theirs = []] = [below[i], below[i + 1]];
      if (left && right) {
        for (const leaf of mine) paths[leaf]?.push(right);
        for (const leaf of theirs) paths[leaf]?.push(left);
        next.push(nodeOf(left, right, crypto));
      } else if (left) next.push(left);
      under.push([...mine, ...theirs]);
    }
    level = next;
    below = under;
  }
  const [root] = level;
  if (!root) throw new RangeError('a tree has at least one leaf');
  return { root, paths };
}

/** Is `leaf` number `index` of the `count` leaves under `root`? Path length and sides follow from index and count. */
export function isUnder(
  leaf: Uint8Array,
  place: { index: number; count: number; path: readonly Uint8Array[]; root: Uint8Array },
  crypto: Crypto,
): boolean {
  let { index, count } = place;
  if (index < 0 || index >= count) return false;
  const path = [...place.path];
  let node = leaf;
  for (; count > 1; index >>= 1, count = (count + 1) >> 1) {
    if (index === count - 1 && index % 2 === 0) continue;
    const sibling = path.shift();
    if (sibling?.length !== 32) return false;
    node = index % 2 === 0 ? nodeOf(node, sibling, crypto) : nodeOf(sibling, node, crypto);
  }
  return path.length === 0 && equalBytes(node, place.root);
}
