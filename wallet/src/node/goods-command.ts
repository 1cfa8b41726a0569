// `farthing goods`: what was bought sealed, and opening it again. Nothing is paid here.
import { existsSync } from 'node:fs';
import { PaymentProblem } from '@farthing/protocol';
import type { BoughtGoods, Wallet } from '../index.ts';
import { Bar } from './bar.ts';
import { type Command, money, type Run, text, UsageError } from './command.ts';
import { fetchSealed, openSealed } from './goods-file.ts';
import { targetOf } from './goods-name.ts';

export const goods: Command = {
  usage: 'farthing goods [open ID [-o FILE]]',
  about: 'Lists what was bought sealed and where it was saved; opens it again for nothing.',
  args: 2,
  options: { output: { type: 'string', short: 'o' } },
  help: [
    ['open ID', 'fetches the goods of a payment once more and opens them with the key that is kept'],
    ['-o, --output FILE', 'where they go; default: as the site calls them'],
  ],
  async run(run) {
    const [verb, id] = run.args;
    if (verb === undefined) return list(run);
    if (verb !== 'open')
      throw new UsageError(`goods ${verb}? farthing goods lists them, farthing goods open ID opens one`);
    if (id === undefined) throw new UsageError('open which goods? farthing goods lists them with their IDs');
    await openAgain(run, id);
  },
};

async function list({ wallet, out }: Run): Promise<void> {
  const bought = await wallet.boughtGoods();
  out.result(
    bought.map(({ record, offer, key, file }) => ({
      ...{ id: record.id, atMs: record.atMs, state: record.state, site: record.site, url: record.url },
      ...{ item: offer.item, media: offer.media, size: offer.size, amountMicro: record.amountMicro },
      ...{ currency: record.currency, ct: offer.ct, pt: offer.pt, hasKey: key !== undefined },
      ...{ file: file ?? null, isThere: file !== undefined && existsSync(file) },
    })),
    bought.length === 0 ? ['Nothing was bought sealed yet: farthing get URL'] : bought.flatMap(linesOf),
  );
}

function linesOf({
  record: { id, atMs, state, amountMicro, currency, site },
  offer,
  key,
  file,
}: BoughtGoods): string[] {
  const when = new Date(atMs).toISOString().slice(0, 16).replace('T', ' ');
  const paid = `${money(amountMicro, currency)} to ${site ?? ''}${state === 'paid' ? '' : `, ${state}`}`;
  return [`${id}  ${when}  ${offer.item}, ${offer.size} bytes, ${paid}`, `  ${whereText(id, { key, file })}`];
}

function whereText(id: string, { key, file }: { key: string | undefined; file: string | undefined }): string {
  if (file !== undefined && existsSync(file)) return file;
  if (key === undefined) return 'its key has not come yet: farthing recover';
  return `${file === undefined ? 'not saved from here' : `no longer at ${file}`}: farthing goods open ${id}`;
}

async function openAgain({ wallet, flags, out }: Run, id: string): Promise<void> {
  const { record, offer, key } = await needBought(wallet, id);
  if (key === undefined)
    throw new PaymentProblem('outcome-unknown', { detail: 'the key of the goods has not come yet' });
  const file = targetOf(text(flags, 'output'), offer);
  const bar = new Bar(out);
  const progress = bar.show.bind(bar);
  try {
    await fetchSealed(record.url ?? '', offer, { file, fetch: globalThis.fetch, progress });
    await openSealed(file, { offer, key, progress });
  } finally {
    bar.end();
  }
  await wallet.savedGoods(id, file);
  out.fact(`${file}: ${offer.size} bytes, ${offer.media}, as promised. Nothing was paid.`);
  out.result({ file, size: offer.size, media: offer.media, payment: record }, []);
}

async function needBought(wallet: Wallet, id: string): Promise<BoughtGoods> {
  const found = (await wallet.boughtGoods()).find(({ record }) => record.id === id);
  if (!found) throw new UsageError(`nothing was bought as ${id}: farthing goods lists what was`);
  return found;
}
