// One signing rule for every object (methods §0): `farthing/` + typ, one NUL, canonical JSON without mac, sig, sigs.
import { equalText, fromBase64url, toBase64url, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { canonicalJson, type Json, type JsonObject } from './json.ts';

export type Typed = { readonly typ: string } & JsonObject;

const OUTSIDE = new Set(['mac', 'sig', 'sigs']);

/** The text that is signed or MACed. The type tag makes one object's signature worthless for any other. */
export function signingText(object: { readonly typ: string }): string {
  const { mac: _, sig: __, sigs: ___, ...signed } = object as Typed;
  return `farthing/${object.typ}\0${canonicalJson(signed)}`;
}

/** Canonical JSON of values that was made before. */
export type Known = ReadonlyMap<unknown, string>;

/** An object's members as canonical JSON writes them, in its order. */
const membersOf = (object: object, known?: Known): [name: string, text: string][] =>
  Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, `${canonicalJson(name)}:${known?.get(value) ?? canonicalJson(value as Json)}`]);

const joined = (members: readonly [string, string][]): string => `{${members.map(([, text]) => text).join(',')}}`;

/** Canonical JSON of a signed object, and the text that its signature covers, out of one pass. */
export function textsOf(object: { readonly typ: string }): { readonly body: string; readonly signed: string } {
  const members = membersOf(object);
  const inside = members.filter(([name]) => !OUTSIDE.has(name));
  return { body: joined(members), signed: `farthing/${object.typ}\0${joined(inside)}` };
}

/** `body`: canonical JSON of an object with its signature; `signed`: the text that it covers. */
export type SignedTexts = { readonly body: string; readonly signed: string; readonly sig: string };

type Signing = { readonly crypto: Crypto; readonly known?: Known };

/** Signs an object that has no `mac`, `sig` or `sigs`, all out of one pass. */
export function signedTexts(
  unsigned: { readonly typ: string },
  seed: Uint8Array,
  { crypto, known }: Signing,
): SignedTexts {
  const members = membersOf(unsigned, known);
  const signed = `farthing/${unsigned.typ}\0${joined(members)}`;
  const sig = toBase64url(crypto.sign(seed, utf8(signed)));
  const at = members.findIndex(([name]) => name > 'sig');
  const body = joined(members.toSpliced(at < 0 ? members.length : at, 0, ['sig', `"sig":"${sig}"`]));
  return { body, signed, sig };
}

const signingInput = (object: { readonly typ: string }): Uint8Array => utf8(signingText(object));

/** h32 of the signing input: the name of a signed object. */
export function objectHash(object: { readonly typ: string }, crypto: Crypto): string {
  return crypto.hashText(signingText(object));
}

export function signObject(object: { readonly typ: string }, seed: Uint8Array, crypto: Crypto): string {
  return toBase64url(crypto.sign(seed, signingInput(object)));
}

/** `publicKey` and `signature` as they stand on the wire (h32, sig). */
export function verifyObject(
  object: { readonly typ: string },
  publicKey: string,
  signature: string,
  crypto: Crypto,
): boolean {
  const key = fromBase64url(publicKey);
  const sig = fromBase64url(signature);
  return key?.length === 32 && sig?.length === 64 && crypto.verify(key, signingInput(object), sig);
}

export function macObject(object: { readonly typ: string }, key: Uint8Array, crypto: Crypto): string {
  return crypto.macText(key, signingText(object));
}

export function verifyMac(object: { readonly typ: string }, mac: string, key: Uint8Array, crypto: Crypto): boolean {
  return equalText(mac, macObject(object, key, crypto));
}
