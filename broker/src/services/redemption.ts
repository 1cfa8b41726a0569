// What a site gets for a batch of claims of any method: a redemption that the broker signed, linked to the one before.
import { type Currency, type JsonObject, signObject } from '@farthing/protocol';
import { account } from '../ledger/journal.ts';
import type { BatchRow } from '../ledger/vendors.ts';
import { secondsOf } from './seconds.ts';
import type { Step } from './step.ts';

/** The members that every redemption answer has, after the money was booked. */
export function redemptionOf({ hash, vnd, prev, credited, fee }: BatchRow, cur: Currency, step: Step): JsonObject {
  const { keys, env, ledger } = step;
  const unsigned = {
    typ: 'redemption/1' as const,
    brk: keys.brk,
    vnd,
    batch: hash,
    prev,
    credited: credited.toString(),
    fee: fee.toString(),
    at: secondsOf(env.nowMs),
  };
  return {
    redemption: { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) },
    balance: ledger.journal.shown(account.vendor(vnd), cur),
    cur,
  };
}
