// What a thread does that checks signatures: payment by payment, and each until the first that is not good. It is given bytes and
// says numbers; it knows no money. Here and now: Node's own pool takes a job for each signature, and a wake-up for each job.
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { isSignature } from './ed25519.ts';

/** As in `packed.ts`, which this thread does without: it loads no protocol. */
const RSA = 0;
const EXPONENT = 3;
/** Keys of keysets. */
const KEPT = 1024;
const known = new Map<string, KeyObject>();

function rsaKey(bytes: Uint8Array): KeyObject {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const found = known.get(name);
  if (found) return found;
  const [n, e] = [base64url(bytes.subarray(0, -EXPONENT)), base64url(bytes.subarray(-EXPONENT))];
  const key = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
  for (const oldest of known.keys()) {
    if (known.size < KEPT) break;
    known.delete(oldest);
  }
  known.set(name, key);
  return key;
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

type Parts = readonly [key: Uint8Array, message: Uint8Array, signature: Uint8Array];

function isGood(scheme: number, [bytes, message, signature]: Parts): boolean {
  if (scheme !== RSA) return isSignature(bytes, message, signature);
  try {
    const key = rsaKey(bytes);
    return verify('sha384', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, signature);
  } catch {
    return false;
  }
}

/** For each payment the place of the first proof that is not good; -1: all are. */
export function judge(bytes: Uint8Array): number[] {
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
      if (first < 0 && !isGood(scheme, parts)) first = n;
    }
    wrong.push(first);
  }
  return wrong;
}
