// What the broker's certificate changes in the wallet. Part of the step that closes the order.
import { decode, fromBase64url, type JsonObject, PaymentProblem, toBase64url } from '@farthing/protocol';
import { chequeCertsResult, cheque as role } from '@farthing/protocol/wallet';
import { type Context, move } from '../context.ts';
import type { Doc } from '../documents.ts';
import type { Transaction } from '../transaction.ts';
import { bookCoin } from './book.ts';

type Purpose = Extract<Doc<'order'>['purpose'], { kind: 'cheques' }>;
type Certified = { readonly brk: string; readonly purpose: Purpose; readonly result: JsonObject };

/** @returns the broker's balance @throws {PaymentProblem} `broker-untrusted`: nothing was changed */
export function applyCert(tx: Transaction, ctx: Context, { brk, purpose, result }: Certified): bigint {
  const { certs, balance, cur } = decode(chequeCertsResult, result, 'broker-untrusted');
  const { purse: key, vnd, currency, origin, api, seed, limitMicro, perDayMicro } = purpose;
  const env = ctx.env();
  const [cert] = certs;
  const pk = toBase64url(env.crypto.publicKey(fromBase64url(seed) ?? new Uint8Array()));
  const ordered = {
    ...{ brk, root: ctx.broker(brk).keys.root, vnd, cur: currency, pk },
    ...{ limit: limitMicro, perDay: perDayMicro },
  };
  if (!cert || certs.length !== 1 || cur !== currency || !role.isCertFor(cert, ordered, env)) {
    throw new PaymentProblem('broker-untrusted', { detail: 'it certified something else than was ordered' });
  }
  const purse = tx.get('purse', key) ?? { brk, vnd, method: 'cheque', currency, origin, api, coins: [] };
  tx.put('purse', key, { ...purse, origin, api, coins: [...purse.coins, bookCoin({ cert, seed }, limitMicro)] });
  move(tx, brk, { accountMicro: -limitMicro, coinsMicro: limitMicro });
  return balance;
}
