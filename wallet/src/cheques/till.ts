// The till of cheques: one is written for each payment, out of what the broker keeps aside for the site, or straight on the
// account where the broker decides.
import {
  canonicalJson,
  expiresAtMs,
  type JsonObject,
  type PayInput,
  PaymentProblem,
  tryDecode,
} from '@farthing/protocol';
import { chequeReceiptSchema, cheque as role } from '@farthing/protocol/wallet';
import { type Context, move } from '../context.ts';
import { type Doc, keys } from '../documents.ts';
import type { Found } from '../offers.ts';
import { loseCoin } from '../orders.ts';
import type { Taken, Till } from '../till.ts';
import { readOne } from '../transaction.ts';
import { openBooks, refilled, writtenCoin, writtenIn } from './book.ts';
import { fundCheques } from './fund.ts';
import { captureOf, isServed, termsOf } from './terms.ts';

export const chequeTill: Till = {
  async able(ctx, found) {
    const [purse, money] = await Promise.all([
      readOne(ctx.store, 'purse', found.purse),
      readOne(ctx.store, 'money', keys.money(found.brk)),
    ]);
    const account = money?.accountMicro ?? 0n;
    if (bookFor(ctx, found, purse, account)) return { ready: true, shortMicro: 0n };
    return { ready: false, shortMicro: found.price > account ? found.price - account : 0n };
  },

  async plan(ctx, found, shown) {
    return {
      keys: [found.purse],
      take(tx, { id }) {
        const purse = tx.get('purse', found.purse);
        const account = tx.get('money', keys.money(found.brk))?.accountMicro ?? 0n;
        const open = bookFor(ctx, found, purse, account);
        if (!purse || !open) return 'short';
        const taken = write(ctx, found, { shown, book: open.book });
        const { price, brk } = found;
        const isAside = isServed(found);
        const rest = isAside ? [{ ...open.coin, micro: open.coin.micro - price }] : [open.coin];
        const coins = purse.coins.flatMap((one) => (one === open.coin ? rest : [one]));
        tx.put('purse', found.purse, { ...purse, coins: [...coins, { ...taken.held, holder: id }] });
        move(tx, brk, { [isAside ? 'coinsMicro' : 'accountMicro']: -price, heldMicro: price });
        return taken;
      },
    };
  },

  fund: fundCheques,

  keysOf: () => [],

  accept(tx, ctx, { sent: { id, sending }, input: { receipt } }) {
    const purse = tx.need('purse', sending.purse);
    const { cheque, cert, aside } = writtenIn(sending.coin.piece);
    // What was served at once has no word of the broker yet.
    if (!aside) {
      const said = tryDecode(chequeReceiptSchema, receipt.details['receipt']);
      if (!said || said.result === 'refused') {
        throw new PaymentProblem('receipt-invalid', { detail: 'the broker’s word about the cheque is missing' });
      }
      role.checkReceipt(said, { cheque, cert }, ctx.broker(purse.brk).keys.root, ctx.env());
    }
    const put = () => {
      tx.put('purse', sending.purse, { ...purse, coins: purse.coins.filter(({ holder }) => holder !== id) });
      move(tx, purse.brk, { heldMicro: -sending.coin.micro });
    };
    return { backMicro: 0n, put };
  },

  release(tx, _ctx, { id, sending }) {
    const purse = tx.need('purse', sending.purse);
    const { micro, piece } = sending.coin;
    const written = writtenIn(piece);
    const coins = purse.coins.filter(({ holder }) => holder !== id);
    // Without its book there is nothing to write on: what was aside comes back to the account.
    const back = written.aside ? refilled(coins, written, micro) : undefined;
    tx.put('purse', sending.purse, { ...purse, coins: back ?? coins });
    move(tx, purse.brk, { heldMicro: -micro, [back ? 'coinsMicro' : 'accountMicro']: micro });
  },

  lose: (tx, _ctx, { id, sending }) => loseCoin(tx, sending.purse, id),
};

type Open = ReturnType<typeof openBooks>[number];

/** The emptiest book that covers the price; where the broker decides any will do, if the account covers it. */
function bookFor(ctx: Context, found: Found, purse: Doc<'purse'> | undefined, account: bigint): Open | undefined {
  const books = openBooks(purse?.coins ?? [], ctx.env().nowMs);
  if (isServed(found)) return books.find(({ coin }) => coin.micro >= found.price);
  return account >= found.price ? books.find(({ book }) => BigInt(book.cert.perDay) >= found.price) : undefined;
}

/** @throws {PaymentProblem} `offer-unusable`: the challenge does not say when it expires */
function write(ctx: Context, found: Found, { shown, book }: { shown: PayInput; book: Open['book'] }): Taken {
  const { challenge, request } = shown;
  const endMs = expiresAtMs(challenge);
  if (endMs === undefined) throw new PaymentProblem('offer-unusable', { detail: 'the challenge has no expiry' });
  const { sealed } = termsOf(found);
  const wanted: role.Wanted = {
    ...{ challengeId: challenge.id, vnd: request.recipient, amount: found.price, cur: request.currency },
    ...{ capture: captureOf(found), exp: Math.floor(endMs / 1000) },
    ...(sealed ? { goods: { ct: sealed.ct, kc: sealed.kc, pt: sealed.pt } } : {}),
  };
  const cheque = role.writeCheque(book, wanted, ctx.env());
  const payload = JSON.parse(canonicalJson({ cheque, cert: book.cert })) as JsonObject;
  const held = writtenCoin({ cheque, cert: book.cert, aside: isServed(found) });
  return { amount: found.price, held, payload, repeatUntilMs: held.expiresAtMs };
}
