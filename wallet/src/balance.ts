// What is there: at brokers, in purses, as coins, and set aside.
import { type Context, emptyMoney, toBrokerInfo } from './context.ts';
import { type Doc, keys } from './documents.ts';
import { refreshAccount } from './statement.ts';
import { sweepExpired } from './sweep.ts';
import { listDocs, readOne } from './transaction.ts';
import type { Balance, BrokerBalance, BrokerInfo } from './types.ts';
import { recover } from './upkeep.ts';
import { worldsFault } from './world.ts';

export async function balance(ctx: Context, refresh: boolean): Promise<Balance> {
  ctx.needAccount();
  if (refresh) {
    await recover(ctx);
    for (const brk of ctx.brokers.keys()) await refreshAccount(ctx, brk).catch(worldsFault);
  }
  await sweepExpired(ctx);
  const purses = (await listDocs(ctx.store, 'purse', 'purse/')).map(({ doc }) => doc);
  const brokers = await Promise.all(
    [...ctx.brokers].map(async ([brk, broker]) => {
      const money = (await readOne(ctx.store, 'money', keys.money(brk))) ?? emptyMoney(broker.currency);
      return {
        ...toBrokerInfo(broker),
        ...shownOf(
          money,
          purses.filter((purse) => purse.brk === brk),
        ),
      };
    }),
  );
  const totalMicro = brokers.reduce(
    (sum, one) => sum + one.accountMicro + one.coinsMicro + one.cashMicro + one.heldMicro - one.owedMicro,
    0n,
  );
  return { totalMicro, currency: ctx.currency ?? 'usd-micro', brokers };
}

/** Promises are no money of ours, and what was spent of them is owed, billed or not. */
function shownOf(money: Doc<'money'>, purses: readonly Doc<'purse'>[]): Omit<BrokerBalance, keyof BrokerInfo> {
  const { currency, accountMicro, coinsMicro, cashMicro, heldMicro, lentMicro, dueAtMs, lineMicro } = money;
  const coins = purses.flatMap((purse) => purse.coins).filter(({ credit }) => credit === true);
  const free = coins.filter(({ holder }) => holder === undefined).reduce((sum, { micro }) => sum + micro, 0n);
  const held = coins.reduce((sum, { micro }) => sum + micro, 0n) - free;
  return {
    currency,
    accountMicro: accountMicro > 0n ? accountMicro : 0n,
    coinsMicro: coinsMicro - free,
    cashMicro,
    heldMicro: heldMicro - held,
    owedMicro: lentMicro - free - held - (accountMicro < 0n ? accountMicro : 0n),
    ...(dueAtMs === undefined ? {} : { dueAtMs }),
    ...(lineMicro === undefined ? {} : { lineMicro }),
  };
}
