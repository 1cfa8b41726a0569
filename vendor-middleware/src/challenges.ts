// Challenges of sessions that were found to be ours: a session echoes one for a day, so it is read and checked once.
import { type BindingSecrets, type Challenge, type Crypto, canonicalJson, isOurChallenge } from '@farthing/protocol';

/** About 1.5 KB each. More sessions than that are checked each time. */
const KEPT = 5000;
const ID = '"id":"';

export class Challenges {
  readonly #secrets: BindingSecrets;
  /** By id: to hash the whole text for each payment takes longer than to compare it. */
  readonly #byId = new Map<string, { readonly text: string; readonly challenge: Challenge }>();
  readonly #ours = new WeakSet<Challenge>();

  constructor(secrets: BindingSecrets) {
    this.#secrets = secrets;
  }

  /** The challenge with exactly this canonical text. */
  readonly recall = (text: string): Challenge | undefined => {
    const at = text.indexOf(ID) + ID.length;
    const known = this.#byId.get(text.slice(at, text.indexOf('"', at)));
    return known?.text === text ? known.challenge : undefined;
  };

  isOurs(challenge: Challenge, crypto: Crypto): boolean {
    if (this.#ours.has(challenge)) return true;
    if (!isOurChallenge(challenge, this.#secrets, crypto)) return false;
    if (challenge.intent === 'session') this.#keep(challenge);
    return true;
  }

  #keep(challenge: Challenge): void {
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size < KEPT) break;
      this.#byId.delete(oldest);
    }
    this.#byId.set(challenge.id, { text: canonicalJson(challenge), challenge });
    this.#ours.add(challenge);
  }
}
