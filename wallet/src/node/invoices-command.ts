// `farthing invoices`: what brokers billed, and the proof that one's own payments stand there.
import type { BilledLine, BilledPayment, BilledPeriod } from '../index.ts';
import { type Command, money, UsageError } from './command.ts';

export const invoices: Command = {
  usage: 'farthing invoices [NUMBER]',
  about: 'Lists what the broker billed, checked; with a number, proves each payment of this wallet on that invoice.',
  unlock: true,
  args: 1,
  options: {},
  help: [['NUMBER', 'of an invoice of the first broker']],
  mend: { 'not-found': 'farthing invoices lists them.' },
  async run({ wallet, args: [typed], out }) {
    if (typed === undefined) {
      const found = await wallet.invoices();
      out.result(found, found.length > 0 ? found.flatMap((one) => told(one)) : ['No period has been billed yet.']);
      return;
    }
    const number = Number(typed);
    if (!Number.isSafeInteger(number) || number < 1) throw new UsageError('which invoice? a whole number from 1');
    const [broker] = await wallet.brokers();
    if (!broker) throw new UsageError('there is no broker yet: farthing init');
    const proven = await wallet.proveInvoice({ brk: broker.brk, number });
    out.result(proven, told(proven, proven.payments));
  },
};

/** `payments`: those that were proven to be on it; absent where none was looked at. */
function told(
  { number, fromMs, toMs, currency, billedMicro, owedMicro, dueAtMs, lines }: BilledPeriod,
  payments?: readonly BilledPayment[],
): string[] {
  const owed = owedMicro > 0n ? `; ${money(owedMicro, currency)} owed, to be paid by ${day(dueAtMs)}` : '';
  return [
    `${number}  ${day(fromMs)} to ${day(toMs)}  ${money(billedMicro, currency)}${owed}`,
    ...lines.flatMap((line) => {
      const mine = payments?.filter(({ vnd }) => vnd === line.vnd && line.kind === 'cheques');
      return [
        `   ${money(line.totalMicro, currency).padStart(12)}  ${line.vnd}  ${line.count} by ${line.kind === 'cheques' ? 'cheque' : 'session'}${mine ? provenOf(line, mine) : ''}`,
        ...(mine ?? []).map(
          ({ id, state, amountMicro, url = '', atMs }) =>
            `   ${money(amountMicro, currency).padStart(12)}    ${new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')}  ${url}  (${id})${FREE.has(state) ? '  not charged, as it was said: farthing evidence' : ''}`,
        ),
      ];
    }),
  ];
}

const FREE: ReadonlySet<string> = new Set(['failed_not_charged']);

function provenOf({ kind, count }: BilledLine, mine: readonly BilledPayment[]): string {
  if (kind === 'sessions') return '';
  const others = count - mine.length;
  return others === 0 ? ', each proven' : `, ${mine.length} proven, ${others} not in this wallet's journal`;
}

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
