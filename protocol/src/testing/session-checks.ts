// What every method with sessions must do, whatever its instruments: the second half of the conformance suite.
import { type Env, limits, type ProblemCode, readReceipt } from '../index.ts';
import type { Check, MethodFixture } from './fixture.ts';
import { seeded, seededEnv } from './random.ts';
import { NOW, refused, Scene, same, UNIT } from './session-scene.ts';
import { VendorInMemory } from './vendor-in-memory.ts';

export function sessionChecks<Keys, Piece>(fixture: MethodFixture<Keys, Piece>, seed: number): Check[] {
  const env = seededEnv(seeded(seed), NOW);
  const stage = { fixture, env, scene: (value = 1000n) => new Scene(fixture, value, env) };
  return [...payments(stage), ...streams(stage), ...endings(stage)];
}

type Stage<Keys, Piece> = {
  readonly fixture: MethodFixture<Keys, Piece>;
  readonly env: Env;
  /** With a piece of this value. */
  readonly scene: (value?: bigint) => Scene<Keys, Piece>;
};

const payments = <Keys, Piece>({ fixture, env, scene }: Stage<Keys, Piece>): Check[] => [
  {
    name: 'many payments answer one challenge: each is claimed once, and after the first none carries the opening',
    run() {
      const here = scene();
      const [opening = {}, next = {}] = Array.from({ length: 10 }, () => here.pay());
      same(here.claimed(), 10n * UNIT, 'claimed');
      same(here.store.rows.size, 1, 'sessions');
      if (here.credentialBytes(opening) > limits.credentialBytes) throw new Error('the opening is too long');
      if (JSON.stringify(next).length * 2 > JSON.stringify(opening).length) throw new Error('openings go on');
    },
  },
  {
    name: 'the row is compact JSON and the wallet accepts each receipt',
    run() {
      const here = scene();
      for (let i = 0; i < 20; i++) here.pay();
      for (const row of here.store.rows.values()) {
        if (row.length > 1024) throw new Error(`a row of ${row.length} bytes`);
      }
      same(here.view().spent, 20n * UNIT, 'spent');
    },
  },
  {
    name: 'requests of one session overtake each other: all are served, each once, and the sum is the same',
    run() {
      const here = scene();
      here.pay();
      const sent = Array.from({ length: 8 }, () => here.send());
      for (const payload of [...sent].reverse()) same(here.receive(payload).again, false, 'repeat');
      for (const payload of sent) same(here.receive(payload).again, true, 'repeat');
      same(here.claimed(), 9n * UNIT, 'claimed');
    },
  },
  {
    name: 'a lost opening or receipt loses nothing: the same credential again, or the next one with its opening',
    run() {
      const here = scene();
      const lost = here.send();
      const next = here.send();
      same(here.receive(next).again, false, 'repeat');
      same(here.receive(lost).again, false, 'repeat');
      same(here.receive(lost).again, true, 'repeat');
      same(here.claimed(), 2n * UNIT, 'claimed');
      same(here.store.rows.size, 1, 'sessions');
    },
  },
  {
    name: 'C4: an opening that is sent again starts nothing anew',
    run() {
      const here = scene();
      const opening = here.pay();
      here.pay();
      const elsewhere = { ...here.arrival(opening), target: 'GET /other' };
      refused(() => here.store.receive(elsewhere, env));
      refused(() => here.store.receive({ ...elsewhere, challenge: here.challenge('GET /other') }, env));
      same(here.view().spent, 2n * UNIT, 'spent');
    },
  },
  {
    name: 'C13: after a failed handler the money is good again, once, also behind later payments',
    run() {
      const here = scene();
      here.pay();
      const payload = here.send();
      const { id } = here.receive(payload);
      here.pay();
      here.store.release(id);
      same(here.claimed(), 2n * UNIT, 'claimed');
      same(here.receive(payload).again, false, 'repeat');
      same(here.receive(payload).again, true, 'repeat');
      same(here.claimed(), 3n * UNIT, 'claimed');
    },
  },
  {
    name: 'a payment that its session does not cover is refused, and costs nothing',
    run() {
      const here = scene();
      here.pay();
      const payload = here.send();
      const price = { ...here.price, units: 50 };
      const problem = refused(() => here.store.receive({ ...here.arrival(payload), price }, env));
      if (problem.extra.members?.['shortBy'] === undefined) throw new Error('no shortBy');
      same(here.claimed(), UNIT, 'claimed');
      same(here.receive(payload).again, false, 'repeat');
    },
  },
  {
    name: 'a session that the site does not know is gone: 410',
    run() {
      const here = scene();
      here.pay();
      const payload = here.send();
      const other = new VendorInMemory(fixture.vendor, here.keys);
      const problem = refused(() => other.receive(here.arrival(payload), env));
      same(problem.status, 410, 'status');
    },
  },
];

const streams = <Keys, Piece>({ env, scene }: Stage<Keys, Piece>): Check[] => [
  {
    name: 'a stream delivers what was paid ahead and not one unit more, then says what it needs',
    run() {
      const here = scene();
      here.pay(0, 0);
      here.pay(0, 5);
      const before = here.view();
      const ahead = before.authorized - before.spent;
      const got = here.meter(1_000_000);
      same(BigInt(got.units) * UNIT <= ahead, true, 'within authority');
      same(ahead - BigInt(got.units) * UNIT < UNIT, true, 'all whole units');
      const dry = here.meter(1);
      same(dry.units, 0, 'units');
      if (!dry.need) throw new Error('the stream does not say what it needs');
      here.pay(0, 1);
      same(here.meter(2).units, 1, 'units after one more');
      same(here.view().spent, BigInt(got.units + 1) * UNIT, 'spent');
    },
  },
  {
    name: 'only what left is claimed; what a stream took and did not deliver is free again when it ends',
    run() {
      const here = scene();
      here.pay(0, 10);
      here.meter(4);
      same(here.claimed(), 0n, 'claimed before it left');
      here.meter(4, { id: 'a', done: 4 });
      same(here.claimed(), 4n * UNIT, 'claimed');
      here.store.leave(here.key(), { id: 'a', done: 1 }, env);
      same(here.claimed(), 5n * UNIT, 'claimed in the end');
      same(here.view().spent, 5n * UNIT, 'spent');
      here.store.leave(here.key(), { id: 'a', done: 1 }, env);
      same(here.claimed(), 5n * UNIT, 'claimed by an end that is told twice');
    },
  },
  {
    name: 'a stream that is not heard of is gone: what it took is free again, and nothing of it is claimed',
    run() {
      const here = scene();
      here.pay(0, 4);
      here.meter(3);
      const inTime = { ...env, nowMs: NOW + limits.streamLeaseMs };
      same(here.view(inTime).running, true, 'running');
      same(here.meter(4, { id: 'b', done: 0 }, inTime).units, 1, 'units while it may be running');
      const later = { ...env, nowMs: inTime.nowMs + 1 };
      same(here.view(later).spent, UNIT, 'spent once it is gone');
      same(here.meter(4, { id: 'b', done: 1 }, later).units, 3, 'units after it is gone');
      here.store.leave(here.key(), { id: 'a', done: 3 }, later);
      here.store.leave(here.key(), { id: 'b', done: 3 }, later);
      same(here.claimed(), 4n * UNIT, 'claimed');
      same(here.view(later).running, false, 'running');
    },
  },
  {
    name: 'a session has so many streams and no more, and its row stays small',
    run() {
      const here = scene();
      here.pay(0, 100);
      const ids = Array.from({ length: limits.sessionStreams }, (_, i) => `stream-${i}`);
      for (const id of ids) here.meter(9, { id, done: 0 });
      refused(() => here.meter(9, { id: 'one more', done: 0 }));
      for (const row of here.store.rows.values()) {
        if (row.length > 1024) throw new Error(`a row of ${row.length} bytes`);
      }
      same(here.view().spent, BigInt(9 * ids.length) * UNIT, 'spent');
    },
  },
  {
    name: 'a stream that ends after the close, or after the broker stopped it, is paid for what it delivered',
    run() {
      for (const end of ['close', 'stop'] as const) {
        const here = scene();
        here.pay(0, 4);
        here.meter(3);
        if (end === 'close') here.receive(here.sessions.close(here.piece));
        else here.store.stop(here.key());
        refused(() => here.meter(1, { id: 'a', done: 2 }));
        here.store.leave(here.key(), { id: 'a', done: 2 }, env);
        same(here.claimed(), 2n * UNIT, `claimed after ${end}`);
      }
    },
  },
];

/** Closing, running out, topping up, and what the broker makes of it. */
const endings = <Keys, Piece>({ fixture, env, scene }: Stage<Keys, Piece>): Check[] => [
  {
    name: 'C7: nothing is charged after the close, which tells what was spent; a repeat gets the same closings',
    run() {
      const here = scene();
      here.pay();
      const inFlight = here.send();
      const closing = here.sessions.close(here.piece);
      const first = here.receive(closing);
      same(here.receive(closing).receipt, first.receipt, 'receipt');
      same(refused(() => here.receive(inFlight)).status, 410, 'status');
      refused(() => here.meter(1));
      same(here.view().final, true, 'final');
      same(here.claimed(), UNIT, 'claimed');
      same(readReceipt(first.receipt)?.details['final'], true, 'final in the receipt');
    },
  },
  {
    name: 'an idle session is over, and can still be closed',
    run() {
      const here = scene();
      here.pay();
      const later = { ...env, nowMs: here.view().idleAtMs + 1 };
      const payload = here.send();
      same(refused(() => here.store.receive(here.arrival(payload), later)).status, 410, 'status');
      here.store.receive(here.arrival(here.sessions.close(here.piece)), later);
      same(here.view().final, true, 'final');
    },
  },
  {
    name: 'a session that the broker stopped takes nothing more',
    run() {
      const here = scene();
      here.pay();
      here.store.stop(here.key());
      same(refused(() => here.receive(here.send())).code, 'limit-reached' satisfies ProblemCode, 'code');
      refused(() => here.meter(1));
    },
  },
  {
    name: 'a top-up goes on in the same session, and its money is claimed under its own name',
    run() {
      const here = scene(20n);
      here.pay();
      here.pay();
      refused(() => here.pay());
      here.topUp(30n);
      for (let i = 0; i < 3; i++) here.pay();
      refused(() => here.pay());
      same(here.store.rows.size, 1, 'sessions');
      same(here.claimed(), 50n, 'claimed');
      same(here.store.claims.size, 2, 'claims');
    },
  },
  {
    name: 'money that tops up one session opens no other, and tops up no other',
    run() {
      const here = scene(20n);
      here.pay();
      const fresh = here.topUp(30n);
      here.pay();
      const input = { challenge: here.challenge(), request: here.request, target: 'GET /a', digest: '' };
      const opening = fixture.wallet.pay(fresh, input, env);
      refused(() => here.store.receive(here.arrival(opening), env));
    },
  },
  {
    name: 'the broker pays each unit once, however often and early it is claimed',
    run() {
      const here = scene();
      for (let i = 0; i < 5; i++) {
        here.pay();
        here.redeem();
        here.redeem();
      }
      same(here.world.broker.balance(here.vnd), 5n * UNIT, 'paid');
      here.world.broker.checkLaws();
    },
  },
  {
    name: 'L3: what a closed session did not spend comes back: credits + refund = price',
    run() {
      const here = scene(1000n);
      const before = here.world.broker.balance('alice') + 1000n;
      for (let i = 0; i < 7; i++) here.pay();
      here.redeem();
      const { receipt } = here.receive(here.sessions.close(here.piece));
      const closings = readReceipt(receipt)?.details['closings'];
      for (let i = 0; i < 2; i++) here.world.broker.cash('alice', { closings }, env);
      same(here.world.broker.balance('alice'), before - 7n * UNIT, 'balance');
      same(here.world.broker.balance(here.vnd), 7n * UNIT, 'paid');
      here.world.broker.checkLaws();
    },
  },
];
