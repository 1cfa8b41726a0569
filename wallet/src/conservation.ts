// Law L5: nothing is in two states, and nothing is lost or made. Recomputed from the purses, beside the counters.

import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { listDocs } from './transaction.ts';
import type { Conservation } from './types.ts';

/** One entry a broker: topped up + received + lent = spent (with what was written off) + account + coins + held. */
export async function conservation(ctx: Context): Promise<Conservation[]> {
  const [counters, purses, chains, cash, jobs] = await Promise.all([
    listDocs(ctx.store, 'money', 'money/'),
    listDocs(ctx.store, 'purse', 'purse/'),
    listDocs(ctx.store, 'chain', 'chain/'),
    listDocs(ctx.store, 'coin', 'coin/'),
    listDocs(ctx.store, 'coin_job', 'coin-job/'),
  ]);
  return counters.map(({ key, doc: money }) => {
    const brk = key.slice(keys.money('').length);
    let coinsMicro = 0n;
    let heldMicro = 0n;
    let promised = 0n;
    for (const { doc: purse } of purses) {
      if (purse.brk !== brk) continue;
      promised += promisedIn(purse);
      for (const { micro, holder } of purse.coins) {
        if (holder === undefined) coinsMicro += micro;
        else heldMicro += micro;
      }
    }
    for (const { doc: chain } of chains) {
      if (chain.brk === brk && (chain.step === 'allot' || chain.step === 'undo'))
        heldMicro += chain.unitMicro * BigInt(chain.count);
    }
    const cashMicro = sumOf(cash.filter((one) => one.key.startsWith(keys.coin(brk, ''))).map(({ doc }) => doc));
    // What somebody gave us is not ours before it is here.
    heldMicro += sumOf(jobs.map(({ doc }) => doc).filter((job) => job.brk === brk && job.kind !== 'take'));
    const { toppedUpMicro, receivedMicro, accountMicro, lentMicro } = money;
    const spentMicro = money.spentMicro + money.lostMicro;
    const inMicro = toppedUpMicro + receivedMicro + lentMicro;
    const drift = inMicro - spentMicro - accountMicro - coinsMicro - cashMicro - heldMicro;
    // What was promised and is still good cannot be more than what was lent.
    const overLent = promised > lentMicro ? promised - lentMicro : 0n;
    const miscounted = [money.coinsMicro - coinsMicro, money.cashMicro - cashMicro, money.heldMicro - heldMicro].reduce(
      (sum, one) => sum + abs(one),
      overLent,
    );
    const driftMicro = drift === 0n ? miscounted : drift;
    return {
      brk,
      toppedUpMicro,
      receivedMicro,
      spentMicro,
      accountMicro,
      coinsMicro,
      cashMicro,
      heldMicro,
      lentMicro,
      driftMicro,
    };
  });
}

/** Promises on credit that can still be spent, or are set aside. */
export const promisedIn = ({ coins }: Doc<'purse'>): bigint =>
  coins.reduce((sum, { micro, credit }) => (credit ? sum + micro : sum), 0n);

const sumOf = (docs: readonly { micro: bigint }[]): bigint => docs.reduce((sum, { micro }) => sum + micro, 0n);
const abs = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
