// A broker with coins, for tests: published RSA keys, private operations by whole numbers.
import { fromBase64url, toBase64url } from '../core/bytes.ts';
import { portableCrypto } from '../core/crypto.ts';
import { i2osp, modPow, os2ip } from '../core/rsa.ts';
import type { Output } from './coin.ts';
import {
  type KeyList,
  type Keyset,
  type KeysetRecord,
  keysetName,
  readKeyList,
  signKeyList,
  signKeyset,
} from './keyset.ts';
import { testKeys } from './test-keys.ts';

export const NOW_MS = Date.UTC(2026, 10, 23);
const DAY = 86_400;
const seed = new Uint8Array(32).fill(11);
export const BROKER = { brk: 'b1', root: toBase64url(portableCrypto.publicKey(seed)) };
export const brokerSeed = seed;

type Secret = { readonly keyset: Keyset; readonly d: bigint };
export type Mint = {
  /** Of the coins that go everywhere, or of one vendor's. */
  list(vnd?: string): KeyList;
  readonly records: readonly KeysetRecord[];
  readonly keysets: readonly Keyset[];
  /** The keyset of this value; of `vnd` when given. */
  of(value: bigint, vnd?: string): Keyset;
  sign(output: Output): string;
};

/** @param at which of the test keys: a mint takes the first ones */
export function recordOf(
  denom: bigint,
  more: Partial<KeysetRecord> = {},
  at = testKeys.length - 1,
): { record: KeysetRecord; d: bigint } {
  const { n, d } = testKeys[at] ?? { n: '', d: '' };
  const now = NOW_MS / 1000;
  const { sig: _, ...over } = more;
  const unsigned = {
    typ: 'keyset/1' as const,
    ...{ brk: BROKER.brk, cur: 'usd-micro' as const, denom: denom.toString(), epoch: 1, n, e: 65_537 as const },
    ...{ nbf: now, spendUntil: now + 30 * DAY, claimUntil: now + 37 * DAY, reclaimUntil: now + 67 * DAY },
    ...over,
  };
  return { record: signKeyset(unsigned, seed, portableCrypto), d: os2ip(fromBase64url(d) ?? new Uint8Array()) };
}

/** Values may repeat with another `vnd`. */
export function mintOf(wanted: readonly { readonly value: bigint; readonly vnd?: string }[]): Mint {
  const made = wanted.map(({ value, vnd }, at) => recordOf(value, vnd === undefined ? {} : { vnd }, at));
  const records = made.map(({ record }) => record);
  const lists = new Map<string | undefined, ReturnType<typeof listed>>();
  for (const vnd of new Set(wanted.map((one) => one.vnd))) {
    lists.set(
      vnd,
      listed(
        records.filter((record) => record.vnd === vnd),
        vnd,
      ),
    );
  }
  const keysets = [...lists.values()].flatMap((one) => one.keysets);
  const secrets = new Map<string, Secret>();
  for (const keyset of keysets) {
    const d = made.find(({ record }) => record.n === keyset.record.n)?.d;
    if (d !== undefined) secrets.set(keyset.ks, { keyset, d });
  }
  return {
    list(vnd) {
      const found = lists.get(vnd)?.list;
      if (!found) throw new Error('no keysets of this lock');
      return found;
    },
    records,
    keysets,
    of(value, vnd) {
      const found = keysets.find((one) => one.value === value && one.record.vnd === vnd);
      if (!found) throw new Error(`no keyset of ${value}`);
      return found;
    },
    sign({ ks, b }) {
      const secret = secrets.get(ks);
      const blinded = fromBase64url(b);
      if (!secret || !blinded) throw new Error('no such keyset');
      const { key } = secret.keyset;
      return toBase64url(i2osp(modPow(os2ip(blinded), secret.d, key.n), 256));
    },
  };
}

function listed(records: readonly KeysetRecord[], vnd: string | undefined): { list: KeyList; keysets: Keyset[] } {
  const crypto = portableCrypto;
  const names = records.map(({ sig: _, ...record }) => nameOf(record));
  const list = signKeyList(
    { brk: BROKER.brk, ...(vnd === undefined ? {} : { vnd }), no: 1, keysets: names, revoked: [] },
    seed,
    crypto,
  );
  return { list, keysets: readKeyList({ list, records }, BROKER, crypto) };
}
const nameOf = (record: Omit<KeysetRecord, 'sig'>) => keysetName(record, portableCrypto);
