// The command about paying on credit: on with a limit for a day, off, and what is owed.
import { amountOf, type Command, currencyOf, money, text, UsageError } from './command.ts';

export const credit: Command = {
  usage: 'farthing credit [on|off] [--limit AMOUNT]',
  about: 'Shows what is owed; lets sites that take it be paid on credit, which the broker bills, or stops that.',
  args: 1,
  options: { limit: { type: 'string' } },
  help: [
    ['on', 'pay on credit where a site takes it and the broker lends'],
    ['--limit AMOUNT', 'with on: the most to promise in a day, used or not'],
    ['off', 'promise no more; what is owed stays owed'],
  ],
  async run({ wallet, flags, args: [wish], out }) {
    const currency = await currencyOf(wallet);
    const limit = text(flags, 'limit');
    if (wish !== undefined && wish !== 'on' && wish !== 'off') throw new UsageError('credit takes on or off');
    if (limit !== undefined && wish !== 'on') throw new UsageError('--limit needs on');
    const perDayMicro = limit === undefined ? undefined : amountOf(limit, currency);
    if (wish === 'on' && perDayMicro === undefined && (await wallet.credit()).perDayMicro === 0n) {
      throw new UsageError('how much in a day? such as --limit 1.00');
    }
    if (wish) await wallet.setCredit({ on: wish === 'on', ...(perDayMicro === undefined ? {} : { perDayMicro }) });
    const state = await wallet.credit();
    const { brokers } = await wallet.balance({ refresh: true });
    const promised = `${money(state.promisedTodayMicro, currency)} of ${money(state.perDayMicro, currency)} promised today`;
    const lines = brokers.map(({ name, owedMicro, lineMicro, dueAtMs }) => {
      const line = lineMicro === undefined ? '' : `, of ${money(lineMicro, currency)} that it lends`;
      const due = dueAtMs === undefined ? '' : `; to be paid by ${new Date(dueAtMs).toISOString().slice(0, 10)}`;
      return `${name}: ${money(owedMicro, currency)} owed${line}${due}. farthing top-up pays it.`;
    });
    const owed = brokers.map(({ brk, name, owedMicro, lineMicro, dueAtMs }) => ({
      ...{ brk, name, owedMicro },
      ...(lineMicro === undefined ? {} : { lineMicro }),
      ...(dueAtMs === undefined ? {} : { dueAtMs }),
    }));
    out.result({ ...state, brokers: owed }, [`Credit is ${state.on ? 'on' : 'off'}: ${promised}.`, ...lines]);
  },
};
