// A clock, chance and native cryptography that count: what was signed or checked with public keys, by the type of the
// object, and hashes.
import { nodeEnv } from '@farthing/node-kit';
import type { Crypto, Env } from '@farthing/protocol';

const typeOf = (message: Uint8Array): string =>
  /^farthing\/([a-z0-9/-]+)/.exec(Buffer.from(message).toString('latin1'))?.[1] ?? '?';

export class Counted {
  /** Types of objects; `key` where a public key was made. */
  signatures: string[] = [];
  hashes = 0;

  readonly env = (): Env => ({ ...nodeEnv(), crypto: this.#crypto });
  readonly #crypto: Crypto;

  constructor() {
    const native = nodeEnv().crypto;
    this.#crypto = {
      ...native,
      sha256: (data) => {
        this.hashes++;
        return native.sha256(data);
      },
      publicKey: (seed) => {
        this.signatures.push('key');
        return native.publicKey(seed);
      },
      sign: (seed, message) => {
        this.signatures.push(typeOf(message));
        return native.sign(seed, message);
      },
      verify: (key, message, signature) => {
        this.signatures.push(typeOf(message));
        return native.verify(key, message, signature);
      },
    };
  }

  restart(): void {
    [this.signatures, this.hashes] = [[], 0];
  }

  /** Without the books with the broker, which a site keeps in the background, one order for many payments. */
  get whilePaying(): string[] {
    return this.signatures.filter((type) => !BOOKS.includes(type));
  }
}

const BOOKS = ['payword-redeem/1', 'redemption/1', 'payword-redeem/1-answer'];
