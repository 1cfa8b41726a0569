// Aggregation: a period closes with one invoice per customer and one credit note per vendor, lines by counterparty. Nobody
// sees an item or a path: a line has a count, a total, a fee and the Merkle root of its redemptions.
import { fromBase64url, toBase64url, utf8 } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import type { Currency } from '../../core/money.ts';
import { merkleTree } from '../segments.ts';

/** One credited increase: who pays, who gets `amount − fee`, and the hash of the batch that claimed it. */
export type Credited = {
  readonly account: string;
  readonly vnd: string;
  readonly cur: Currency;
  readonly amount: bigint;
  readonly fee: bigint;
  readonly batch: string;
};
export type InvoiceLine = {
  readonly party: string;
  readonly counterparty: string;
  readonly cur: Currency;
  readonly count: number;
  readonly total: bigint;
  readonly fee: bigint;
  readonly root: string;
};

/** Σ invoices = Σ credit notes + fees, per currency: both are sums over the same rows. */
export function aggregate(
  rows: readonly Credited[],
  crypto: Crypto,
): { invoices: InvoiceLine[]; credits: InvoiceLine[] } {
  const by = (
    party: (row: Credited) => string,
    other: (row: Credited) => string,
    worth: (row: Credited) => bigint,
  ): InvoiceLine[] => {
    const groups = new Map<string, [Credited, ...Credited[]]>();
    for (const row of rows) {
      const key = JSON.stringify([party(row), other(row), row.cur]);
      const group = groups.get(key);
      if (group) group.push(row);
      else groups.set(key, [row]);
    }
    return [...groups.values()].map((group) => ({
      party: party(group[0]),
      counterparty: other(group[0]),
      cur: group[0].cur,
      count: group.length,
      total: group.reduce((sum, row) => sum + worth(row), 0n),
      fee: group.reduce((sum, { fee }) => sum + fee, 0n),
      root: toBase64url(
        merkleTree(
          group.map(({ batch }) => fromBase64url(batch) ?? utf8(batch)),
          crypto,
        ).root,
      ),
    }));
  };
  const customer = ({ account }: Credited) => account;
  const vendor = ({ vnd }: Credited) => vnd;
  return {
    invoices: by(customer, vendor, ({ amount }) => amount),
    credits: by(vendor, customer, ({ amount, fee }) => amount - fee),
  };
}
