// CyberCoin (CyberCash, 1996): sealed goods on an account, in orders that the site hands on and can neither read nor change. The
// original's messages are not published; orders here are signed by a day key, where it counted uses of a MAC key: what its counter
// and its limit were for, the order's own id and the certificate's limit do (protocol/src/cheque/README.md says why).
import { strict as assert } from 'node:assert';
import { cheques, type Person, Site } from '@farthing/broker/testing';
import { type JsonObject, printReceipt, readReceipt } from '@farthing/protocol';
import type { Cheque } from '@farthing/protocol/wallet';
import { balanceOf } from './cheque-book.ts';
import type { Profile } from './profile.ts';
import { byHand, FUNDS, isPaid, openBookshop, PRICE, Reader } from './sealed-shop.ts';
import type { Town } from './town.ts';
import { refused } from './visit.ts';

/** A site that does not keep to its part. */
const openCheat = ({ bench }: Town) => new Site(bench, 'cheat.example').open();
/** What a site answers that keeps the key of what was paid for. */
async function withoutKey(answer: Response): Promise<Response> {
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  assert.ok(receipt && typeof receipt.details['key'] === 'string');
  const { key: _, ...details } = receipt.details;
  const { key: __, ...word } = details['receipt'] as JsonObject;
  const headers = new Headers(answer.headers);
  headers.set('payment-receipt', printReceipt({ ...receipt, details: { ...details, receipt: word } }));
  return new Response(answer.body, { status: answer.status, headers });
}

const spent = async (person: Person) => FUNDS - (await balanceOf(person));

export const cybercoin: Profile = {
  name: 'cybercoin',
  after: 'CyberCoin, 1996',
  works: [
    {
      says: 'goods and key for money, by an order of the wallet that names neither account nor goods to those who hand it on',
      async play(town) {
        const shop = await openBookshop(town);
        const reader = await Reader.open(town, shop);
        const handed: string[] = [];
        const { offer } = await reader.buy((request) => {
          const credential = request.headers.get('authorization');
          if (credential !== null)
            handed.push(Buffer.from(credential.slice('Payment '.length), 'base64url').toString());
          return fetch(request);
        });
        assert.ok(reader.hasBook);
        assert.equal(handed.length, 1);
        const { payload } = JSON.parse(handed[0] ?? '') as { payload: { cheque: Cheque } };
        assert.equal(payload.cheque.amount, String(PRICE));
        for (const secret of [reader.wallet.accountId(), offer.url, shop.url, '/book']) {
          assert.ok(secret && !JSON.stringify(payload).includes(secret), secret);
        }
        assert.equal(await reader.spent(), PRICE);
      },
    },
    {
      says: 'a key that the site withholds is had from the broker',
      async play(town) {
        const shop = await openBookshop(town);
        const reader = await Reader.open(town, shop);
        await reader.buy(async (request) => {
          const answer = await fetch(request);
          return isPaid(request) ? withoutKey(answer) : answer;
        });
        assert.ok(reader.hasBook);
        assert.equal(await reader.spent(), PRICE);
      },
    },
  ],
  fails: [
    {
      says: 'an order that its site edited: another price, a longer life, another site',
      async play(town) {
        const alice = await byHand(town);
        const cheat = await openCheat(town);
        const held = await cheques.openBook(alice, { vnd: '*' });
        const cheque = cheques.write(cheat, held, PRICE);
        const edits: Partial<Cheque>[] = [{ amount: '90000' }, { exp: cheque.exp + 60 }];
        for (const edit of edits) {
          assert.equal(await refused(cheques.present(cheat, { ...cheque, ...edit }, held)), 'cheque-forged');
        }
        const other = await new Site(town.bench, 'other.example').open();
        assert.equal(await refused(cheques.present(other, cheque, held)), 'signature-invalid');
        assert.equal(await spent(alice), 0n);
      },
    },
    {
      says: 'one order with two contents, and the same one twice',
      async play(town) {
        const alice = await byHand(town);
        const cheat = await openCheat(town);
        const held = await cheques.openBook(alice, { vnd: '*' });
        const cheque = cheques.write(cheat, held, PRICE);
        const again = cheques.write(cheat, held, 2n * PRICE, { epoid: cheque.epoid });
        const first = await cheques.present(cheat, cheque, held);
        assert.equal(await refused(cheques.present(cheat, again, held)), 'cheque-conflict');
        assert.deepEqual(await cheques.present(cheat, cheque, held), first);
        assert.equal(await spent(alice), PRICE);
      },
    },
    {
      says: 'one unit more than the day allows',
      async play(town) {
        const alice = await byHand(town);
        const site = await openCheat(town);
        const held = await cheques.openBook(alice, { vnd: '*', perDay: PRICE });
        assert.equal((await cheques.present(site, cheques.write(site, held, PRICE), held)).result, 'paid');
        const { result, code } = await cheques.present(site, cheques.write(site, held, 1n), held);
        assert.deepEqual([result, code], ['refused', 'limit-reached']);
        assert.equal(await spent(alice), PRICE);
      },
    },
  ],
};
