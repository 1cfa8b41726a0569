// kill -9 of the broker while purses withdraw, swap and pay: what was answered stays, what was not is asked again, and a
// purse is what its seed gives back.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '@farthing/protocol/testing';
import { purse } from '@farthing/protocol/wallet';
import { afterAll, expect, it } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { ledgerPath } from './start.ts';
import { Bench, Site, USD } from './testing/client.ts';
import { type CoinPayment, Holder, restoredHolder } from './testing/coins.ts';
import { Processes } from './testing/process.ts';
import { Victim } from './testing/victim.ts';

const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const PURSES = 4;
const STEPS = 25;
const KILLS = 4;
/** Answers between two kills: well below what all purses ask for. */
const EVERY = 25;
const FAUCET = 5_000_000n;

const data = mkdtempSync(join(tmpdir(), 'farthing-mint-'));
const processes = new Processes();
const bench = new Bench();
let victim: Victim | undefined;
afterAll(async () => {
  victim?.end();
  processes.kill();
  await bench[Symbol.asyncDispose]();
  rmSync(data, { recursive: true });
});

it(`withdrawals, swaps, payments, captures and voids under kill -9 of the broker (seed ${seed}): nothing is lost or made`, async () => {
  const broker = new Victim({ data, processes, bench, args: ['--ecash'], kills: KILLS, every: EVERY });
  victim = broker;
  await broker.up;
  const site = await new Site(bench).open();
  const holders = Array.from({ length: PURSES }, () => new Holder(bench));
  for (const holder of holders) {
    await holder.faucet(FAUCET);
    await holder.learn();
  }
  const sums = await Promise.all(
    holders.map((holder, n) => spend(holder, { victim: broker, site, rng: seeded(seed + n) })),
  );
  expect(broker.kills).toBe(KILLS);
  expect(broker.findings).toEqual([]);

  await broker.up;
  for (const { path, order, text } of broker.answered) expect((await bench.post(path, order)).text).toBe(text);
  let paid = 0n;
  for (const [n, holder] of holders.entries()) {
    const { withdrawn = 0n, paid: more = 0n } = sums[n] ?? {};
    paid += more;
    expect(await holder.statement()).toMatchObject({ balance: (FAUCET - withdrawn).toString() });
    expect(holder.worth, 'what was withdrawn and not paid').toBe(withdrawn - more);
    const again = await restoredHolder(bench, holder.seed);
    expect(namesOf(again)).toEqual(namesOf(holder));
  }
  expect(await site.statement({ vnd: site.vnd })).toMatchObject({ balance: paid.toString() });
  expect(auditLedger(ledgerPath(data), bench.public.root).findings).toEqual([]);
}, 120_000);

const namesOf = ({ purse: { coins } }: Holder): string[] => coins.map(({ coin: { pk } }) => pk).sort();

type World = { readonly victim: Victim; readonly site: Site; readonly rng: ReturnType<typeof seeded> };

/** One purse, one step after the other. */
async function spend(holder: Holder, { victim, site, rng }: World): Promise<{ withdrawn: bigint; paid: bigint }> {
  const sums = { withdrawn: 0n, paid: 0n };
  const anyValue = () => holder.keysets.get(rng.pick(holder.purse.coins).coin.ks)?.value ?? 0n;
  const withdraw = async () => {
    const values = [10n, 5n, 2n, 2n, 1n];
    const made = holder.draft(values);
    const { signatures } = await victim.ask('/v1/ecash/withdraw', holder.withdrawOrder(made));
    holder.finish(made.planned, signatures);
    sums.withdrawn += 20n;
  };
  const swap = async () => {
    const value = anyValue();
    const { coins } = holder.take(value, { change: false });
    const made = holder.draft(purse.handy(value, 3));
    const signed = purse.signedForSwap(coins, made.outputs, holder.mint, bench.env());
    const { signatures } = await victim.ask('/v1/ecash/swap', holder.swapOrder(signed, made));
    holder.finish(made.planned, signatures);
  };
  const pay = async () => {
    const taken = holder.take(1n);
    const payment = holder.sign(taken, site, challenge(), 1n);
    const answer = await victim.ask('/v1/ecash/deposit', depositOf(payment, false));
    holder.finish(taken.change.planned, answer['change']);
    sums.paid += 1n;
  };
  const hold = async () => {
    const price = anyValue();
    const taken = holder.take(price, { change: false });
    const id = challenge();
    await victim.ask('/v1/ecash/deposit', depositOf(holder.sign(taken, site, id, price), true));
    if (rng.chance(0.5)) {
      await victim.ask('/v1/ecash/capture', site.order('ecash-capture/1', { vnd: site.vnd, cur: USD, held: [id] }));
      sums.paid += price;
    } else {
      await victim.ask('/v1/ecash/void', site.order('ecash-void/1', { vnd: site.vnd, held: [id] }));
      holder.purse = purse.put(holder.purse, taken.coins);
    }
  };
  const depositOf = (payment: CoinPayment, held: boolean) => site.order('ecash-deposit/1', { ...payment, hold: held });
  for (let step = 0; step < STEPS; step++) {
    if (holder.worth < 25n) await withdraw();
    await rng.pick([swap, pay, hold])();
  }
  return sums;
}

const challenge = () => randomBytes(32).toString('base64url');
