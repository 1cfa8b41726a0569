// Keysets: what a coin is worth, where, and until when follows from the broker's signed record of its key and from nothing
// else. The list of all keysets has one hash for everybody: a broker that gives somebody keys of his own is seen by it.
import * as v from 'valibot';
import { fromBase64url } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { amt, brk, cur, h32, seconds, sig, u32, vnd } from '../core/decode.ts';
import { limits } from '../core/limits.ts';
import { PaymentProblem } from '../core/problems.ts';
import { publicKeyOf, type RsaPublicKey } from '../core/rsa.ts';
import { objectHash, signObject, verifyObject } from '../core/sign.ts';
import { rsaText } from './coin.ts';

const amtText = v.pipe(
  v.string(),
  v.check((s) => v.is(amt, s), 'a decimal string of base units'),
);

/**
 * One RSA key of 2048 bits, e = 65537, for one currency, denomination and epoch, and nothing else. With `vnd` its coins are
 * good at that vendor alone. Times in seconds: coins are withdrawn from `nbf`, spent until `spendUntil`, claimed by vendors
 * until `claimUntil`, swapped for new ones until `reclaimUntil`.
 */
export const keysetSchema = v.strictObject({
  typ: v.literal('keyset/1'),
  brk,
  cur,
  denom: amtText,
  epoch: u32,
  vnd: v.exactOptional(vnd),
  n: rsaText,
  e: v.literal(65_537),
  nbf: seconds,
  spendUntil: seconds,
  claimUntil: seconds,
  reclaimUntil: seconds,
  sig,
});
export type KeysetRecord = v.InferOutput<typeof keysetSchema>;

/**
 * All keysets of one broker that are in use, by name, in order: those whose coins go everywhere, or those of one vendor.
 * Coins of `revoked` keysets pay nobody, and are swapped for others; those of `stopped` ones, which are revoked too, are
 * not even swapped until the broker has found out who made more of them than it did. `no` grows with every change.
 */
export const keyListSchema = v.strictObject({
  typ: v.literal('keylist/1'),
  brk,
  vnd: v.exactOptional(vnd),
  no: u32,
  keysets: v.pipe(v.array(h32), v.maxLength(limits.keysets)),
  revoked: v.pipe(v.array(h32), v.maxLength(limits.keysets)),
  stopped: v.exactOptional(v.pipe(v.array(h32), v.minLength(1), v.maxLength(limits.keysets))),
  sig,
});
export type KeyList = v.InferOutput<typeof keyListSchema>;

/** A keyset that was checked: `ks` is its name, which every coin carries. */
export type Keyset = {
  readonly ks: string;
  readonly record: KeysetRecord;
  readonly key: RsaPublicKey;
  readonly value: bigint;
  readonly revoked?: true;
};

export const keysetName = (record: Omit<KeysetRecord, 'sig'>, crypto: Crypto): string => objectHash(record, crypto);
/** What vendors name in their challenges, and wallets compare. */
export const keyListHash = (list: Omit<KeyList, 'sig'>, crypto: Crypto): string => objectHash(list, crypto);

export const signKeyset = (record: Omit<KeysetRecord, 'sig'>, seed: Uint8Array, crypto: Crypto): KeysetRecord => ({
  ...record,
  sig: signObject(record, seed, crypto),
});

/** Names sorted, so that one set of keysets has one list. */
export function signKeyList(
  { brk: broker, vnd: of, no, keysets, revoked, stopped = [] }: Omit<KeyList, 'typ' | 'sig'>,
  seed: Uint8Array,
  crypto: Crypto,
): KeyList {
  const list = {
    typ: 'keylist/1' as const,
    brk: broker,
    ...(of === undefined ? {} : { vnd: of }),
    no,
    keysets: [...keysets].sort(),
    revoked: [...revoked].sort(),
    ...(stopped.length === 0 ? {} : { stopped: [...stopped].sort() }),
  };
  return { ...list, sig: signObject(list, seed, crypto) };
}

/**
 * Checks what a broker published: signatures by its root key, every keyset of the list and no other, one key for one use.
 * Revoked ones are among them, so that whoever restores a purse from its seed can swap what he finds.
 * @param root the broker's root key, h32
 * @throws {PaymentProblem} `broker-untrusted`
 */
export function readKeyList(
  { list, records }: { list: KeyList; records: readonly KeysetRecord[] },
  { brk: broker, root }: { brk: string; root: string },
  crypto: Crypto,
): Keyset[] {
  const untrusted = (detail: string) => new PaymentProblem('broker-untrusted', { detail });
  if (list.brk !== broker || !verifyObject(list, root, list.sig, crypto)) throw untrusted('its key list is not signed');
  const named = [...list.keysets, ...list.revoked];
  const revoked = new Set(list.revoked);
  const { stopped = [] } = list;
  const inOrder = [list.keysets, list.revoked, stopped].every((all) =>
    all.every((name, i) => (all[i - 1] ?? '') < name),
  );
  if (!inOrder || new Set(named).size !== named.length || !stopped.every((name) => revoked.has(name))) {
    throw untrusted('its key list is not in order');
  }
  const keysets = records
    .map((record) => readKeyset(record, { brk: broker, root }, crypto))
    .map((keyset): Keyset => (revoked.has(keyset.ks) ? { ...keyset, revoked: true } : keyset));
  const names = new Set(keysets.map(({ ks }) => ks));
  if (keysets.some(({ record }) => record.vnd !== list.vnd))
    throw untrusted('a keyset of another lock is in its key list');
  if (keysets.length !== named.length || !named.every((name) => names.has(name))) {
    throw untrusted('its key list and its keysets differ');
  }
  const moduli = new Set(keysets.map(({ record }) => record.n));
  const uses = new Set(
    keysets.map(({ record: { cur: of, denom, epoch, vnd: at = '' } }) => `${of} ${denom} ${epoch} ${at}`),
  );
  if (moduli.size !== keysets.length || uses.size !== keysets.length) {
    throw untrusted('two keysets share a key, or are for the same coins');
  }
  return keysets;
}

/** One record by itself. @throws {PaymentProblem} `broker-untrusted` */
export function readKeyset(
  record: KeysetRecord,
  { brk: broker, root }: { brk: string; root: string },
  crypto: Crypto,
): Keyset {
  const { nbf, spendUntil, claimUntil, reclaimUntil, n } = record;
  const modulus = fromBase64url(n) ?? new Uint8Array();
  const isModulus = (modulus[0] ?? 0) >= 0x80 && ((modulus.at(-1) ?? 0) & 1) === 1;
  const sane = nbf < spendUntil && spendUntil <= claimUntil && claimUntil <= reclaimUntil && isModulus;
  if (!sane || record.brk !== broker || !verifyObject(record, root, record.sig, crypto)) {
    throw new PaymentProblem('broker-untrusted', { detail: 'a keyset is not signed, or makes no sense' });
  }
  return keysetOf(record, crypto);
}

/** A record whose signature was checked, or is our own. */
export const keysetOf = (record: KeysetRecord, crypto: Crypto): Keyset => ({
  ks: keysetName(record, crypto),
  record,
  key: publicKeyOf(fromBase64url(record.n) ?? new Uint8Array()),
  value: BigInt(record.denom),
});

/** What one may do with coins of a keyset now. Clocks may differ by `limits.clockSkewMs`, in the payer's favour. */
export function phaseOf({ nbf, spendUntil, claimUntil, reclaimUntil }: KeysetRecord, nowMs: number): Phase {
  const past = (seconds: number) => nowMs > seconds * 1000 + limits.clockSkewMs;
  if (nowMs + limits.clockSkewMs < nbf * 1000) return 'early';
  if (!past(spendUntil)) return 'spend';
  if (!past(claimUntil)) return 'claim';
  return past(reclaimUntil) ? 'over' : 'reclaim';
}
export type Phase = 'early' | 'spend' | 'claim' | 'reclaim' | 'over';
