// The account's secrets at rest: in the open, or under a password. Sealed they are one document, so that setting, changing and
// removing a password is one step each, and a crash leaves the one or the other.
import {
  type Env,
  fromBase64url,
  fromUtf8,
  openUnder,
  PASSWORD_SALT_BYTES,
  PaymentProblem,
  sealUnder,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import * as v from 'valibot';
import { text } from './stored.ts';

const secrets = v.object({
  /** Of the account's Ed25519 key. */
  seed: text,
  /** The words that coins, and the account key of a wallet that began with them, come from. */
  phrase: v.exactOptional(text),
});
type Stored = v.InferOutput<typeof secrets>;

const known = {
  id: text,
  /** Made from a phrase that was there before: brokers may hold signatures of its coins. */
  restored: v.exactOptional(v.boolean()),
};

/** `box`: the secrets as JSON, under a key that Argon2id makes of the password and `salt`. */
const sealed = v.object({
  ...known,
  sealed: v.object({ kdf: v.literal('argon2id/1'), salt: text, box: text }),
});
const open = v.object({ ...known, ...secrets.entries });

export const accountSchema = v.union([sealed, open]);
export type AccountDoc = v.InferOutput<typeof accountSchema>;
export type SealedDoc = v.InferOutput<typeof sealed>;

/** `phrase` is missing in wallets that began without one and hold no coins. */
export type Secrets = { readonly seed: Uint8Array; readonly phrase?: string };

export const isSealed = (doc: AccountDoc): doc is SealedDoc => 'sealed' in doc;

/** Of a document in the open. @throws {PaymentProblem} `storage-fault` */
export function secretsOf({ seed: encoded, phrase }: Stored): Secrets {
  const seed = fromBase64url(encoded);
  if (!seed) throw new PaymentProblem('storage-fault', { detail: 'the account key is damaged' });
  return { seed, ...(phrase === undefined ? {} : { phrase }) };
}

export const newSalt = (env: Env): Uint8Array => env.random(PASSWORD_SALT_BYTES);

/** @throws {PaymentProblem} `storage-fault` */
export function saltOf({ sealed: { salt } }: SealedDoc): Uint8Array {
  const bytes = fromBase64url(salt);
  if (bytes?.length !== PASSWORD_SALT_BYTES) throw new PaymentProblem('storage-fault', { detail: 'a salt is damaged' });
  return bytes;
}

/** What the seal is bound to: nobody makes another wallet's secrets, or a cheaper way to them, out of it. */
const contextOf = (id: string, salt: string) => `farthing/wallet/1 argon2id/1 ${id} ${salt}`;

export function sealDoc(
  { id, restored }: Pick<AccountDoc, 'id' | 'restored'>,
  { seed, phrase }: Secrets,
  under: { readonly key: Uint8Array; readonly salt: Uint8Array },
  env: Env,
): SealedDoc {
  const salt = toBase64url(under.salt);
  const plain = utf8(JSON.stringify({ seed: toBase64url(seed), phrase }));
  const box = sealUnder(under.key, plain, contextOf(id, salt), env);
  return { id, ...(restored === undefined ? {} : { restored }), sealed: { kdf: 'argon2id/1', salt, box } };
}

export function openDoc({ id, restored }: SealedDoc, { seed, phrase }: Secrets): AccountDoc {
  return {
    ...{ id, seed: toBase64url(seed) },
    ...(phrase === undefined ? {} : { phrase }),
    ...(restored === undefined ? {} : { restored }),
  };
}

/** `undefined`: another key sealed it. */
export function unseal({ id, sealed: { salt, box } }: SealedDoc, key: Uint8Array): Secrets | undefined {
  const plain = openUnder(key, box, contextOf(id, salt));
  return plain && secretsOf(v.parse(secrets, JSON.parse(fromUtf8(plain))));
}
