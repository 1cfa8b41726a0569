// The one suite that every payment method passes. Framework-free: a list of named checks that throw when they fail.
import {
  type Applied,
  applied,
  type Challenge,
  type Env,
  type Json,
  type JsonObject,
  limits,
  makeChallenge,
  PaymentProblem,
  printCredential,
  printReceipt,
  type Receipt,
  readRequest,
  type Verified,
} from '../index.ts';
import { type Check, CURRENCY, type FixtureWorld, intentOf, type MethodFixture, price } from './fixture.ts';
import { seeded, seededEnv } from './random.ts';
import { sessionChecks } from './session-checks.ts';
import { VendorInMemory } from './vendor-in-memory.ts';

const NOW = 1_790_000_000_000;
const SECRET = new Uint8Array(32).map((_, i) => i);

export function conformanceChecks<Keys, Piece>(fixture: MethodFixture<Keys, Piece>, seed: number): Check[] {
  const { vendor, wallet } = fixture;
  const rng = seeded(seed);
  const env = seededEnv(rng, NOW);
  const funds = 2n * limits.amountMax;

  type Scene = { world: FixtureWorld<Keys, Piece>; keys: Keys; vnd: string; piece: Piece; value: bigint };
  const scene = (value: bigint): Scene => {
    const world = fixture.world({ vendors: 2, buyers: ['alice'], funds, env });
    const { keys, vnd } = at(world.vendors, 0);
    return { world, keys, vnd, piece: world.broker.buy('alice', vnd, value, env), value };
  };
  const challengeFor = ({ keys, vnd }: Scene, amount: bigint, target = 'GET /a'): Challenge => {
    const methodDetails = vendor.details(keys, price(amount), env);
    if (!methodDetails) throw new Error('the vendor offers nothing');
    return makeChallenge(
      {
        realm: vnd,
        method: vendor.method,
        intent: intentOf(vendor),
        request: { amount, currency: CURRENCY, recipient: vnd, methodDetails },
        expiresAtMs: NOW + limits.challengeLifeMs,
        scope: { s: target, n: String(rng.below(2 ** 31)) },
      },
      [SECRET],
      env.crypto,
    );
  };
  const payFor = (scene: Scene, amount: bigint) => {
    const challenge = challengeFor(scene, amount);
    const request = readRequest(challenge);
    if (!request || !wallet.understand(request)) throw new Error('the wallet does not understand the offer');
    const input = { challenge, request, target: 'GET /a', digest: '' };
    return { ...input, payload: wallet.pay(scene.piece, input, env), price: price(amount) };
  };
  /** As at a vendor that has seen nothing yet. */
  const verify = (payment: ReturnType<typeof payFor>, keys: Keys, now: Env = env): Verified & Applied => {
    const verified = vendor.verify(payment, keys, { ...now, serial: BigInt(rng.below(2 ** 31)) });
    return { ...verified, ...applied(verified, undefined) };
  };
  const receiptOf = (payment: ReturnType<typeof payFor>, { reference, details }: Applied): Receipt => ({
    status: 'success',
    method: vendor.method,
    timestamp: '2026-11-23T12:00:00Z',
    reference,
    challengeId: payment.challenge.id,
    details,
  });
  const worthOf = (pieces: readonly Piece[]) => pieces.reduce((sum, piece) => sum + wallet.value(piece, NOW), 0n);

  const amounts: readonly (readonly [string, bigint, bigint])[] = [
    ['one base unit of one', 1n, 1n],
    ['one base unit of many', 10_000n, 1n],
    ['all of it', 10_000n, 10_000n],
    ['an amount beyond 2^53', 9_007_199_254_740_995n, 9_007_199_254_740_993n],
    ['the largest amount', limits.amountMax, limits.amountMax],
  ];
  const checks: Check[] = amounts.map(([name, value, amount]) => ({
    name: `paying ${name} is accepted, claims exactly the price and gives exactly the rest back`,
    run() {
      const here = scene(value);
      const payment = payFor(here, amount);
      const verified = verify(payment, here.keys);
      const claimed = verified.claims.reduce((sum, { add }) => sum + add, 0n);
      same(claimed, amount, 'claimed');
      same(
        worthOf(wallet.accept(here.piece, { ...payment, receipt: receiptOf(payment, verified) }, env)),
        value - amount,
        'change',
      );
      if (verified.spends.length === 0 && !vendor.sessions?.identify(payment.payload, env)) {
        throw new Error('nothing was consumed');
      }
      const header = printCredential({ challenge: payment.challenge, payload: payment.payload });
      if (header.length > limits.credentialBytes + 8) throw new Error(`the credential has ${header.length} bytes`);
      if (printReceipt(receiptOf(payment, verified)).length > limits.receiptBytes)
        throw new Error('the receipt is too long');
    },
  }));

  const refusals: Check[] = [
    {
      name: 'the same credential is a repeat with the same receipt; the same piece pays nothing else',
      run() {
        const here = scene(10_000n);
        const store = new VendorInMemory(vendor, here.keys);
        const payment = payFor(here, 10n);
        const first = store.receive(payment, env);
        const again = store.receive(payment, env);
        same(again.again, true, 'repeat');
        same(again.receipt, first.receipt, 'receipt');
        for (const amount of [10n, 20n]) refused(() => store.receive(payFor(here, amount), env));
        same(claimed(store), 10n, 'claimed');
      },
    },
    {
      name: 'C13: after a handler that failed the same credential pays again, once',
      run() {
        const here = scene(10_000n);
        const store = new VendorInMemory(vendor, here.keys);
        const payment = payFor(here, 10n);
        for (let failures = 0; failures < 3; failures++) {
          store.release(store.receive(payment, env).id);
          same(claimed(store), 0n, 'claimed');
        }
        same(store.receive(payment, env).again, false, 'repeat');
        same(store.receive(payment, env).again, true, 'repeat');
        same(claimed(store), 10n, 'claimed');
      },
    },
    {
      name: 'a payment that is one base unit short says how much is missing',
      run() {
        const here = scene(9n);
        const problem = refused(() => verify(payFor(here, 10n), here.keys), ['amount-short', 'session-short']);
        same(problem.extra.members?.['shortBy'], '1', 'shortBy');
      },
    },
    {
      name: fixture.unbound
        ? 'B10: a payload that was consumed is refused for another request, challenge or body'
        : 'B10: a payload made for another request, challenge or body is refused',
      run() {
        const here = scene(10_000n);
        const payment = payFor(here, 10n);
        const store = new VendorInMemory(vendor, here.keys);
        if (fixture.unbound) store.receive(payment, env);
        const consumed = claimed(store);
        refused(() => store.receive({ ...payment, target: 'GET /b' }, env));
        refused(() => store.receive({ ...payment, target: 'HEAD /a' }, env));
        refused(() => store.receive({ ...payment, digest: 'sha-256=:AA==:' }, env));
        refused(() => store.receive({ ...payment, challenge: challengeFor(here, 10n) }, env));
        same(claimed(store), consumed, 'claimed');
      },
    },
    {
      name: 'money of one site is refused at another',
      run() {
        const here = scene(10_000n);
        refused(() => verify(payFor(here, 10n), at(here.world.vendors, 1).keys));
      },
    },
    {
      name: 'money in another currency is refused',
      run() {
        const here = scene(10_000n);
        refused(() => verify({ ...payFor(here, 10n), price: { amount: 10n, currency: 'eur-micro' } }, here.keys));
      },
    },
    {
      name: 'expired money is refused, and the wallet counts it as nothing',
      run() {
        const here = scene(10_000n);
        const late = wallet.expiresAtMs(here.piece) + limits.clockSkewMs + 1000;
        same(wallet.value(here.piece, late), 0n, 'value');
        refused(() => verify(payFor(here, 10n), here.keys, { ...env, nowMs: late }));
      },
    },
    {
      name: 'S4: every mutated member of the payload is refused with a problem, never a crash',
      run() {
        const here = scene(10_000n);
        const payment = payFor(here, 10n);
        for (const mutated of mutations(payment.payload))
          refused(() => verify({ ...payment, payload: mutated as JsonObject }, here.keys));
      },
    },
    {
      name: 'payloads that are no payload are refused with payload-invalid',
      run() {
        const here = scene(10n);
        const payment = payFor(here, 10n);
        for (const junk of [{}, { scrip: null }, { __proto__: null, constructor: 1 }, { x: 'y'.repeat(5000) }]) {
          refused(() => verify({ ...payment, payload: junk as JsonObject }, here.keys), ['payload-invalid']);
        }
      },
    },
    {
      name: 'B21: a receipt that gives less, more, or other change than is due is not accepted',
      run() {
        const here = scene(10_000n);
        const payment = payFor(here, 10n);
        const honest = receiptOf(payment, verify(payment, here.keys));
        for (const details of [{}, ...mutations(honest.details)]) {
          refused(
            () =>
              wallet.accept(here.piece, { ...payment, receipt: { ...honest, details: details as JsonObject } }, env),
            ['receipt-invalid'],
          );
        }
      },
    },
    {
      name: 'the wallet picks money of this site and currency only, and none that does not cover the price',
      run() {
        const here = scene(10n);
        const { request } = payFor(here, 10n);
        const elsewhere = here.world.broker.buy('alice', at(here.world.vendors, 1).vnd, 10_000n, env);
        if (wallet.pick([elsewhere], { request }, NOW)) throw new Error('picked money of another site');
        if (wallet.pick([here.piece], { request: { ...request, amount: 11n } }, NOW))
          throw new Error('picked too little');
        if (wallet.pick([here.piece], { request: { ...request, currency: 'eur-micro' } }, NOW))
          throw new Error('picked another currency');
        if (wallet.pick([elsewhere, here.piece], { request }, NOW) !== here.piece)
          throw new Error('did not pick the one that fits');
      },
    },
    {
      name: 'offers with foreign or broken details are not understood',
      run() {
        const here = scene(10n);
        const { request } = payFor(here, 10n);
        for (const methodDetails of [
          {},
          { ...request.methodDetails, api: '//evil.example' },
          { ...request.methodDetails, brokers: [] },
        ]) {
          if (wallet.understand({ ...request, methodDetails }))
            throw new Error(`understood ${JSON.stringify(methodDetails)}`);
        }
      },
    },
  ];
  return [...checks, ...refusals, ...(vendor.sessions ? sessionChecks(fixture, seed) : [])];
}

/** One change at a time: each leaf altered, each member removed, one added. Members whose change is harmless are the method's own. */
function mutations(value: Json): Json[] {
  if (typeof value === 'string') return [`${value}x`, '', flip(value), `0${value}`];
  if (typeof value === 'number') return [value + 1, value - 1, value + 0.5, -value - 2, 2 ** 53];
  if (typeof value === 'boolean') return [!value, 1, 'true'];
  if (value === null || Array.isArray(value)) return [0];
  const object = value as JsonObject;
  const out: Json[] = [];
  for (const [name, member] of Object.entries(object)) {
    for (const changed of mutations(member)) out.push({ ...object, [name]: changed });
    const { [name]: _, ...rest } = object;
    out.push(rest);
  }
  return out;
}

/** Another letter of the same alphabet in the middle of the text. */
function flip(text: string): string {
  const middle = text.length >> 1;
  const letter = text.charAt(middle);
  return text.slice(0, middle) + (letter === 'A' ? 'B' : 'A') + text.slice(middle + 1);
}

function refused(run: () => unknown, codes?: readonly string[]): PaymentProblem {
  try {
    run();
  } catch (error) {
    if (!(error instanceof PaymentProblem)) throw error;
    if (codes && !codes.includes(error.code)) throw new Error(`expected ${codes.join(' or ')}, got ${error.message}`);
    return error;
  }
  throw new Error('expected a refusal');
}

const claimed = <Keys>(store: VendorInMemory<Keys>): bigint =>
  [...store.claims.values()].reduce((sum, { total }) => sum + total, 0n);

function same(got: unknown, expected: unknown, what: string): void {
  if (got !== expected) throw new Error(`${what}: expected ${String(expected)}, got ${String(got)}`);
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
}
