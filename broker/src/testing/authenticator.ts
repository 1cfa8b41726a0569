// An authenticator in software (WebAuthn, ES256, attestation `none`): what a phone has, and what a thief of one would build.
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest();
const base64url = (bytes: Buffer): string => bytes.toString('base64url');

// CBOR (RFC 8949), as much as an attestation needs.
const head = (major: number, n: number): Buffer =>
  n < 24
    ? Buffer.from([(major << 5) | n])
    : n < 256
      ? Buffer.from([(major << 5) | 24, n])
      : Buffer.from([(major << 5) | 25, n >> 8, n & 255]);
const int = (n: number): Buffer => (n >= 0 ? head(0, n) : head(1, -1 - n));
const bytes = (value: Buffer): Buffer => Buffer.concat([head(2, value.length), value]);
const text = (value: string): Buffer => Buffer.concat([head(3, value.length), Buffer.from(value)]);
const map = (...pairs: (readonly [Buffer, Buffer])[]): Buffer =>
  Buffer.concat([head(5, pairs.length), ...pairs.flat()]);

type Key = { readonly id: Buffer; readonly privateKey: KeyObject; readonly publicKey: KeyObject };

/** What a forger changes of an answer. */
export type Twist = {
  /** Page that the browser says it is on. */
  readonly origin?: string;
  readonly rpId?: string;
  /** Signatures made so far, in place of the true number. */
  readonly counter?: number;
  readonly challenge?: string;
  /** Was the person checked, by finger, face or PIN? */
  readonly isVerified?: boolean;
  /** In place of `webauthn.get` or `webauthn.create`. */
  readonly type?: string;
};

export class SoftAuthenticator {
  readonly origin: string;
  readonly #keys: Key[] = [];
  #counter = 0;

  constructor(origin: string) {
    this.origin = origin;
  }

  create({ challenge }: { challenge: string }, twist: Twist = {}) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const key = { id: randomBytes(16), privateKey, publicKey };
    this.#keys.push(key);
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const cose = map(
      [int(1), int(2)],
      [int(3), int(-7)],
      [int(-1), int(1)],
      [int(-2), bytes(Buffer.from(x, 'base64url'))],
      [int(-3), bytes(Buffer.from(y, 'base64url'))],
    );
    const length = Buffer.from([0, key.id.length]);
    const authData = Buffer.concat([this.#authData(twist, 0x40), Buffer.alloc(16), length, key.id, cose]);
    const attestationObject = map(
      [text('fmt'), text('none')],
      [text('attStmt'), map()],
      [text('authData'), bytes(authData)],
    );
    const clientDataJSON = this.#clientData('webauthn.create', challenge, twist);
    return {
      ...this.#common(key),
      response: {
        clientDataJSON: base64url(clientDataJSON),
        attestationObject: base64url(attestationObject),
        transports: ['internal'],
      },
    };
  }

  get({ challenge }: { challenge: string }, twist: Twist = {}) {
    const key = this.#keys.at(-1);
    if (!key) throw new Error('this authenticator has no passkey');
    this.#counter++;
    const authenticatorData = this.#authData(twist, 0);
    const clientDataJSON = this.#clientData('webauthn.get', challenge, twist);
    const signer = createSign('sha256').update(authenticatorData).update(sha256(clientDataJSON));
    return {
      ...this.#common(key),
      response: {
        clientDataJSON: base64url(clientDataJSON),
        authenticatorData: base64url(authenticatorData),
        signature: base64url(signer.sign(key.privateKey)),
      },
    };
  }

  #common({ id }: Key) {
    return { id: base64url(id), rawId: base64url(id), type: 'public-key', clientExtensionResults: {} };
  }

  #clientData(type: string, challenge: string, twist: Twist): Buffer {
    const { origin = this.origin } = twist;
    return Buffer.from(
      JSON.stringify({ type: twist.type ?? type, challenge: twist.challenge ?? challenge, origin, crossOrigin: false }),
    );
  }

  #authData({ rpId = new URL(this.origin).hostname, counter = this.#counter, isVerified = true }: Twist, flag: number) {
    const flags = 0x01 | (isVerified ? 0x04 : 0) | flag;
    const counted = Buffer.alloc(4);
    counted.writeUInt32BE(counter);
    return Buffer.concat([sha256(rpId), Buffer.from([flags]), counted]);
  }
}
