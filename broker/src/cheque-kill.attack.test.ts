// kill -9 of the broker while customers pay by cheque in every way: what was answered stays and is answered again to the byte,
// what was not is asked again, and each payment has one outcome.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { objectHash } from '@farthing/protocol';
import { chequeCaptureResult } from '@farthing/protocol/broker';
import { seeded } from '@farthing/protocol/testing';
import * as v from 'valibot';
import { afterAll, expect, it } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { ledgerPath } from './start.ts';
import * as cheques from './testing/cheques.ts';
import { Bench, Person, Site } from './testing/client.ts';
import { Processes } from './testing/process.ts';
import { Victim } from './testing/victim.ts';

const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const CUSTOMERS = 4;
const STEPS = 25;
const KILLS = 4;
const EVERY = 30;
const FAUCET = 5_000_000n;
const LIMIT = 1_000_000n;

const data = mkdtempSync(join(tmpdir(), 'farthing-cheques-'));
const processes = new Processes();
const bench = new Bench();
let victim: Victim | undefined;
afterAll(async () => {
  victim?.end();
  processes.kill();
  await bench[Symbol.asyncDispose]();
  rmSync(data, { recursive: true });
});

it(`captures, holds, batches, authorisations and refunds under kill -9 of the broker (seed ${seed}): nothing is lost or made`, async () => {
  const broker = new Victim({ data, processes, bench, args: [], kills: KILLS, every: EVERY });
  victim = broker;
  await broker.up;
  const sites = await Promise.all(
    Array.from({ length: CUSTOMERS }, (_, n) => new Site(bench, `site${n}.example`).open()),
  );
  const customers = sites.map(() => new Person(bench));
  for (const customer of customers) await customer.faucet(FAUCET);
  const sums = await Promise.all(
    sites.map((site, n) => buy({ broker, site, customer: customers[n] ?? new Person(bench), rng: seeded(seed + n) })),
  );
  expect(broker.kills).toBe(KILLS);
  expect(broker.findings).toEqual([]);

  await broker.up;
  for (const { path, order, text } of broker.answered) expect((await bench.post(path, order)).text).toBe(text);
  for (const [n, site] of sites.entries()) {
    const { paid = 0n, aside = 0n } = sums[n] ?? {};
    expect(await customers[n]?.statement()).toMatchObject({ balance: (FAUCET - paid - aside).toString() });
    expect(await site.statement({ vnd: site.vnd })).toMatchObject({ balance: paid.toString() });
  }
  expect(auditLedger(ledgerPath(data), bench.public.root).findings).toEqual([]);
}, 120_000);

type World = { broker: Victim; site: Site; customer: Person; rng: ReturnType<typeof seeded> };

/** One customer at one site, one step after the other. `aside`: kept for what may still be served. */
async function buy({ broker, site, customer, rng }: World): Promise<{ paid: bigint; aside: bigint }> {
  const daySeed = rng.bytes(32);
  const day = new Person(bench, daySeed);
  const wish = { vnd: site.vnd, limit: LIMIT, perDay: 3n * LIMIT, pk: day.pk };
  const { certs } = await broker.ask('/v1/cheque/certs', cheques.certsOrder(customer, [wish]));
  const [cert] = certs as unknown as cheques.Book['cert'][];
  if (!cert) throw new Error('no certificate');
  const book = { cert, seed: daySeed };
  const sums = { paid: 0n, aside: LIMIT };
  let spent = 0n;
  let prev = '';
  const present = async (amount: bigint, hold: boolean) => {
    const cheque = cheques.write(site, book, amount);
    const answer = await broker.ask('/v1/cheque/capture', cheques.captureOrder(site, cheque, book, { hold }));
    expect(v.parse(chequeCaptureResult, answer).receipt.result).toBe(hold ? 'held' : 'paid');
    return cheque;
  };
  const pay = async () => {
    const amount = BigInt(1 + rng.below(1000));
    const cheque = await present(amount, false);
    sums.paid += amount;
    if (!rng.chance(0.3)) return;
    await broker.ask('/v1/cheque/refund', cheques.refundOrder(site, cheque, amount));
    sums.paid -= amount;
  };
  const hold = async () => {
    const amount = BigInt(1 + rng.below(1000));
    const { epoid } = await present(amount, true);
    const isPaid = rng.chance(0.5);
    await broker.ask('/v1/cheque/settle', cheques.settleOrder(site, isPaid ? { capture: [epoid] } : { void: [epoid] }));
    if (isPaid) sums.paid += amount;
  };
  const serve = async () => {
    const amounts = Array.from({ length: 1 + rng.below(4) }, () => BigInt(1 + rng.below(1000)));
    const served = amounts.map((amount) => {
      return { cheque: cheques.write(site, book, amount, { capture: 'aggregated' }), book };
    });
    const order = cheques.chequesOrder(site, served, prev);
    await broker.ask('/v1/cheque/redeem', order);
    prev = objectHash(order, bench.env().crypto);
    for (const amount of amounts) {
      sums.paid += amount;
      sums.aside -= amount;
      spent += amount;
    }
  };
  const raise = async () => {
    const { limit } = await broker.ask('/v1/cheque/authorize', cheques.authorizeOrder(site, book, spent, LIMIT));
    sums.aside = BigInt(String(limit)) - spent;
  };
  for (let step = 0; step < STEPS; step++) await rng.pick([pay, hold, serve, raise])();
  return sums;
}
