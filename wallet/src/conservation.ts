// Law L5: nothing is in two states, and nothing is lost or made. Recomputed from the purses, beside the counters.

import type { Context } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { listDocs } from './transaction.ts';
import type { Conservation } from './types.ts';

/** One entry a broker: topped up + received + lent = spent (with what was written off) + account + coins + held. */
export async function conservation(ctx: Context): Promise<Conservation[]> {
  const [counters, purses, chains] = await Promise.all([
    listDocs(ctx.store, 'money', 'money/'),
    listDocs(ctx.store, 'purse', 'purse/'),
    listDocs(ctx.store, 'chain', 'chain/'),
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
    const { toppedUpMicro, receivedMicro, accountMicro, lentMicro } = money;
    const spentMicro = money.spentMicro + money.lostMicro;
    const drift = toppedUpMicro + receivedMicro + lentMicro - spentMicro - accountMicro - coinsMicro - heldMicro;
    // What was promised and is still good cannot be more than what was lent.
    const overLent = promised > lentMicro ? promised - lentMicro : 0n;
    const miscounted = abs(money.coinsMicro - coinsMicro) + abs(money.heldMicro - heldMicro) + overLent;
    const driftMicro = drift === 0n ? miscounted : drift;
    return {
      brk,
      toppedUpMicro,
      receivedMicro,
      spentMicro,
      accountMicro,
      coinsMicro,
      heldMicro,
      lentMicro,
      driftMicro,
    };
  });
}

/** Promises on credit that can still be spent, or are set aside. */
export const promisedIn = ({ coins }: Doc<'purse'>): bigint =>
  coins.reduce((sum, { micro, credit }) => (credit ? sum + micro : sum), 0n);

const abs = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
