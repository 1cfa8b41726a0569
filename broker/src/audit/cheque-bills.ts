// Payments by cheque on their way to an invoice or a credit note, and the lines that list them.
import type { Payment } from './cheque-model.ts';
import type { Shelf, Shelves } from './shelves.ts';

/** Cheques that stand on one line: what its root is over, in the order of epoids. */
export type ChequeLine = {
  readonly table: string;
  readonly row: string;
  readonly root: string;
  /** Names of payments. */
  readonly epoids: readonly string[];
};

export const nameOf = ({ vnd, epoid }: Pick<Payment, 'vnd' | 'epoid'>): string => `${vnd} ${epoid}`;

export class ChequeBills {
  /** By site and epoid. */
  readonly payments: Shelf<Payment>;
  readonly lines: Shelf<ChequeLine>;

  constructor(shelves: Shelves) {
    this.payments = shelves.add('cheque');
    this.lines = shelves.add('cheque_line');
  }

  /** `at`: which line of its document it is. */
  add(line: ChequeLine, at: number): void {
    this.lines.set(`${line.table} ${line.row} ${at}`, line);
  }

  /** The first ones of one site, in the order of their epoids. */
  taking(names: readonly string[], count: number): { taken: Payment[]; left: string[] } {
    const sorted = names.toSorted();
    return { taken: this.look(sorted.slice(0, count)), left: sorted.slice(count) };
  }

  look(names: readonly string[]): Payment[] {
    return names.flatMap((name) => this.payments.get(name) ?? []);
  }
}

export const sumOf = (payments: readonly Payment[]): bigint => payments.reduce((sum, { amount }) => sum + amount, 0n);
