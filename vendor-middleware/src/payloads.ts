// Payloads that fit no header: posted before, and named in the credential by their hash. Kept in memory, and only for a while: who
// names one that is not here (any more) posts it again.
import {
  canonicalJson,
  type Env,
  isObject,
  type Json,
  limits,
  PaymentProblem,
  parseJson,
  type ReadCredential,
  toBase64url,
  utf8,
} from '@farthing/protocol';

type Kept = { readonly text: string; readonly bytes: number; readonly untilMs: number };

export class Payloads {
  readonly #env: () => Env;
  /** By reference, oldest first. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(env: () => Env) {
    this.#env = env;
  }

  /** @returns its reference: h32 of its canonical JSON. @throws {PaymentProblem} `request-malformed` */
  put(payload: Json): string {
    if (!isObject(payload)) throw new PaymentProblem('request-malformed', { detail: 'expected a payload' });
    const { crypto, nowMs } = this.#env();
    const text = canonicalJson(payload);
    const encoded = utf8(text);
    const ref = toBase64url(crypto.sha256(encoded));
    this.#drop(ref);
    this.#kept.set(ref, { text, bytes: encoded.length, untilMs: nowMs + limits.payloadLifeMs });
    this.#bytes += encoded.length;
    for (const [oldest, { untilMs }] of this.#kept) {
      if (this.#bytes <= limits.payloadsBytes && untilMs > nowMs) break;
      this.#drop(oldest);
    }
    return ref;
  }

  /**
   * The credential as if its payload had come with it: everything after this hashes and checks that.
   * @throws {PaymentProblem} `ref-unknown`: not here (any more). It may have paid before.
   */
  resolve(credential: ReadCredential): ReadCredential {
    const { challenge, payload } = credential;
    const { ref } = payload;
    if (typeof ref !== 'string' || Object.keys(payload).length !== 1) return credential;
    const kept = this.#kept.get(ref);
    const read = kept && kept.untilMs > this.#env().nowMs ? parseJson(kept.text) : undefined;
    if (!kept || !isObject(read)) throw new PaymentProblem('ref-unknown', { consumed: 'unknown' });
    const text = canonicalJson({ challenge } as unknown as Json);
    return { ...credential, payload: read, canonical: `${text.slice(0, -1)},"payload":${kept.text}}` };
  }

  #drop(ref: string): void {
    this.#bytes -= this.#kept.get(ref)?.bytes ?? 0;
    this.#kept.delete(ref);
  }
}
