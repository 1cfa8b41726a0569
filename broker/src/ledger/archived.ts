// What is known here of periods that were archived: up to where, and what their lines left in an account.
import type { Currency } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { int, num } from './rows.ts';

/** `seq`: the last entry that is archived. `untilMs`: what was asked before that is not answered again. */
export type Opened = { readonly seq: number; readonly untilMs: number };
/** What archived lines of an account sum to, and how many they are. */
export type Carried = { readonly amount: bigint; readonly lines: number };

export function openArchived(db: Books) {
  const last = db.prepare('SELECT seq, until_ms FROM opening ORDER BY n DESC LIMIT 1');
  const sum = db.prepare('SELECT amount, lines FROM opening_sum WHERE account = ? AND cur = ?');
  return {
    /** `undefined` while nothing was archived. */
    last(): Opened | undefined {
      const row = last.get();
      return row && { seq: num(row, 'seq'), untilMs: num(row, 'until_ms') };
    },
    carried(account: string, cur: Currency): Carried | undefined {
      const row = sum.get(account, cur);
      return row && { amount: int(row, 'amount'), lines: num(row, 'lines') };
    },
  };
}
