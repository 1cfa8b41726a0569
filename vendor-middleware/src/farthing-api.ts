// What a site's owner gets and calls.
import type { Currency, Money } from '@farthing/protocol';
import type { CreditNote } from '@farthing/protocol/vendor';
import type { RequestHandler } from 'express';
import type { CorsOption } from './cors.ts';
import type { Credited } from './credit-notes.ts';
import type { GoodsSource } from './goods/source.ts';
import type { SealedOptions, StreamOptions, WallOptions } from './options.ts';
import type { Ready } from './readiness.ts';
import type { Redeeming } from './redeemers.ts';
import type { Problem } from './setup-error.ts';
import type { StreamSource } from './stream.ts';

/** A site that can sell. */
export interface Farthing {
  /** The site's registered name: realm and recipient of its challenges. */
  readonly vnd: string;
  /** Gates one route: put it before the handler. @throws {SetupError} an option that is unknown or wrong */
  wall(options: WallOptions): RequestHandler;
  /**
   * Sells the chunks of `source` one by one, as server-sent events or any other body: it is the handler of its route.
   * @throws {SetupError} an option that is unknown or wrong, or PayWord is not turned on
   */
  stream(options: StreamOptions, source: StreamSource): RequestHandler;
  /**
   * Sells what `source` gives as sealed goods: the 402 promises them, their ciphertext is free for everybody, and the payment
   * releases the key. It is the handler of its route.
   * @throws {SetupError} an option that is unknown or wrong
   */
  sealed(options: SealedOptions, source: GoodsSource): RequestHandler;
  /** What wallets call besides pages, and the ciphertexts of sealed goods: mount it at `api`. */
  routes(): RequestHandler;
  /** For `app.use`, before the routes, when pages of other origins pay. */
  cors(option?: CorsOption): RequestHandler;
  /** What was found to be wrong so far, and what to change. The last 100. */
  readonly problems: readonly Problem[];
  /** Whether paying visitors should be sent here, and why not: also at `<api>/ready`, with 503. `<api>/health` answers while the process lives. */
  ready(): Promise<Ready>;
  /**
   * Redeems all claims that are due, batch by batch, with word of each for who watches a long run.
   * @throws {PaymentProblem} the broker is away; the claims are kept
   */
  redeemNow(onProgress?: (progress: Redeeming) => void): Promise<void>;
  /**
   * Gives back a payment by cheque, or a part of it, such as '0.01 USD'. `payment`: the challenge's id, which stands in the
   * receipt. When the answer is lost, call again with the same amount: it is given back once.
   * @returns what was given back of this payment in all
   * @throws {PaymentProblem} the broker is away, or refuses
   */
  refund(payment: string, price: string): Promise<Money>;
  /**
   * What the broker credited for cheques, oldest first: each note signed, and following the one before.
   * @throws {PaymentProblem} `broker-untrusted`: one does not; the broker is away
   */
  creditNotes(currency?: Currency): Promise<CreditNote[]>;
  /**
   * Where one payment by cheque stands: the broker's receipt, and the note that it was shown to be on once its period has ended.
   * @throws {PaymentProblem} `cheque-unknown`; `broker-untrusted`: the broker cannot show what it says
   */
  creditOf(payment: string): Promise<Credited>;
  /** Grants the next licence where one is needed, and learns new keysets. Runs by itself too. @throws {PaymentProblem} the broker is away */
  renewNow(): Promise<void>;
  /**
   * Takes no new payments, lets those that run come to their end (five seconds at most), ends streams, stops background work and
   * closes the store. Claims that are due stay stored. Close the server first, so that nobody comes any more.
   */
  close(): Promise<void>;
}
