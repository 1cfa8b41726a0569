// The life of one order: known answer, else age, signature, and one durable transaction that consumes the order, moves
// the money and stores order and answer together. Nothing leaves before it is on disk.
import { faultOf, type Logger } from '@farthing/node-kit';
import type { Trail } from '@farthing/node-kit/telemetry';
import {
  type Env,
  type Json,
  limits,
  type Order,
  PaymentProblem,
  type ProblemCode,
  printAnswer,
  textsOf,
  utf8,
} from '@farthing/protocol';
import type { Bookkeeper } from './books/port.ts';
import type { OrderRoute, Prepared } from './http/route.ts';
import type { Keys } from './keys.ts';
import { KeysetOverdrawn } from './ledger/ecash.ts';
import type { Party } from './ledger/invoices.ts';
import { type Ledger, openLedger } from './ledger/ledger.ts';
import type { SiteParty } from './ledger/notes.ts';
import type { OrderText } from './ledger/orders.ts';
import { Readiness } from './readiness.ts';
import { FaucetMeter } from './services/faucet-meter.ts';
import { closePeriods, periodStartMs } from './services/invoices.ts';
import { KeyWishes } from './services/key-wishes.ts';
import { addKeysets, due, makeKeys, stop } from './services/keysets.ts';
import { licenseOwnScrip } from './services/licences.ts';
import { closeNotes } from './services/notes.ts';
import { PeerDesk } from './services/peer-desk.ts';
import { replayed } from './services/replayed.ts';
import type { Settings } from './services/settings.ts';
import { isGenuine } from './services/signatures.ts';
import type { Body, Step } from './services/step.ts';
import { sweepCerts, sweepChains, sweepCheques, sweepHolds, sweepPeerHolds, sweepResidue } from './services/sweep.ts';
import { Vouching } from './services/vouching.ts';

export type ServiceParts = {
  keeper: Bookkeeper;
  keys: Keys;
  settings: Settings;
  /** By `typ`: how to finish orders that wait for another broker. */
  routes: ReadonlyMap<string, OrderRoute>;
  env: () => Env;
  log: Logger;
};

/** Refusals that time or an operator mends: the same order may be sent again. All others stay. */
const PASSING: ReadonlySet<ProblemCode> = new Set([
  'faucet-limit',
  'rate-limit',
  'unavailable',
  'keyset-stopped',
  'peer-limit',
]);

/** Bodies that are read at once: each may take as long as a slow line takes. */
const BODIES = 8;

/** `body`: what came with an order besides. `trail`: follows it. */
type Given = { readonly body?: Body; readonly trail?: Trail | undefined };

type Running = { readonly step: Step; readonly run: Prepared['run']; readonly foresee?: Prepared['foresee'] };

export class BrokerService {
  readonly keys: Keys;
  readonly settings: Settings;
  readonly ledger: Ledger;
  /** Where people without a wallet pay; known once the broker listens. */
  payUrl: string | undefined;
  readonly #env: () => Env;
  readonly readiness: Readiness;
  readonly #log: Logger;
  readonly #keeper: Bookkeeper;
  readonly #faucet: FaucetMeter;
  readonly #keyWishes = new KeyWishes(() => void this.mint());
  readonly #stop = new AbortController();
  readonly #routes: ReadonlyMap<string, OrderRoute>;
  readonly #peers: PeerDesk;
  readonly #vouching: Vouching;
  /** Whose bodies are being read: one at a time of each. */
  readonly #bodies = new Set<string>();
  #making: Promise<void> = Promise.resolve();
  /** The start of the newest period before which all was invoiced. */
  #closedMs = 0;

  constructor({ keeper, keys, settings, routes, env, log }: ServiceParts) {
    this.keys = keys;
    this.settings = settings;
    this.ledger = openLedger(keeper.books, { crypto: env().crypto, seed: keys.seed });
    this.#env = env;
    this.#log = log;
    this.#keeper = keeper;
    this.#faucet = new FaucetMeter(settings.faucetMicro);
    this.#routes = routes;
    this.#peers = new PeerDesk({
      read: (look) => this.read(look),
      write: (work) => this.write(work),
      step: () => this.step(),
      resume: (order) => this.#resume(order),
    });
    this.#vouching = new Vouching(this.#peers);
    this.readiness = new Readiness(() => keeper.run(() => true));
  }

  /** The world of one moment; its ledger may be asked inside of an operation alone. */
  step(): Step {
    const { ledger, keys, settings } = this;
    return {
      ledger,
      keys,
      settings,
      faucet: this.#faucet,
      keyWishes: this.#keyWishes,
      env: this.#env(),
      log: this.#log,
    };
  }

  /** Licences of our own, and money that nobody can claim any more. Called at start and hourly; not while a law is broken. */
  async maintain(): Promise<void> {
    if (!this.readiness.isLawful()) return;
    await this.write((step) => {
      licenseOwnScrip(step);
      step.ledger.credit.setTerms({ feeBps: this.settings.paywordFeeBps, pollMicro: this.settings.pollMicro });
      step.ledger.orders.forgetRefusals(step.env.nowMs);
    });
    while (await this.write(sweepResidue));
    while (await this.write(sweepChains));
    while (await this.write(sweepHolds));
    await this.write(sweepPeerHolds);
    while (await this.write(sweepCheques));
    while (await this.write(sweepCerts));
    await this.#closePeriods();
  }

  /** Makes the keysets that are due, if this broker makes coins; one round after the other. */
  mint(): Promise<void> {
    this.#making = this.#making
      .then(() => this.#makeKeysets())
      .catch((error: unknown) => {
        this.ledger.ecash.forget();
        this.#log.error({ fault: faultOf(error) }, 'keys of coins could not be made');
      });
    return this.#making;
  }

  async #makeKeysets(): Promise<void> {
    const { ecash } = this.settings;
    if (!ecash) return;
    const wishes = this.#keyWishes.take();
    const wanted = await this.read(({ ledger, env }) => due(ecash, wishes, { ledger, nowMs: env.nowMs }));
    const { signal } = this.#stop;
    const made = await makeKeys(wanted.length, signal);
    if (signal.aborted) return;
    await this.write((step) => addKeysets(wanted, made, step, ecash.epochDays));
  }

  /** Once a period: whatever is billed after that waits for the next one. */
  async #closePeriods(): Promise<void> {
    const beforeMs = periodStartMs(this.settings.invoicePeriod, this.#env().nowMs);
    if (beforeMs <= this.#closedMs) return;
    let last: Party | undefined;
    do last = await this.write((step) => closePeriods(step, { beforeMs, last }));
    while (last);
    let site: SiteParty | undefined;
    do site = await this.write((step) => closeNotes(step, { beforeMs, last: site }));
    while (site);
    this.#closedMs = beforeMs;
  }

  /**
   * Answers one order with canonical JSON of a signed answer.
   * @throws {PaymentProblem} why it was refused; nothing was changed then
   */
  async answer(route: OrderRoute, json: Json, { body, trail }: Given = {}): Promise<string> {
    trail?.step('check');
    const prepared = route.prepare(json);
    const order = json as Order; // every order schema has the members of `Order`
    const text = this.#textOf(order);
    const isStale = Math.abs(this.#env().nowMs - order.at * 1000) > limits.requestAgeMs;
    const isLawful = this.readiness.isLawful();
    // What is decided at once finds its twin in the transaction.
    if (route.stored && (isStale || prepared.ahead || !isLawful)) {
      const known = await this.#known(order, text);
      if (known !== undefined) return known;
      // Books that do not add up are only read until somebody has looked at them.
      if (!isLawful) throw new PaymentProblem('unavailable', { retryAfter: 30 });
    }
    if (isStale) throw route.stored ? await this.#gone(order) : new PaymentProblem('request-stale');
    if (!(await isGenuine(text.signed, { key: order.from, sig: order.sig }))) {
      throw new PaymentProblem('signature-invalid');
    }
    if (!route.stored) return this.read((step) => this.#signed(order, text, { step, run: prepared.run }));
    const more = { ...prepared, trail };
    if (!body) return this.#decide(order, text, more);
    if (this.#bodies.has(order.from) || this.#bodies.size >= BODIES) {
      throw new PaymentProblem('rate-limit', { retryAfter: 5 });
    }
    this.#bodies.add(order.from);
    try {
      return await this.#decide(order, text, { ...more, body });
    } finally {
      this.#bodies.delete(order.from);
    }
  }

  async #decide(
    order: Order,
    text: OrderText,
    { ahead, foresee, run, body, trail }: Prepared & Given,
  ): Promise<string> {
    const more = body ? { body } : {};
    const { ledger: _, ...step } = this.step();
    const read = <T>(look: (step: Step) => T) => this.read(look);
    if (ahead) trail?.step('ahead');
    const done = await ahead?.({ ...step, read, order, signed: text.signed, peers: this.#peers, ...more });
    trail?.step('commit');
    const outcome = await this.write((now) =>
      this.#execute(order, text, { step: now, foresee, run: done ? (at) => run({ ...at, ahead: done }) : run }),
    );
    if (outcome instanceof PaymentProblem) throw outcome;
    return outcome;
  }

  /** An order that was checked, and waits for another broker; however old it is by now. */
  async #resume(order: Order): Promise<string> {
    const route = this.#routes.get(order.typ);
    if (!route) throw new Error(`an order of typ ${order.typ} waits for another broker`);
    const text = this.#textOf(order);
    return (await this.#known(order, text)) ?? this.#decide(order, text, route.prepare(order));
  }

  #known(order: Order, text: OrderText): Promise<string | undefined> {
    return this.read(({ ledger }) => ledger.orders.find(order, text));
  }

  /** An order that is too old, and has no answer here: nothing was done; or nobody knows, because its time is archived. */
  async #gone({ at }: Order): Promise<PaymentProblem> {
    const untilMs = await this.read(({ ledger }) => ledger.archived.last()?.untilMs ?? 0);
    const isArchived = at * 1000 < untilMs + limits.requestAgeMs;
    return isArchived
      ? new PaymentProblem('order-archived', { consumed: 'unknown' })
      : new PaymentProblem('request-stale');
  }

  /** What is committed. */
  read<T>(look: (step: Step) => T): Promise<T> {
    return this.#keeper.read(this.#operation(look));
  }

  /** One durable transaction. */
  write<T>(work: (step: Step) => T): Promise<T> {
    return this.#keeper.run(this.#operation(work));
  }

  /** Of one moment, however often it is decided. */
  #operation<T>(decide: (step: Step) => T): () => T {
    const step = this.step();
    const { env, again } = replayed(step.env);
    return () => {
      again();
      return decide({ ...step, env });
    };
  }

  get peers(): PeerDesk {
    return this.#peers;
  }

  get vouching(): Vouching {
    return this.#vouching;
  }

  /** Keysets that would have redeemed more than they issued. */
  stopped(): Promise<string[]> {
    return this.read(({ ledger }) => [...(ledger.ecash.mintKeys().stopped ?? [])]);
  }

  /** Lets what waits finish. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#keeper.close();
  }

  #textOf(order: Order): OrderText {
    const { body, signed } = textsOf(order);
    return { body, signed, hash: this.#env().crypto.sha256(utf8(body)) };
  }

  #signed(order: Order, { signed }: OrderText, { step, run }: Running): string {
    const { brk, seed } = this.keys;
    const result = run({ ...step, order, signed });
    this.#keeper.books.certain();
    return printAnswer(order, result, { brk, seed }, step.env);
  }

  /** Inside the transaction. A refusal undoes what the service wrote, and is itself written down. */
  #execute(order: Order, text: OrderText, { step, foresee, run }: Running): string | PaymentProblem {
    const { ledger } = step;
    const { orders } = ledger;
    ledger.foresee(() => {
      orders.foresee(order);
      foresee?.(ledger);
    });
    const twin = orders.find(order, text);
    if (twin !== undefined) return twin;
    try {
      return this.#keeper.apart(() => {
        const answer = this.#signed(order, text, { step, run });
        orders.add(order, text, answer);
        return answer;
      });
    } catch (error) {
      ledger.ecash.forget();
      if (!(error instanceof PaymentProblem)) throw error;
      if (error instanceof KeysetOverdrawn) stop(error.ks, step);
      if (!PASSING.has(error.code)) {
        orders.refuse(order, text, { problem: error, untilMs: order.at * 1000 + 2 * limits.requestAgeMs });
      }
      return error;
    }
  }
}
