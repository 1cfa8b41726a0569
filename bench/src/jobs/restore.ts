// A wallet with a thousand coins that comes back from its words: every keyset looked through, each coin unblinded, checked and
// asked after, and all of it on disk. Beside it what it took to withdraw them.
import type { Wallet } from '@farthing/wallet';
import { openWallet } from '@farthing/wallet/node';
import { type Context, startBroker } from '../harness/context.ts';
import { type Row, row } from '../harness/rows.ts';
import { compare, type Pair } from '../harness/stats.ts';

const NAME = 'wallet/restore/ecash';
const COINS = 1000;
/** Of one withdrawal: some dozen coins of many values. */
const AMOUNT_MICRO = 1_234_567n;

export async function restoreJob(context: Context): Promise<Row[]> {
  if (!context.wants(NAME)) return [];
  context.say(`${NAME}…`);
  const { child, url } = await startBroker(context.folder(), { everyCoin: true });
  try {
    await keysMade(url);
    const pairs: Pair[] = [];
    for (let n = 0; n < (context.quick ? 1 : 3); n++) pairs.push(await there(context, url));
    return [row(NAME, `s, ${COINS} coins from the words`, compare(pairs))];
  } finally {
    await child.end();
  }
}

/** `free`: withdrawing, `gated`: restoring; in seconds. */
async function there(context: Context, brokerUrl: string): Promise<Pair> {
  const { phrase, seconds: free } = await withWallet(context, async (wallet) => {
    await wallet.init({ brokerUrl });
    await wallet.topUp({ amountMicro: AMOUNT_MICRO * BigInt(COINS) });
    const { seconds } = await timed(async () => {
      while ((await countOf(wallet)) < COINS) await wallet.coins.withdraw({ amountMicro: AMOUNT_MICRO });
    });
    return { phrase: (await wallet.phrase()).phrase, seconds };
  });
  return withWallet(context, async (wallet) => {
    const { seconds: gated, result } = await timed(() => wallet.restore({ phrase, brokerUrl }));
    if (result.coins < COINS || result.spent > 0) throw new Error(`${result.coins} of ${COINS} coins came back`);
    return { free, gated };
  });
}

async function withWallet<Result>(context: Context, use: (wallet: Wallet) => Promise<Result>): Promise<Result> {
  const { wallet, close } = await openWallet(context.folder());
  try {
    return await use(wallet);
  } finally {
    close();
  }
}

async function timed<Result>(run: () => Promise<Result>): Promise<{ result: Result; seconds: number }> {
  const startMs = performance.now();
  const result = await run();
  return { result, seconds: (performance.now() - startMs) / 1000 };
}

async function countOf(wallet: Wallet): Promise<number> {
  return (await wallet.coins.each()).length;
}

/** A new mint answers 503 until its keys are made. */
async function keysMade(url: string): Promise<void> {
  for (;;) {
    const { status } = await fetch(`${url}/v1/ecash/keysets`);
    if (status === 200) return;
    if (status !== 503) throw new Error(`the mint answered ${status}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}
