// Signatures of others are checked on other threads, before the transaction: a check takes as long as all the rest of an order.
import { ProofPool, Unchecked } from '@farthing/node-kit';
import { fromBase64url, PaymentProblem, utf8 } from '@farthing/protocol';

/** While the loop writes a batch of orders, the thread checks those that will be in the next. */
export const pool = new ProofPool({ ahead: 8 });

/** Orders that nobody can check now, because too many wait or a thread has ended, may come again in so many seconds. */
const AGAIN_SECONDS = 2;

/** `signed`: the text that it covers. `key`, `sig`: as they stand on the wire. @throws {PaymentProblem} `unavailable` */
export async function isGenuine(signed: string, { key, sig }: { key: string; sig: string }): Promise<boolean> {
  const [publicKey, signature] = [fromBase64url(key), fromBase64url(sig)];
  if (publicKey?.length !== 32 || signature?.length !== 64) return false;
  const proof = {
    scheme: 'ed25519',
    key: publicKey,
    message: utf8(signed),
    signature,
    code: 'signature-invalid',
  } as const;
  try {
    return (await pool.firstWrong([proof])) < 0;
  } catch (error) {
    if (error instanceof Unchecked) throw new PaymentProblem('unavailable', { retryAfter: AGAIN_SECONDS });
    throw error;
  }
}
