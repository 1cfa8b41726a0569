// Law L5: nothing is in two states, and nothing is lost or made. Recomputed from the purses, beside the counters.

import type { Context } from './context.ts';
import { keys } from './documents.ts';
import { listDocs } from './transaction.ts';
import type { Conservation } from './types.ts';

/** One entry a broker: topped up + received = spent (with what was written off) + account + coins + held. */
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
    for (const { doc: purse } of purses) {
      if (purse.brk !== brk) continue;
      for (const { micro, holder } of purse.coins) {
        if (holder === undefined) coinsMicro += micro;
        else heldMicro += micro;
      }
    }
    for (const { doc: chain } of chains) {
      if (chain.brk === brk && chain.step !== 'buy') heldMicro += chain.unitMicro * BigInt(chain.count);
    }
    const { toppedUpMicro, receivedMicro, accountMicro } = money;
    const spentMicro = money.spentMicro + money.lostMicro;
    const drift = toppedUpMicro + receivedMicro - spentMicro - accountMicro - coinsMicro - heldMicro;
    const miscounted = abs(money.coinsMicro - coinsMicro) + abs(money.heldMicro - heldMicro);
    const driftMicro = drift === 0n ? miscounted : drift;
    return { brk, toppedUpMicro, receivedMicro, spentMicro, accountMicro, coinsMicro, heldMicro, driftMicro };
  });
}

const abs = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
