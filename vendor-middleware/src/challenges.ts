// Challenges of sessions that were found to be ours: a session echoes one for a day, so it is read and checked once.
import { type BindingSecrets, type Challenge, type Crypto, canonicalJson, isOurChallenge } from '@farthing/protocol';

/** About 1.5 KB each. More sessions than that are checked each time. */
const KEPT = 5000;

export class Challenges {
  readonly #secrets: BindingSecrets;
  readonly #byText = new Map<string, Challenge>();
  readonly #ours = new WeakSet<Challenge>();

  constructor(secrets: BindingSecrets) {
    this.#secrets = secrets;
  }

  /** By canonical text. */
  readonly recall = (text: string): Challenge | undefined =>
    this.#byText.size > 0 ? this.#byText.get(text) : undefined;

  isOurs(challenge: Challenge, crypto: Crypto): boolean {
    if (this.#ours.has(challenge)) return true;
    if (!isOurChallenge(challenge, this.#secrets, crypto)) return false;
    if (challenge.intent === 'session') this.#keep(challenge);
    return true;
  }

  #keep(challenge: Challenge): void {
    for (const oldest of this.#byText.keys()) {
      if (this.#byText.size < KEPT) break;
      this.#byText.delete(oldest);
    }
    this.#byText.set(canonicalJson(challenge), challenge);
    this.#ours.add(challenge);
  }
}
