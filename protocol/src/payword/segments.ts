// Segments: many chains under one signature, so that a part can be handed to another device and spent there. After
// e-coupons (Patil, Shyamasundar, EEE'04), reconstructed: a Merkle tree over the descriptions of the chains.
// (`core/merkle.ts`), whose leaves are JCS{id, n, unit, w0}.
import { utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { canonicalJson, type JsonObject } from '../core/json.ts';
import { merkleLeaf } from '../core/merkle.ts';

/** As it stands in a commitment: `n` words of `unit` base units, anchored in `w0`. */
export type ChainEntry = { readonly id: string; readonly n: number; readonly unit: string; readonly w0: string };

export const leafOf = ({ id, n, unit, w0 }: ChainEntry, crypto: Crypto): Uint8Array =>
  merkleLeaf(utf8(canonicalJson({ id, n, unit, w0 } satisfies JsonObject)), crypto);
