// Wallets, vendors and a broker over a network that loses, repeats and reorders messages, and parties that crash.
// One plain loop, driven by a seed: because roles are pure, every run can be repeated to the letter.
import {
  type Challenge,
  type Env,
  limits,
  makeChallenge,
  PaymentProblem,
  type PaymentRequest,
  printCredential,
  readCredential,
  readReceipt,
  readRequest,
} from '../index.ts';
import { CURRENCY, type FixtureWorld, intentOf, type MethodFixture, price } from './fixture.ts';
import { type Rng, seeded, seededEnv } from './random.ts';
import { VendorInMemory } from './vendor-in-memory.ts';

export type SimulationOptions = { seed: number; wallets: number; vendors: number; steps: number; loss: number };
export type SimulationReport = {
  payments: number;
  delivered: number;
  repeats: number;
  lost: number;
  crashes: number;
  refunds: number;
};

type Pending<Piece> = {
  challenge: Challenge;
  request: PaymentRequest;
  header: string;
  target: string;
  piece: Piece;
  vendor: number;
};
type Customer<Piece> = {
  name: string;
  free: Piece[];
  held: Map<string, Pending<Piece>>;
  bought: bigint;
  spent: bigint;
  returned: bigint;
};
type Vendor<Keys> = {
  vnd: string;
  keys: Keys;
  store: VendorInMemory<Keys>;
  deliveries: Map<string, number>;
  earned: bigint;
};
type Message =
  | { to: 'vendor'; vendor: number; from: number; header: string; target: string }
  | { to: 'wallet'; wallet: number; receipt: string };

const SECRET = new Uint8Array(32).fill(5);
const FUNDS = 1_000_000n;

/** @throws {Error} when a law breaks; the message carries the seed and the step. */
export function simulate<Keys, Piece>(
  fixture: MethodFixture<Keys, Piece>,
  options: SimulationOptions,
): SimulationReport {
  const simulation = new Simulation(fixture, options);
  try {
    return simulation.run();
  } catch (error) {
    throw new Error(`seed ${options.seed}, step ${simulation.step}: ${(error as Error).message}`, { cause: error });
  }
}

class Simulation<Keys, Piece> {
  step = 0;
  readonly #fixture: MethodFixture<Keys, Piece>;
  readonly #options: SimulationOptions;
  readonly #rng: Rng;
  readonly #world: FixtureWorld<Keys, Piece>;
  readonly #vendors: Vendor<Keys>[];
  readonly #customers: Customer<Piece>[];
  readonly #report: SimulationReport = { payments: 0, delivered: 0, repeats: 0, lost: 0, crashes: 0, refunds: 0 };
  #network: Message[] = [];
  #nowMs = 1_790_000_000_000;
  #lossy = true;

  constructor(fixture: MethodFixture<Keys, Piece>, options: SimulationOptions) {
    this.#fixture = fixture;
    this.#options = options;
    this.#rng = seeded(options.seed);
    const buyers = Array.from({ length: options.wallets }, (_, i) => `customer${i}`);
    this.#world = fixture.world({ vendors: options.vendors, buyers, funds: FUNDS, env: this.#env() });
    this.#vendors = this.#world.vendors.map(({ vnd, keys }) => ({
      vnd,
      keys,
      store: new VendorInMemory(fixture.vendor, keys),
      deliveries: new Map(),
      earned: 0n,
    }));
    this.#customers = buyers.map((name) => ({ name, free: [], held: new Map(), bought: 0n, spent: 0n, returned: 0n }));
  }

  run(): SimulationReport {
    for (this.step = 0; this.step < this.#options.steps; this.step++) {
      this.#nowMs += this.#rng.below(2000);
      this.#event();
      if (this.step % 16 === 0) this.#checkLaws();
    }
    this.#settleDown();
    return this.#report;
  }

  #env(): Env {
    return seededEnv(this.#rng, this.#nowMs);
  }

  #event(): void {
    const dice = this.#rng.below(100);
    const wallet = this.#rng.below(this.#customers.length);
    if (dice < 35) this.#startPayment(wallet);
    else if (dice < 80) this.#deliverOne();
    else if (dice < 88) this.#presentAgain(wallet);
    else if (dice < 94) this.#redeem(this.#rng.below(this.#vendors.length));
    else if (dice < 97) this.#giveBack(wallet);
    else this.#crash();
  }

  #startPayment(wallet: number): void {
    const customer = at(this.#customers, wallet);
    const vendor = this.#rng.below(this.#vendors.length);
    const { vnd, keys } = at(this.#vendors, vendor);
    const amount = BigInt(1 + this.#rng.below(500));
    const env = this.#env();
    const methodDetails = this.#fixture.vendor.details(keys, price(amount), env);
    if (!methodDetails) throw new Error(`${vnd} offers nothing`);
    const target = `GET /page/${this.#rng.below(1000)}`;
    const challenge = makeChallenge(
      {
        realm: vnd,
        method: this.#fixture.vendor.method,
        intent: intentOf(this.#fixture.vendor),
        request: { amount, currency: CURRENCY, recipient: vnd, methodDetails },
        expiresAtMs: this.#nowMs + limits.challengeLifeMs,
        scope: { s: 'GET /page/:n', n: `${this.step}` },
      },
      [SECRET],
      env.crypto,
    );
    const request = readRequest(challenge);
    if (!request) throw new Error('unreadable challenge');
    const piece =
      this.#fixture.wallet.pick(customer.free, { request }, this.#nowMs) ?? this.#buy(customer, vnd, amount);
    if (!piece) return;
    customer.free = customer.free.filter((other) => other !== piece);
    const payload = this.#fixture.wallet.pay(piece, { challenge, request, target, digest: '' }, env);
    const header = printCredential({ challenge, payload });
    customer.held.set(challenge.id, { challenge, request, header, target, piece, vendor });
    this.#report.payments++;
    this.#send({ to: 'vendor', vendor, from: wallet, header, target });
  }

  #buy(customer: Customer<Piece>, vnd: string, amount: bigint): Piece | undefined {
    const value = amount * BigInt(1 + this.#rng.below(10));
    if (this.#world.broker.balance(customer.name) < value) return undefined;
    customer.bought += value;
    return this.#world.broker.buy(customer.name, vnd, value, this.#env());
  }

  #send(message: Message): void {
    if (this.#lossy && this.#rng.chance(this.#options.loss)) this.#report.lost++;
    else this.#network.push(message);
    if (this.#lossy && this.#rng.chance(this.#options.loss)) this.#network.push(message);
  }

  #deliverOne(): void {
    if (this.#network.length === 0) return;
    const index = this.#rng.below(this.#network.length);
    const message = at(this.#network, index);
    this.#network.splice(index, 1);
    if (message.to === 'vendor') this.#atVendor(message);
    else this.#atWallet(message.wallet, message.receipt);
  }

  /** Reserve → deliver → commit in one step: here the store is memory, and a crash keeps it. */
  #atVendor({ vendor, from, header, target }: Message & { to: 'vendor' }): void {
    const here = at(this.#vendors, vendor);
    const credential = readCredential([header]);
    const request = credential && readRequest(credential.challenge);
    if (!credential || !request) throw new Error('unreadable credential');
    try {
      const arrival = { ...credential, price: price(request.amount), target, digest: '' };
      const { id, receipt, again } = here.store.receive(arrival, this.#env());
      if (again) this.#report.repeats++;
      else {
        here.deliveries.set(id, (here.deliveries.get(id) ?? 0) + 1);
        here.earned += request.amount;
        this.#report.delivered++;
      }
      this.#send({ to: 'wallet', wallet: from, receipt });
    } catch (error) {
      if (error instanceof PaymentProblem) throw new Error(`an honest payment was refused: ${error.message}`);
      throw error;
    }
  }

  #atWallet(wallet: number, text: string): void {
    const customer = at(this.#customers, wallet);
    const receipt = readReceipt(text);
    const pending = receipt && customer.held.get(receipt.challengeId);
    if (!receipt || !pending) return; // a repeat of a receipt that was taken before
    const { challenge, request, target, piece } = pending;
    const change = this.#fixture.wallet.accept(piece, { challenge, request, target, digest: '', receipt }, this.#env());
    customer.held.delete(receipt.challengeId);
    customer.free.push(...change);
    customer.spent += request.amount;
  }

  #presentAgain(wallet: number): void {
    for (const { vendor, header, target } of at(this.#customers, wallet).held.values()) {
      this.#send({ to: 'vendor', vendor, from: wallet, header, target });
    }
  }

  #redeem(vendor: number): void {
    const { vnd, store } = at(this.#vendors, vendor);
    for (let times = this.#rng.below(3); times > 0; times--) this.#world.broker.redeem(vnd, store.due(), this.#env());
  }

  #giveBack(wallet: number): void {
    const customer = at(this.#customers, wallet);
    const { release } = this.#world;
    const service = release && this.#fixture.vendor.services[release.service];
    if (!release || !service || customer.free.length === 0) return;
    const piece = this.#rng.pick(customer.free);
    const env = this.#env();
    for (const here of this.#vendors) {
      try {
        const { answer, spends } = service(release.body(piece, customer.name, env), here.keys, env);
        here.store.spend(spends);
        const value = this.#fixture.wallet.value(piece, this.#nowMs);
        customer.free = customer.free.filter((other) => other !== piece);
        customer.returned += value;
        for (let times = 1 + this.#rng.below(2); times > 0; times--)
          this.#world.broker.cash(customer.name, answer, env);
        this.#report.refunds++;
        return;
      } catch (error) {
        if (!(error instanceof PaymentProblem)) throw error; // another vendor's piece
      }
    }
  }

  /** All that is in flight is gone; what was stored stays. */
  #crash(): void {
    this.#report.crashes++;
    this.#network = [];
  }

  #settleDown(): void {
    this.#lossy = false;
    this.#network = [];
    for (const [wallet] of this.#customers.entries()) this.#presentAgain(wallet);
    while (this.#network.length > 0) this.#deliverOne();
    for (const vendor of this.#vendors.keys()) {
      this.#redeem(vendor);
      const { vnd, store } = at(this.#vendors, vendor);
      this.#world.broker.redeem(vnd, store.due(), this.#env());
    }
    this.#checkLaws();
    for (const { vnd, earned } of this.#vendors) same(this.#world.broker.balance(vnd), earned, `${vnd} was paid`);
    for (const { held, name } of this.#customers) same(held.size, 0, `${name} has payments in flight`);
  }

  #checkLaws(): void {
    this.#world.broker.checkLaws();
    for (const { deliveries } of this.#vendors) {
      for (const [id, times] of deliveries) same(times, 1, `deliveries of ${id}`);
    }
    for (const { name, bought, spent, returned, free, held } of this.#customers) {
      const value = (piece: Piece) => this.#fixture.wallet.value(piece, this.#nowMs);
      const inHand = free.reduce((sum, piece) => sum + value(piece), 0n);
      const inFlight = [...held.values()].reduce((sum, { piece }) => sum + value(piece), 0n);
      same(bought, spent + returned + inHand + inFlight, `L5 of ${name}`);
    }
  }
}

function same(got: unknown, expected: unknown, what: string): void {
  if (got !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(got)}`);
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
