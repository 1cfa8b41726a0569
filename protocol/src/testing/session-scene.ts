// One session between a customer and a vendor, to be driven by the conformance suite.
import {
  type Challenge,
  type Env,
  type JsonObject,
  makeChallenge,
  PaymentProblem,
  type PaymentRequest,
  printCredential,
  type Receipt,
  readReceipt,
  readRequest,
  type StreamProgress,
} from '../index.ts';
import { CURRENCY, type FixtureWorld, type MethodFixture } from './fixture.ts';
import { VendorInMemory } from './vendor-in-memory.ts';

export const NOW = 1_790_000_000_000;
const SECRET = new Uint8Array(32).fill(9);
export const UNIT = 10n;

/** One vendor, one customer with one piece, and the session between them. */
export class Scene<Keys, Piece> {
  readonly world: FixtureWorld<Keys, Piece>;
  readonly keys: Keys;
  readonly vnd: string;
  readonly store: VendorInMemory<Keys>;
  readonly price = { amount: UNIT, currency: CURRENCY } as const;
  piece: Piece;
  readonly #fixture: MethodFixture<Keys, Piece>;
  readonly #env: Env;
  #challenge: Challenge;

  constructor(fixture: MethodFixture<Keys, Piece>, value: bigint, env: Env) {
    this.#fixture = fixture;
    this.#env = env;
    this.world = fixture.world({ vendors: 2, buyers: ['alice'], funds: 1_000_000n, env });
    const [first] = this.world.vendors;
    if (!first) throw new Error('no vendor');
    this.keys = first.keys;
    this.vnd = first.vnd;
    this.store = new VendorInMemory(fixture.vendor, first.keys);
    this.piece = this.world.broker.buy('alice', first.vnd, value, env);
    this.#challenge = this.challenge();
  }

  get sessions() {
    const { sessions } = this.#fixture.wallet;
    if (!sessions) throw new Error('no sessions');
    return sessions;
  }

  get request(): PaymentRequest {
    const request = readRequest(this.#challenge);
    if (!request || !this.#fixture.wallet.understand(request)) throw new Error('the offer is not understood');
    return request;
  }

  challenge(scope = 'GET /a', units = 1): Challenge {
    const methodDetails = this.#fixture.vendor.details(this.keys, { ...this.price, units }, this.#env);
    if (!methodDetails) throw new Error('the vendor offers nothing');
    const request = { ...this.price, recipient: this.vnd, unitType: 'second', methodDetails };
    return makeChallenge(
      {
        realm: this.vnd,
        method: this.#fixture.vendor.method,
        intent: 'session',
        request,
        expiresAtMs: NOW + 86_400_000,
        scope: { s: scope, n: 'n' },
      },
      [SECRET],
      this.#env.crypto,
    );
  }

  /** The wallet's half: the next payload, with the piece moved on before it is sent. */
  send(units?: number): JsonObject {
    const input = this.#input(units);
    const payload = this.#fixture.wallet.pay(this.piece, input, this.#env);
    this.piece = this.sessions.advance(this.piece, input);
    return payload;
  }

  arrival(payload: JsonObject, units = 1) {
    const price = { ...this.price, units };
    return { challenge: this.#challenge, payload, price, target: 'GET /a', digest: '' };
  }

  receive(payload: JsonObject, units = 1) {
    return this.store.receive(this.arrival(payload, units), this.#env);
  }

  /** Pays and takes the receipt. `units` is the route's price, `ahead` what the wallet pays instead. */
  pay(units = 1, ahead?: number): JsonObject {
    const before = this.piece;
    this.#challenge = this.challenge('GET /a', units);
    const payload = this.send(ahead);
    const receipt = readReceipt(this.receive(payload, units).receipt);
    if (!receipt) throw new Error('no receipt');
    this.#accept(before, receipt, ahead);
    this.piece = this.sessions.confirm(this.piece);
    return payload;
  }

  #accept(before: Piece, receipt: Receipt, units: number | undefined): void {
    this.#fixture.wallet.accept(before, { ...this.#input(units), receipt }, this.#env);
  }

  #input(units: number | undefined) {
    const { request } = this;
    return {
      challenge: this.#challenge,
      request,
      target: 'GET /a',
      digest: '',
      ...(units === undefined ? {} : { units }),
    };
  }

  /** @returns the fresh piece, as it was before it joined */
  topUp(value: bigint): Piece {
    const fresh = this.world.broker.buy('alice', this.vnd, value, this.#env);
    this.piece = this.sessions.join(fresh, this.piece);
    return fresh;
  }

  key(): string {
    const [key] = this.store.rows.keys();
    if (key === undefined) throw new Error('no session');
    return key;
  }

  view(env = this.#env) {
    return this.store.view(this.key(), env);
  }

  meter(units: number, stream: StreamProgress = { id: 'a', done: 0 }, env = this.#env) {
    return this.store.meter(this.key(), { price: this.price, units, stream }, env);
  }

  redeem(): void {
    this.world.broker.redeem(this.vnd, this.store.due(), this.#env);
  }

  claimed(): bigint {
    return [...this.store.claims.values()].reduce((sum, { total }) => sum + total, 0n);
  }

  credentialBytes(payload: JsonObject): number {
    return printCredential({ challenge: this.#challenge, payload }).length;
  }
}

/** @throws {Error} it was not refused */
export function refused(run: () => unknown): PaymentProblem {
  try {
    run();
  } catch (error) {
    if (error instanceof PaymentProblem) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

/** @throws {Error} it is another */
export function same(got: unknown, expected: unknown, what: string): void {
  if (got !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(got)}`);
}
