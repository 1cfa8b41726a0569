// The recovery phrase (BIP-39): twelve words, from which the account key and the secrets of every coin are derived.
import { concat, type Env, PaymentProblem, utf8 } from '@farthing/protocol';
import { entropyToMnemonic, mnemonicToSeedSync, validateMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';

const ENTROPY_BYTES = 16;

export const newPhrase = (env: Env): string => entropyToMnemonic(env.random(ENTROPY_BYTES), wordlist);

/**
 * A phrase as people type it: any case, any spaces between.
 * @throws {PaymentProblem} `payload-invalid`: not words of the list, or one of them is wrong
 */
export function readPhrase(typed: string): string {
  const phrase = typed.normalize('NFKD').trim().toLowerCase().split(/\s+/).join(' ');
  if (validateMnemonic(phrase, wordlist)) return phrase;
  throw new PaymentProblem('payload-invalid', {
    detail: 'this is no recovery phrase: a word is wrong, missing, or at another place',
  });
}

/** A tenth of a second of work at most: callers keep it. */
export const rootOf = (phrase: string): Uint8Array => mnemonicToSeedSync(phrase);

export const accountSeed = (root: Uint8Array, env: Env): Uint8Array => derive(root, 'farthing/account/1', env);

/** Coins of one broker: others learn nothing of them, even from a leak of this seed. */
export const coinSeed = (root: Uint8Array, brk: string, env: Env): Uint8Array =>
  derive(root, `farthing/coins/1 ${brk}`, env);

/** X25519, to which the answers of one request for money are sealed: a restored wallet opens them too. */
export const requestSecret = (root: Uint8Array, id: string, env: Env): Uint8Array =>
  derive(root, `farthing/request/1 ${id}`, env);

const CHECK_WORDS = 4;

/** 44 bits of a hash as words of the same list, for two people to compare aloud. */
export function checkWords(hash: Uint8Array): string {
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const indices = Array.from({ length: CHECK_WORDS }, (_, i) => Number.parseInt(bits.slice(i * 11, i * 11 + 11), 2));
  return indices.map((index) => wordlist[index]).join(' ');
}

/** HKDF-SHA-256 (RFC 5869) without salt, 32 bytes: one block. */
function derive(root: Uint8Array, label: string, { crypto }: Env): Uint8Array {
  const key = crypto.hmacSha256(new Uint8Array(32), root);
  return crypto.hmacSha256(key, concat(utf8(label), Uint8Array.of(1)));
}
