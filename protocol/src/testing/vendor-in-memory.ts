// A vendor's store in memory, as small as the contract allows: consume, release, meter, repeat. It runs every session step
// twice, as a store does whose compare-and-set was lost, and keeps rows as JSON text, as a database does.
import {
  type Applied,
  addClaim,
  applied,
  type Challenge,
  type ClaimSum,
  canonicalJson,
  type Deed,
  type Env,
  type Json,
  type JsonObject,
  type Metered,
  PaymentProblem,
  type Price,
  printReceipt,
  type Question,
  type SessionRole,
  type SessionView,
  type StreamProgress,
  type Tally,
  type VendorRole,
  type Verified,
} from '../index.ts';
import type { Due } from './fixture.ts';

export type Arrival = {
  readonly challenge: Challenge;
  readonly payload: JsonObject;
  readonly price: Price;
  readonly target: string;
  readonly digest: string;
};
export type Outcome = { readonly id: string; readonly receipt: string; readonly again: boolean };
type Stored = { credential: string; target: string; receipt: string; verified: Verified; written: Applied };

export class VendorInMemory<Keys> {
  readonly rows = new Map<string, string>();
  readonly claims = new Map<string, ClaimSum>();
  readonly questions: Question[] = [];
  readonly #role: VendorRole<Keys>;
  readonly #keys: Keys;
  readonly #outcomes = new Map<string, Stored>();
  readonly #spends = new Set<string>();
  readonly #tallies = new Map<string, bigint>();
  readonly #deeds = new Map<string, JsonObject>();
  #serial = 0n;

  constructor(role: VendorRole<Keys>, keys: Keys) {
    this.#role = role;
    this.#keys = keys;
  }

  /** Consumes the payment, or finds the outcome of a repeat. Claims are booked at once. @throws {PaymentProblem} */
  receive(arrival: Arrival, env: Env): Outcome {
    const { challenge, payload } = arrival;
    const named = this.#role.sessions?.identify(payload, env);
    const id = named?.id ?? challenge.id;
    const credential = canonicalJson({ id: challenge.id, payload });
    const target = `${arrival.target} ${arrival.digest}`;
    const known = this.#outcomes.get(id);
    if (known) {
      if (known.credential !== credential || known.target !== target) {
        throw new PaymentProblem(named?.code ?? 'challenge-reused', { consumed: true });
      }
      return { id, receipt: known.receipt, again: true };
    }
    const verified = this.#role.verify(arrival, this.#keys, { ...env, serial: ++this.#serial });
    this.#needFree(verified.spends);
    const key = verified.session?.key;
    const written = this.#twice(() => applied(verified, key === undefined ? undefined : this.row(key)));
    this.#count([...verified.tallies, ...written.deeds.flatMap(({ tallies }) => tallies)]);
    for (const spend of verified.spends) this.#spends.add(spend.key);
    if (written.row) this.#write(written.row.key, written.row.next);
    this.#keep(written.deeds);
    this.#book(written.claims);
    if (written.ask) this.questions.push(written.ask);
    const receipt = printReceipt({
      status: 'success',
      method: challenge.method,
      timestamp: '2026-11-23T12:00:00Z',
      reference: written.reference,
      challengeId: challenge.id,
      details: written.details,
    });
    this.#outcomes.set(id, { credential, target, receipt, verified, written });
    return { id, receipt, again: false };
  }

  /** The handler failed: the instruments are good again. Its claims were never booked, as far as the broker can see. */
  release(id: string): void {
    const stored = this.#outcomes.get(id);
    if (!stored) throw new Error(`no outcome ${id}`);
    const { verified, written } = stored;
    this.#outcomes.delete(id);
    for (const { key } of verified.spends) this.#spends.delete(key);
    this.#count(verified.tallies.map((tally) => ({ ...tally, add: -tally.add })));
    this.#book(written.claims.map(({ evidence: _, ...claim }) => ({ ...claim, add: -claim.add })));
    const { row } = written;
    const { sessions } = this.#role;
    if (row && sessions) this.#write(row.key, sessions.undo(this.row(row.key) ?? null, row.undo));
  }

  /** For services, such as the release of a piece. @throws {Error} spent before */
  spend(spends: Verified['spends']): void {
    if (spends.some(({ key }) => this.#spends.has(key))) throw new Error('a free piece was spent');
    for (const { key } of spends) this.#spends.add(key);
  }

  /** Takes units out of what was paid ahead. @throws {PaymentProblem} */
  meter(key: string, want: { price: Price; units: number; stream: StreamProgress }, env: Env): Metered {
    const metered = this.#change(key, (sessions, row) => sessions.meter(row, want, this.#keys, env));
    if (metered.ask) this.questions.push(metered.ask);
    return metered;
  }

  leave(key: string, stream: StreamProgress, env: Env): void {
    this.#change(key, (sessions, row) => sessions.leave(row, stream, env));
  }

  #change<Change extends Pick<Metered, 'next' | 'claims'>>(
    key: string,
    change: (sessions: SessionRole<Keys>, row: Json) => Change,
  ): Change {
    const { sessions } = this.#role;
    const row = this.row(key);
    if (!sessions || row === undefined) throw new Error(`no session ${key}`);
    const made = this.#twice(() => change(sessions, row));
    this.#write(key, made.next);
    this.#book(made.claims);
    return made;
  }

  /** The site ends a session by itself. */
  close(key: string, env: Env): readonly JsonObject[] {
    const row = this.row(key);
    if (!this.#role.sessions || row === undefined) throw new Error(`no session ${key}`);
    const { next, closings } = this.#role.sessions.close(row, this.#keys, env);
    this.#write(key, next);
    return closings;
  }

  stop(key: string): void {
    const row = this.row(key);
    if (this.#role.sessions && row !== undefined) this.#write(key, this.#role.sessions.stop(row));
  }

  row(key: string): Json | undefined {
    const text = this.rows.get(key);
    return text === undefined ? undefined : deepFreeze(JSON.parse(text) as Json);
  }

  view(key: string, env: Env): SessionView {
    const row = this.row(key);
    const view = row === undefined ? undefined : this.#role.sessions?.view(row, env);
    if (!view) throw new Error(`no session ${key}`);
    return view;
  }

  /** What the broker should be asked to pay. */
  due(): Map<string, Due> {
    return new Map(
      [...this.claims]
        .filter(([, { total }]) => total > 0n)
        .map(([key, { total, evidence }]) => {
          const deed = this.#deeds.get(key);
          return [key, { total, ...(evidence ? { proof: evidence.proof } : {}), ...(deed ? { deed } : {}) }];
        }),
    );
  }

  #needFree(spends: Verified['spends']): void {
    const held = spends.find(({ key }) => this.#spends.has(key));
    if (held) throw new PaymentProblem(held.code, { consumed: true });
  }

  #write(key: string, next: Json): void {
    this.rows.set(key, JSON.stringify(next));
  }

  #keep(deeds: readonly Deed[]): void {
    for (const { key, deed } of deeds) this.#deeds.set(key, deed);
  }

  #book(claims: Verified['claims']): void {
    for (const claim of claims) this.claims.set(claim.key, addClaim(this.claims.get(claim.key), claim));
  }

  #count(tallies: readonly Tally[]): void {
    const sums = tallies.map(({ key, add, limit, code }) => ({
      key,
      sum: (this.#tallies.get(key) ?? 0n) + add,
      limit,
      code,
    }));
    const over = sums.find(({ sum, limit }) => sum > limit);
    if (over) throw new PaymentProblem(over.code);
    for (const { key, sum } of sums) this.#tallies.set(key, sum);
  }

  /** A step is a pure function: it may run again and must say the same. */
  #twice<Value>(run: () => Value): Value {
    const [first, second] = [run(), run()];
    if (text(first) !== text(second)) throw new Error('a session step said something else the second time');
    return first;
  }
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member));

function deepFreeze(value: Json): Json {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
