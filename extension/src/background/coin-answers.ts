// Answers to messages about private coins. What has begun is in the wallet's storage before anything is sent: it goes on
// when the popup closes, and upkeep takes it up when the worker dies.

import type { coinMessages } from '../coin-messages.ts';
import type { Handlers, MessageName } from '../messages.ts';
import { search } from './coin-search.ts';
import { problemOf, wallet } from './engine.ts';
import { goOn } from './navigation.ts';
import { collect, pocketView } from './pocket/keeper.ts';
import { fill } from './pocket/private.ts';
import { watch } from './settling.ts';
import { publish } from './snapshot.ts';

/** Moves that have no end yet are among the newest entries of the journal. */
const NEWEST = 100;

/** Money is about to move: should this worker die, the next one wakes and goes on. */
async function moving<Result>(move: () => Promise<Result>): Promise<Result> {
  await watch();
  return move().finally(publish);
}

export const coinHandlers: Pick<Handlers, keyof typeof coinMessages & MessageName> = {
  coins: async () => {
    const engine = await wallet;
    const [coins, newest] = await Promise.all([engine.coins.list(), engine.history({ limit: NEWEST })]);
    const moving = newest.filter(
      ({ method, site, state }) => method === 'ecash' && site === undefined && state === 'pending',
    );
    return { coins, moving };
  },
  withdraw: async ({ amountMicro }) => moving(async () => (await wallet).coins.withdraw({ amountMicro })),
  deposit: async ({ amountMicro }) => moving(async () => (await wallet).coins.deposit({ amountMicro })),
  give: async ({ amountMicro, memo, request }) =>
    moving(async () => {
      const line = memo === undefined ? {} : { memo };
      const answers = request === undefined ? {} : { request };
      return (await wallet).coins.give({ amountMicro, ...line, ...answers });
    }),
  request: async ({ amountMicro, memo }) =>
    (await wallet).coins.request({ amountMicro, ...(memo === undefined ? {} : { memo }) }),
  requests: async () => (await wallet).coins.requests(),
  readRequest: async ({ text }) => (await wallet).coins.readRequest(text),
  gifts: async (options) => (await wallet).coins.gifts(options),
  take: async ({ text }) => moving(async () => (await wallet).coins.take(text)),
  takeBack: async ({ id }) => moving(async () => (await wallet).coins.takeBack(id)),
  phrase: async () => (await wallet).phrase(),
  restore: async ({ phrase, brokerUrl }) =>
    search('restore', async (engine, onProgress) => engine.restore({ phrase, brokerUrl, onProgress })),
  fillPocket: async ({ amountMicro, tabId }) => {
    await moving(() => fill(amountMicro));
    void goOn(tabId).catch(problemOf);
    return undefined;
  },
  pocket: () => pocketView(),
  collectPocket: async () => {
    await moving(collect);
    return undefined;
  },
  checkCoins: async () => search('check', async (engine, onProgress) => engine.coins.check({ onProgress })),
};
