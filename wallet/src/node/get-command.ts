// `farthing get`: sealed goods into a file, with a bar for who watches.
import { createInterface } from 'node:readline/promises';
import { limits } from '@farthing/protocol';
import type { Offer } from '../index.ts';
import { Bar } from './bar.ts';
import { addressOf, amountOf, type Command, currencyOf, money, type Run, text } from './command.ts';
import { getGoods } from './get-goods.ts';
import { targetOf } from './goods-name.ts';

export const get: Command = {
  usage: 'farthing get URL [-o FILE] [options]',
  about:
    'Buys what is sold sealed: fetches it, compares it, pays, and opens it. Run again, it goes on where it stopped.',
  args: 1,
  options: {
    output: { type: 'string', short: 'o' },
    max: { type: 'string' },
    yes: { type: 'boolean', short: 'y' },
  },
  help: [
    ['-o, --output FILE', 'where it goes; default: as the site calls it'],
    ["--max '0.10 USD'", 'pay up to this without asking, and never more'],
    ['-y, --yes', 'pay the price that is asked; limits of the day hold'],
  ],
  mend: { 'offer-unusable': 'farthing get buys what is sold sealed; farthing pay buys pages.' },
  run: getSealed,
};

async function getSealed({ wallet, flags, args: [typed], out }: Run): Promise<number> {
  const url = addressOf(typed);
  const currency = await currencyOf(wallet);
  const max = text(flags, 'max');
  const maxMicro = max !== undefined ? amountOf(max, currency) : flags['yes'] === true ? limits.amountMax : undefined;
  const bar = new Bar(out);
  const got = await getGoods({
    wallet,
    url,
    file: (offer) => targetOf(text(flags, 'output'), offer),
    progress: (step, bytes, of) => bar.show(step, bytes, of),
    paying: { ...(maxMicro === undefined ? {} : { maxMicro }), onAsk: (offer) => ask(bar, offer) },
  });
  bar.end();
  const { file, offer, settled, disputed } = got;
  const { amountMicro, site } = settled.record;
  if (disputed) {
    const back =
      disputed.refundedMicro > 0n ? `${money(disputed.refundedMicro, currency)} came back` : 'nothing came back';
    out.fact(`The goods are not what ${site ?? 'the site'} promised. The broker says: ${disputed.verdict}; ${back}.`);
    out.result(
      { file: null, verdict: disputed.verdict, refundedMicro: disputed.refundedMicro, payment: disputed.record },
      [],
    );
    return 1;
  }
  out.fact(
    `${file}: ${offer.size} bytes, ${offer.media}, as promised. Paid ${money(amountMicro, currency)} to ${site ?? ''}.`,
  );
  out.result({ file, size: offer.size, media: offer.media, payment: settled.record }, []);
  return 0;
}

/** Without a terminal nobody can say yes. */
async function ask(bar: Bar, { amountMicro, currency, origin, vnd }: Offer): Promise<boolean> {
  if (!process.stdin.isTTY || !bar.isShown) return false;
  bar.end();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    `It is here, sealed. ${origin} asks ${money(amountMicro, currency)} for the key, payee ${vnd}. Pay? [y/N] `,
  );
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
