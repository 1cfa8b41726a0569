// Streams over real HTTP on SQLite, with a customer who pays one unit ahead, cut at any tick by either side: what is paid
// and what came are one unit apart at most. FARTHING_SEED and FARTHING_RUNS choose other cuts.
import { setImmediate as turn } from 'node:timers/promises';
import { readPaymentMeter } from '@farthing/protocol';
import { type Rng, seeded } from '@farthing/protocol/testing';
import type { Request } from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Payer } from './testing/payer.ts';
import { type TestSite, testSite } from './testing/site.ts';

const RUNS = Number(process.env['FARTHING_RUNS'] ?? 200);
const FIRST = Number(process.env['FARTHING_SEED'] ?? 1);
const AT_ONCE = 25;
const UNITS = 12;
const PRICE = 10;

type Cut = { readonly by: 'customer' | 'site' | 'network' | 'nobody'; readonly at: number; readonly turns: number };
const cuts = new Map<string, Cut>();
let site: TestSite;
beforeAll(async () => {
  site = await testSite({ methods: ['scrip', 'payword'], log: () => {} });
  site.app.all(
    '/live',
    site.pay.stream({ price: '0.00001 USD', unit: 'second' }, async function* (req) {
      const cut = cuts.get(String(req.query['run']));
      for (let i = 1; i <= UNITS; i++) {
        if (cut?.by === 'site' && cut.at === i) throw new Error('out of tape');
        if (cut?.by === 'network' && cut.at === i) void turns(cut.turns).then(() => cutLine(req));
        yield `data: ${i}\n\n`;
      }
    }),
  );
});
afterAll(() => site.close());

/** Not once the answer is out: then the connection may be at the service of another request. */
function cutLine({ res, socket }: Request): void {
  if (!res?.writableEnded) socket.destroy();
}

async function turns(count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn();
}

const cutOf = (rng: Rng): Cut => ({
  by: rng.pick(['customer', 'site', 'network', 'nobody'] as const),
  at: 1 + rng.below(UNITS),
  turns: rng.below(30),
});

/** One customer, one stream, one cut. @returns units that came, units that were paid, units that were promised */
async function play(seed: number): Promise<{ came: number; paid: number; promised: number; cut: Cut }> {
  const rng = seeded(seed);
  const cut = cutOf(rng);
  cuts.set(String(seed), cut);
  const sale = { vnd: site.pay.vnd, n: UNITS + 2, unit: BigInt(PRICE) };
  const payer = new Payer(rng.chance(0.5) ? site.broker.payword.credit(sale) : site.broker.payword.prepaid(sale));
  const url = `${site.url}/live?run=${seed}`;
  const gone = new AbortController();
  const { answer, header, receipt } = await payer.pay(url, { signal: gone.signal }, 1);
  let came = 0;
  const watch = async () => {
    for await (const chunk of answer.body ?? []) {
      for (const _ of Buffer.from(chunk)
        .toString()
        .matchAll(/^data: \d+\n$/gm)) {
        came++;
        if (cut.by === 'customer' && cut.at === came) void turns(cut.turns).then(() => gone.abort());
        // The reply of a companion may be lost with the stream: its word stays spent, and the next goes on from there.
        if (!gone.signal.aborted) await payer.pay(url, { method: 'HEAD', signal: gone.signal }, 1).catch(() => {});
      }
    }
  };
  await watch().catch(() => {});
  gone.abort();
  const isRunning = async () => {
    const told = await fetch(url, { method: 'HEAD', headers: { authorization: header } });
    return readPaymentMeter(told.headers.get('payment-meter'))?.running;
  };
  await expect.poll(isRunning, { interval: 20, timeout: 20_000 }).toBe(false);
  const closed = await payer.send(url, { action: 'close', session: String(receipt?.details['session']) });
  const { spent, authorized } = closed.receipt?.details ?? {};
  return { came, paid: Number(spent) / PRICE, promised: Number(authorized) / PRICE, cut };
}

test(`${RUNS} streams from seed ${FIRST}, cut at any tick: what is paid and what came are one unit apart at most`, async () => {
  const ends = { customer: 0, site: 0, network: 0, nobody: 0 };
  let paidInAll = 0;
  for (let seed = FIRST; seed < FIRST + RUNS; seed += AT_ONCE) {
    const seeds = Array.from({ length: Math.min(AT_ONCE, FIRST + RUNS - seed) }, (_, i) => seed + i);
    for (const [i, { came, paid, promised, cut }] of (await Promise.all(seeds.map(play))).entries()) {
      const what = `seed ${seed + i}: ${JSON.stringify({ came, paid, promised, cut })}`;
      expect(Math.abs(paid - came), what).toBeLessThanOrEqual(1);
      expect(promised - came, what).toBeLessThanOrEqual(1);
      expect(paid, what).toBeLessThanOrEqual(promised);
      if (cut.by === 'nobody') expect([came, paid], what).toEqual([UNITS, UNITS]);
      ends[cut.by]++;
      paidInAll += paid;
    }
  }
  console.log(`seeds ${FIRST} to ${FIRST + RUNS - 1}: cut by ${JSON.stringify(ends)}, ${paidInAll} units paid`);
  expect(Math.min(...Object.values(ends))).toBeGreaterThan(0);
  await site.pay.redeemNow();
  expect([site.broker.payword.total(), site.broker.payword.alarms]).toEqual([BigInt(paidInAll * PRICE), []]);
}, 300_000);
