// The other side of private windows: gives their pocket what it asks for, and takes back what is left when they are closed.
// Nobody tells this worker that they are; it sees that their worker shows itself no more.
import { PaymentProblem } from '@farthing/protocol';
import type { GiftInfo, Wallet } from '@farthing/wallet';
import { browser } from '../../browser.ts';
import type { PocketView } from '../../coin-messages.ts';
import { forgetPrivate } from '../../session-area.ts';
import { clearArea, isEmptyArea } from '../area-store.ts';
import { openPocket, problemOf, wallet } from '../engine.ts';
import { oneAtATime, turns } from '../one-at-a-time.ts';
import { publish } from '../snapshot.ts';
import { forget, mail, onMail, POCKET, shared, write } from './mail.ts';

export const KEEPER_ALARM = 'keeper';
const SOON_MINUTES = 1;
const LATER_MINUTES = 360;
/** The private worker shows itself every minute. */
const SILENT_MS = 150_000;
const WISH_MS = 600_000;
/** In the line that goes with a gift; screens say it in words. */
export const POCKET_MEMO = 'pocket ';
const BACK_MEMO = `${POCKET_MEMO}back`;
/** Coins of one gift: fewer than an order takes. */
const MOST_COINS = 40;

/** In the worker's first turn. */
export function beginKeeping(): void {
  onMail('wish', () => void inTurn(serve).catch(problemOf));
  onMail('alive', () => void lookEvery(SOON_MINUTES));
  void inTurn(serve).catch(problemOf);
  void isEmptyArea(shared, POCKET).then((empty) => (empty ? undefined : lookEvery(SOON_MINUTES)));
}

const lookEvery = (periodInMinutes: number): Promise<void> => browser.alarms.create(KEEPER_ALARM, { periodInMinutes });

const inTurn = turns();

/** The wish that lies there, if one does: the letter that woke this worker may have been read already. */
async function serve(): Promise<void> {
  const wish = await mail('wish');
  if (!wish) return;
  const { id, amount, atMs } = wish;
  if (Date.now() - atMs > WISH_MS) return forget('wish');
  try {
    const { text } = await giftFor(await wallet, id, BigInt(amount));
    if (text === undefined) throw new PaymentProblem('coin-spent');
    await write('answer', { id, text });
  } catch (error) {
    await write('answer', { id, code: problemOf(error).code });
  }
  if ((await mail('wish'))?.id === id) await forget('wish');
  publish();
}

/** One wish is one gift, however often it is read. */
async function giftFor(engine: Wallet, id: string, amountMicro: bigint): Promise<GiftInfo> {
  const memo = POCKET_MEMO + id;
  const made = (await engine.coins.gifts()).find((gift) => gift.memo === memo);
  if (made) return made;
  const { brokers } = await engine.balance();
  const cashMicro = brokers[0]?.cashMicro ?? 0n;
  if (cashMicro < amountMicro) await engine.coins.withdraw({ amountMicro: amountMicro - cashMicro });
  return engine.coins.give({ amountMicro, memo });
}

let silentAtMs: number | undefined;

/** Twice in a row, so that a computer that slept is given the time to wake both workers. */
export async function lookAfterPocket(): Promise<void> {
  const { atMs } = (await mail('alive')) ?? { atMs: 0 };
  if (Date.now() - atMs < SILENT_MS) {
    silentAtMs = undefined;
  } else if (silentAtMs === undefined) {
    silentAtMs = Date.now();
  } else {
    await collect();
  }
}

/** What is left in the pocket comes home, and its papers are burnt. */
export const collect = oneAtATime(async () => {
  const engine = await wallet;
  await callBack(engine);
  const pocket = await openPocket();
  if (pocket.accountId() !== undefined) {
    await pocket.recover();
    await bringHome(pocket, engine);
    const { totalMicro } = await pocket.balance();
    // A payment without a known end, or coins that only one site takes: they stay written down, and are looked at later.
    if (totalMicro > 0n || (await pocket.pending()).length > 0) return lookEvery(LATER_MINUTES);
  }
  await clearArea(shared, POCKET);
  await Promise.all([forget('alive', 'answer'), forgetPrivate()]);
  await browser.alarms.clear(KEEPER_ALARM);
  silentAtMs = undefined;
  publish();
});

/** Gifts that the pocket asked for and did not take in. */
async function callBack(engine: Wallet): Promise<void> {
  for (const { id, memo, state } of await engine.coins.gifts({ refresh: true })) {
    if (state === 'given' && memo?.startsWith(POCKET_MEMO)) await engine.coins.takeBack(id).catch(problemOf);
  }
}

async function bringHome(pocket: Wallet, engine: Wallet): Promise<void> {
  for (;;) {
    // What was given before, by a worker that died, is first.
    const left = (await pocket.coins.gifts({ refresh: true })).find(
      ({ memo, state }) => memo === BACK_MEMO && state === 'given',
    );
    const gift = left ?? (await giveBack(pocket));
    if (gift?.text === undefined) return;
    await engine.coins.take(gift.text);
  }
}

async function giveBack(pocket: Wallet): Promise<GiftInfo | undefined> {
  const [info] = await pocket.coins.list();
  let room = MOST_COINS;
  let amountMicro = 0n;
  for (const { valueMicro, count } of info?.byValue ?? []) {
    const some = Math.min(count, room);
    amountMicro += valueMicro * BigInt(some);
    room -= some;
  }
  return amountMicro === 0n ? undefined : pocket.coins.give({ amountMicro, memo: BACK_MEMO });
}

/** `undefined`: there is no pocket. */
export async function pocketView(): Promise<PocketView | undefined> {
  if (await isEmptyArea(shared, POCKET)) return undefined;
  const pocket = await openPocket();
  if (pocket.accountId() === undefined) return undefined;
  const { totalMicro: micro, currency } = await pocket.balance();
  const { atMs } = (await mail('alive')) ?? { atMs: 0 };
  return { micro, currency, open: Date.now() - atMs < SILENT_MS };
}
