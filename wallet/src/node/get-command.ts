// `farthing get`: sealed goods into a file, with a bar for who watches.
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { limits, type SealedOffer } from '@farthing/protocol';
import type { Offer } from '../index.ts';
import { amountOf, type Command, currencyOf, money, type Output, type Run, text, UsageError } from './command.ts';
import { getGoods } from './get-goods.ts';

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
  run: getSealed,
};

async function getSealed({ wallet, flags, args: [url], out }: Run): Promise<number> {
  if (url === undefined || !URL.canParse(url)) throw new UsageError('which address? expected https://…');
  const currency = await currencyOf(wallet);
  const max = text(flags, 'max');
  const maxMicro = max !== undefined ? amountOf(max, currency) : flags['yes'] === true ? limits.amountMax : undefined;
  const bar = new Bar(out);
  const got = await getGoods({
    wallet,
    url,
    file: (offer) => targetOf(text(flags, 'output'), offer),
    progress: (step, bytes, of) => bar.show(step, bytes, of),
    paying: { ...(maxMicro === undefined ? {} : { maxMicro }), onAsk: (offer) => bar.ask(offer) },
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

/** A name that a site chose is a file here, never a path; what is there is never written over. */
function targetOf(wanted: string | undefined, { item }: SealedOffer): string {
  const plain = basename(item)
    .replace(/[^\p{L}\p{N}. _-]/gu, '_')
    .replace(/^\.+/, '');
  const file = resolve(wanted ?? (plain === '' ? 'goods' : plain));
  if (existsSync(file)) throw new UsageError(`${file} exists; -o FILE chooses another place`);
  return file;
}

const STEPS = { fetch: 'Fetching', open: 'Opening' } as const;

/** One line on a terminal, nothing elsewhere. */
class Bar {
  readonly #isShown: boolean;
  #last = '';

  constructor(out: Output) {
    this.#isShown = process.stderr.isTTY && !out.json;
  }

  show(step: keyof typeof STEPS, bytes: number, of: number): void {
    const share = of === 0 ? 1 : bytes / of;
    const line = `${STEPS[step]} ${'█'.repeat(Math.round(share * 20)).padEnd(20, '░')} ${Math.floor(share * 100)} %`;
    if (!this.#isShown || line === this.#last) return;
    this.#last = line;
    process.stderr.write(`\r${line}`);
  }

  end(): void {
    if (this.#last !== '') process.stderr.write('\r\u001b[K');
    this.#last = '';
  }

  /** Without a terminal nobody can say yes. */
  async ask({ amountMicro, currency, origin, vnd }: Offer): Promise<boolean> {
    if (!process.stdin.isTTY || !this.#isShown) return false;
    this.end();
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const answer = await terminal.question(
      `It is here, sealed. ${origin} asks ${money(amountMicro, currency)} for the key, payee ${vnd}. Pay? [y/N] `,
    );
    terminal.close();
    return /^y(es)?$/i.test(answer.trim());
  }
}
