// Streams over a network that loses, repeats and reorders, with a wallet and a vendor that die at any tick. The wallet pays
// one unit at a time and only when the last one came; the vendor delivers only what was paid.
//
//   |paid − delivered| ≤ 1 unit at every step, and delivered ≤ paid always
import {
  limits,
  makeChallenge,
  PaymentProblem,
  type Price,
  printCredential,
  readCredential,
  readReceipt,
  readRequest,
} from '../index.ts';
import { CURRENCY, type MethodFixture } from './fixture.ts';
import { type Rng, seeded, seededEnv } from './random.ts';
import { VendorInMemory } from './vendor-in-memory.ts';

export type StreamOptions = { seed: number; units: number; loss: number };
export type StreamReport = { delivered: number; paid: number; lost: number; repeats: number; crashes: number };

const SECRET = new Uint8Array(32).fill(5);
const UNIT = 3n;
const TARGET = 'GET /stream';
const START = 1_790_000_000_000;

/** @throws {Error} when a law breaks; the message carries the seed */
export function simulateStream<Keys, Piece>(fixture: MethodFixture<Keys, Piece>, options: StreamOptions): StreamReport {
  try {
    return run(fixture, options, seeded(options.seed));
  } catch (error) {
    throw new Error(`seed ${options.seed}: ${(error as Error).message}`, { cause: error });
  }
}

function run<Keys, Piece>(fixture: MethodFixture<Keys, Piece>, options: StreamOptions, rng: Rng): StreamReport {
  const report: StreamReport = { delivered: 0, paid: 0, lost: 0, repeats: 0, crashes: 0 };
  const env = seededEnv(rng, START);
  const { units, loss } = options;
  const world = fixture.world({ vendors: 2, buyers: ['alice'], funds: 1_000_000n, env });
  const [{ keys, vnd } = fault('no vendor')] = world.vendors;
  const { sessions } = fixture.wallet;
  if (!sessions) throw new Error('no sessions');
  const store = new VendorInMemory(fixture.vendor, keys);
  const price: Price = { amount: UNIT, currency: CURRENCY, units: 0 };
  const methodDetails = fixture.vendor.details(keys, price, env) ?? fault('the vendor offers nothing');
  const challenge = makeChallenge(
    {
      realm: vnd,
      method: fixture.vendor.method,
      intent: 'session',
      request: { amount: UNIT, currency: CURRENCY, recipient: vnd, unitType: 'second', methodDetails },
      expiresAtMs: START + 86_400_000,
      scope: { s: TARGET, n: 'n' },
    },
    [SECRET],
    env.crypto,
  );
  const request = readRequest(challenge) ?? fault('unreadable');
  const input = { challenge, request, target: TARGET, digest: '', units: 1 };

  /** What the wallet's disk holds: the piece after the last payload, that payload, and the piece that made it. */
  const first = world.broker.buy('alice', vnd, UNIT * BigInt(units), env);
  let disk = { piece: first, held: undefined as { header: string; from: Piece } | undefined };
  let received = 0;
  /** Units that the stream has delivered and not yet told its row. */
  let done = 0;
  const cut = rng.below(units + 1);
  const fair = () => BigInt(report.paid - report.delivered);
  const isLost = () => {
    const lost = rng.chance(loss);
    if (lost) report.lost++;
    return lost;
  };

  for (let step = 0; received < cut && step < units * 50; step++) {
    // A unit that was paid is delivered when the vendor is back; the wallet waits for it before it pays the next.
    if (report.delivered < report.paid) {
      deliver();
      if (!disk.held) received = report.delivered;
      continue;
    }
    // The wallet wants one unit more than it has; a payload that may be under way is sent again before another is made.
    if (!disk.held) {
      const header = printCredential({ challenge, payload: fixture.wallet.pay(disk.piece, input, env) });
      disk = { piece: sessions.advance(disk.piece, input), held: { header, from: disk.piece } };
    }
    if (rng.chance(0.05)) {
      report.crashes++;
      disk = JSON.parse(JSON.stringify(disk)) as typeof disk;
      continue;
    }
    const { held } = disk;
    if (!held || isLost()) continue;
    const credential = readCredential([held.header]) ?? fault('unreadable');
    const { id, receipt, again } = store.receive({ ...credential, price, target: TARGET, digest: '' }, env);
    if (again) report.repeats++;
    else report.paid++;
    // The vendor may die between the receipt and the unit.
    if (rng.chance(0.05)) report.crashes++;
    else deliver();
    if (fair() < 0n || fair() > 1n) throw new Error(`paid ${report.paid}, delivered ${report.delivered} at ${id}`);
    if (isLost()) continue;
    const told = readReceipt(receipt) ?? fault('unreadable');
    fixture.wallet.accept(held.from, { ...input, receipt: told }, env);
    disk = { piece: sessions.confirm(disk.piece), held: undefined };
    received = report.delivered;
  }
  settle();
  return report;

  function deliver(): void {
    const [key = fault('no session')] = store.rows.keys();
    const { units } = store.meter(key, { price, units: limits.sessionUnits, stream: { id: 'a', done } }, env);
    report.delivered += units;
    done = units;
  }

  /** The end, where it was cut: in order, before what was taken last was handed over, or by the death of the vendor. */
  function settle(): void {
    const [key] = store.rows.keys();
    if (key === undefined) return;
    const end = rng.pick(['in order', 'cut', 'died'] as const);
    if (end === 'cut') {
      store.meter(key, { price, units: limits.sessionUnits, stream: { id: 'a', done } }, env);
      done = 0;
    }
    if (end !== 'died') store.leave(key, { id: 'a', done }, env);
    const later = { ...env, nowMs: env.nowMs + (end === 'died' ? limits.streamLeaseMs + 1 : 0) };
    const { receipt } = store.receive(
      { challenge, payload: sessions?.close(disk.piece) ?? {}, price, target: TARGET, digest: '' },
      later,
    );
    const told = readReceipt(receipt)?.details ?? fault('unreadable');
    // What a dead vendor delivered last it never told anybody: that is its own loss.
    const units = report.delivered - (end === 'died' ? done : 0);
    if (report.delivered - units > 1) throw new Error('a death cost more than one unit');
    const spent = BigInt(units) * UNIT;
    if (told['spent'] !== `${spent}`) throw new Error(`${end}: spent ${told['spent']}, delivered ${report.delivered}`);
    world.broker.redeem(vnd, store.due(), later);
    if (world.broker.balance(vnd) !== spent) throw new Error('the vendor was not paid what it delivered');
    world.broker.cash('alice', { closings: told['closings'] }, later);
    if (world.broker.balance('alice') + spent !== 1_000_000n) throw new Error('credits + refund ≠ price');
    world.broker.checkLaws();
    try {
      store.meter(key, { price, units: 1, stream: { id: 'b', done: 0 } }, later);
    } catch (error) {
      if (error instanceof PaymentProblem) return;
      throw error;
    }
    throw new Error('delivered after the close');
  }
}

function fault(message: string): never {
  throw new Error(message);
}
