// What a thread does that checks signatures: payment by payment, and each until the first that is not good. It is given bytes and
// says numbers; it knows no money. Here and now: Node's own pool takes a job for each signature, and a wake-up for each job.
import { constants, createPublicKey, KeyObject, verify, webcrypto } from 'node:crypto';

/** As in `packed.ts`, which this thread does without: it loads nothing but Node. */
const [RSA, ONCE] = [0, 2];
const EXPONENT = 3;
/** Keys of keysets, and of customers and accounts that signed of late. */
const KEPT = 1024;
const known = new Map<string, KeyObject>();

async function keyOf(scheme: number, bytes: Uint8Array): Promise<KeyObject> {
  if (scheme === ONCE) return ed25519(bytes);
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const found = known.get(name);
  if (found) return found;
  const key = scheme === RSA ? rsa(bytes) : await ed25519(bytes);
  for (const oldest of known.keys()) {
    if (known.size < KEPT) break;
    known.delete(oldest);
  }
  known.set(name, key);
  return key;
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

const rsa = (bytes: Uint8Array): KeyObject => {
  const [n, e] = [base64url(bytes.subarray(0, -EXPONENT)), base64url(bytes.subarray(-EXPONENT))];
  return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
};

/** By way of WebCrypto, which reads a raw key in half the time. */
const ed25519 = async (raw: Uint8Array): Promise<KeyObject> =>
  KeyObject.from(await webcrypto.subtle.importKey('raw', raw as Uint8Array<ArrayBuffer>, 'Ed25519', true, ['verify']));

type Parts = readonly [key: Uint8Array, message: Uint8Array, signature: Uint8Array];

async function isGood(scheme: number, [bytes, message, signature]: Parts): Promise<boolean> {
  try {
    const key = await keyOf(scheme, bytes);
    if (scheme !== RSA) return verify(null, message, key, signature);
    return verify('sha384', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, signature);
  } catch {
    return false;
  }
}

/** For each payment the place of the first proof that is not good; -1: all are. */
export async function judge(bytes: Uint8Array): Promise<number[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wrong: number[] = [];
  let at = 0;
  const number = () => {
    at += 4;
    return view.getUint32(at - 4);
  };
  const part = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const count = number();
    let first = -1;
    for (let n = 0; n < count; n++) {
      const scheme = bytes[at++] ?? -1;
      const lengths = [number(), number(), number()] as const;
      const parts = [part(lengths[0]), part(lengths[1]), part(lengths[2])] as const;
      if (first < 0 && !(await isGood(scheme, parts))) first = n;
    }
    wrong.push(first);
  }
  return wrong;
}
