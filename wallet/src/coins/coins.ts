// A wallet's coins, as hosts see them. What they are and how they move is in the files beside.
import { PaymentProblem } from '@farthing/protocol';
import type { CoinProof } from '@farthing/protocol/wallet';
import { phraseOf } from '../account.ts';
import type {
  AskedMoney,
  CoinInfo,
  CoinsInfo,
  FoundCoins,
  GiftInfo,
  RequestInfo,
  RestoreProgress,
  TakenGift,
} from '../coin-types.ts';
import type { Context } from '../context.ts';
import type { PaymentRecord } from '../types.ts';
import { deposit } from './deposit.ts';
import { type Giving, gifts, give, takeBack } from './gifts.ts';
import { type Proving, prove } from './prove.ts';
import { type Asking, readAsked, request, requests } from './requests.ts';
import { restoreCoins } from './restore.ts';
import { take } from './taking.ts';
import { each, list, withdraw } from './withdraw.ts';

export class Coins {
  readonly #ctx: Context;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Of each broker, by value. Asks nobody. @throws {PaymentProblem} `no-account` */
  list(): Promise<CoinsInfo[]> {
    return list(this.#ctx);
  }

  /** Each by itself, largest first: those that lie free, not those of sites. @throws {PaymentProblem} `no-account` */
  each(): Promise<CoinInfo[]> {
    return each(this.#ctx);
  }

  /**
   * Money of the account becomes coins that nobody can trace to it.
   * @throws {PaymentProblem} `funds-short`, `sum-wrong`, `unavailable`: the broker makes no coins; `broker-untrusted`: its
   *   keys or its coins are not what it says; `broker-unreachable`: it is stored, and `recover()` finishes it;
   *   `wallet-locked`: the password is needed, or again
   */
  async withdraw(options: { amountMicro: bigint; brk?: string }): Promise<PaymentRecord> {
    this.#ctx.needFresh();
    return onceMore(() => withdraw(this.#ctx, options));
  }

  /**
   * Coins become money of the account again: all of them, or this amount.
   * @throws {PaymentProblem} `funds-short`, `balance-full`, as `withdraw`
   */
  deposit(options: { amountMicro?: bigint; brk?: string } = {}): Promise<PaymentRecord> {
    return onceMore(() => deposit(this.#ctx, options));
  }

  /**
   * Coins as text: whoever takes it in first has them. With the text of a `request` only who made it can, and the same request
   * again gives the same gift.
   * @throws {PaymentProblem} `funds-short`; with a request `sum-wrong`: it asks for another amount, `payload-invalid`,
   *   `no-account`; as `withdraw`
   */
  async give(options: Giving): Promise<GiftInfo> {
    this.#ctx.needFresh();
    return onceMore(() => give(this.#ctx, options));
  }

  /**
   * Takes a gift in, by swapping its coins at once. The same text again gives the same record.
   * @throws {PaymentProblem} `payload-invalid`, `coin-spent`, `keyset-unknown`; `no-account`: a broker that it does not know
   */
  take(text: string): Promise<TakenGift> {
    return onceMore(() => take(this.#ctx, text));
  }

  /**
   * Asks somebody for money, by a text to send: it names the amount and a key for this request alone.
   * @throws {PaymentProblem} `no-account`, `wallet-locked`
   */
  request(options: Asking): Promise<RequestInfo> {
    return request(this.#ctx, options);
  }

  /** Own ones, newest first, with what came for them. */
  requests(): Promise<RequestInfo[]> {
    return requests(this.#ctx);
  }

  /** What somebody's text asks for, to be shown before `give` answers it. @throws {PaymentProblem} `payload-invalid` */
  async readRequest(text: string): Promise<AskedMoney> {
    return readAsked(this.#ctx, text);
  }

  /** Given ones, newest first; with `refresh`, the broker is asked whether they were taken. */
  gifts(options: { refresh?: boolean } = {}): Promise<GiftInfo[]> {
    return gifts(this.#ctx, options.refresh ?? false);
  }

  /** Pulls back a gift that nobody took. @throws {PaymentProblem} `not-found`, `coin-spent`: it was taken */
  takeBack(giftId: string): Promise<PaymentRecord> {
    return onceMore(() => takeBack(this.#ctx, giftId));
  }

  /**
   * A file for a third party, who checks it off line (`checkCoinProof`): that this payment was made, and for what; or that these
   * coins are not spent. It names no other coin. `for`: whoever it is for, who sees by it that it was made for him.
   * @throws {PaymentProblem} `not-found`, `wallet-locked`, `broker-unreachable`; `keyset-unknown`: too old; `proof-invalid`: its
   *   coins have different fates
   */
  prove(options: Proving): Promise<CoinProof> {
    return prove(this.#ctx, options);
  }

  /**
   * Asks the broker after every coin of this wallet's phrase: for a wallet that was copied, or put back from an old backup.
   * `lostMicro` was spent by the other copy.
   */
  async check(options: { brk?: string; onProgress?: (progress: RestoreProgress) => void } = {}): Promise<FoundCoins> {
    await phraseOf(this.#ctx);
    const { onProgress } = options;
    return restoreCoins(this.#ctx, this.#ctx.broker(options.brk).keys.brk, { onProgress });
  }
}

/** Another copy of this wallet was ahead: what it made is found first, and then this is done once more. */
const onceMore = <Result>(run: () => Promise<Result>): Promise<Result> =>
  run().catch((error: unknown) => {
    if (error instanceof PaymentProblem && error.code === 'coin-repeated') return run();
    throw error;
  });
