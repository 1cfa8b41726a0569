// A site that cheats with sealed goods: it is found out, by the buyer, the broker and whoever reads the papers, and keeps no money.
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, openAsBlob, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  contentKey,
  fromBase64url,
  printChallenge,
  readChallenges,
  type SealedGoods,
  Sealer,
} from '@farthing/protocol';
import { getGoods } from '@farthing/wallet/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBookshop, PRICE } from '../harness/bookshop.ts';
import { type Shop, TRUSTED } from '../profiles/town.ts';

const FARTHING = join(import.meta.dirname, '../../../wallet/src/node/farthing.ts');
const books = await openBookshop();
const { town, shop, wallet, folder, book, fileFor, spent, get } = books;
afterAll(() => books[Symbol.asyncDispose]());

describe('a site that sells something else than it signed for', () => {
  const shelf = join(folder, 'cheat');
  const other = randomBytes(90_000);
  let cheat: Shop;

  beforeAll(async () => {
    cheat = await town.shop({
      vnd: 'cheat.example',
      options: { methods: ['cheque'], goods: { folder: shelf } },
      sell: (app, pay) => {
        app.get(
          '/book',
          pay.sealed({ price: '0.005 USD' }, () => book),
        );
      },
    });
    await wallet.setRule(cheat.url, TRUSTED);
    await fetch(`${cheat.url}/book`);
    // Its own key, its own signature, the promise as it was: other bytes behind it.
    const named = readdirSync(shelf).find((name) => name.endsWith('.json')) ?? '';
    const known: SealedGoods = JSON.parse(readFileSync(join(shelf, named), 'utf8'));
    const secret = readFileSync(join(cheat.data, 'keys/goods.secret'), 'utf8').trim();
    const key = contentKey(fromBase64url(secret) ?? new Uint8Array(), { item: 'book', pt: known.pt });
    const sealer = new Sealer(key);
    const sealed = Buffer.concat([...sealer.push(other), sealer.end()]);
    const ct = createHash('sha256').update(sealed).digest('base64url');
    writeFileSync(join(shelf, `${ct}.sealed`), sealed);
    writeFileSync(join(shelf, named), JSON.stringify({ ...known, ct, size: other.length }));
  });

  it('is found out by whoever opens it; the broker sees the same, and gives the money back without a person', async () => {
    const before = await spent();
    const file = fileFor('cheated');
    const url = `${cheat.url}/book`;
    const { disputed, settled } = await getGoods({ wallet, url, file: () => file, paying: { methods: ['cheque'] } });
    expect(disputed).toMatchObject({ verdict: 'differs', refundedMicro: PRICE, record: { state: 'refunded' } });
    expect([existsSync(file), await spent()]).toEqual([false, before]);
    await wallet.balance({ refresh: true });
    expect([await spent(), await cheat.owed()]).toEqual([before, 0n]);
    // Asked again it is the same verdict, and no more money.
    const again = await wallet.dispute(settled.record.id, await openAsBlob(`${file}.sealed`));
    expect(again).toEqual(disputed);
    expect(await spent()).toBe(before);
    const papers = join(folder, 'evidence.json');
    writeFileSync(papers, JSON.stringify(await wallet.papers(settled.record.id)));
    expect(verify(papers, '--goods', `${file}.sealed`)).toContain('The SITE broke the protocol');
    expect(verify(papers)).toContain('Nobody broke the protocol, as far as these papers tell.');
  });

  it('cannot be accused of what it did not do: other goods, or papers that were edited, prove nothing', async () => {
    const { settled } = await get('honest');
    const paper = await wallet.papers(settled.record.id);
    const file = join(folder, 'honest.json');
    writeFileSync(file, JSON.stringify(paper));
    const forged = join(folder, 'forged.sealed');
    writeFileSync(forged, randomBytes(1000));
    expect(verify(file, '--goods', forged)).toContain('Nobody broke the protocol');
    const edited = { ...paper, papers: { ...paper.papers, cheque: { ...paper.papers.cheque, amount: '1' } } };
    writeFileSync(file, JSON.stringify(edited));
    expect(verify(file)).toContain('proof-invalid');
  });
});

describe('an offer that is not what the site has signed', () => {
  type Terms = { amount: string; methodDetails: { sealed: Record<string, unknown> } };
  /** The 402 with other terms; nobody but the site can tell by its challenge alone. */
  const asking = async (edit: (terms: Terms) => unknown) => {
    const url = `${shop.url}/book/edited`;
    const asked = await fetch(url);
    await asked.arrayBuffer();
    const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']).filter(
      ({ method }) => method === 'cheque',
    );
    if (!challenge) throw new Error('an offer to pay by cheque');
    const terms: Terms = JSON.parse(Buffer.from(challenge.request, 'base64url').toString());
    const request = Buffer.from(JSON.stringify(edit(terms))).toString('base64url');
    const goods = String(terms.methodDetails.sealed['ct']);
    const challenges = [printChallenge({ ...challenge, request })];
    return wallet.decide({ url, method: 'GET', site: shop.url, challenges, goods });
  };
  const sealedAs = (change: Record<string, unknown>) => (terms: Terms) => {
    const { sealed } = terms.methodDetails;
    return { ...terms, methodDetails: { ...terms.methodDetails, sealed: { ...sealed, ...change } } };
  };

  it('is not paid: more than the promise, for other goods, with another key, or for one that nobody signed', async () => {
    const before = await spent();
    expect(await asking((terms) => terms)).toMatchObject({ kind: 'pay' });
    for (const edit of [
      (terms: Terms) => ({ ...terms, amount: '5001' }),
      (terms: Terms) => sealedAs({ amount: '5001' })({ ...terms, amount: '5001' }),
      sealedAs({ pt: 'A'.repeat(43) }),
      sealedAs({ kc: 'A'.repeat(43) }),
      sealedAs({ vnd: 'cheat.example' }),
      sealedAs({ exp: 4_000_000_000 }),
    ]) {
      expect(await asking(edit), edit.toString()).toMatchObject({ kind: 'refuse', reason: 'offer-unusable' });
    }
    expect(await spent()).toBe(before);
  });
});

/** As a third party with nothing but the file. */

/** As a third party with nothing but the file. */
function verify(...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning', FARTHING, 'verify', ...args],
    { encoding: 'utf8' },
  );
  return stdout + stderr;
}
