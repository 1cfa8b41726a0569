// CyberCoin (CyberCash, 1996): sealed goods on an account, in orders that the site hands on and can neither read nor change. The
// original's messages are not published; orders here are signed by a day key, where it counted uses of a MAC key.
import { strict as assert } from 'node:assert';
import { cheques, type Person, Site } from '@farthing/broker/testing';
import type { Cheque } from '@farthing/protocol/wallet';
import { balanceOf, outcome, send, served } from './cheque-book.ts';
import type { Profile } from './profile.ts';
import { FUNDS, fetchSealed, mustOpen, openBookshop, PRICE } from './sealed-shop.ts';
import type { Town } from './town.ts';
import { refused } from './visit.ts';

/** A site that does not keep to its part. */
const openCheat = ({ bench }: Town) => new Site(bench, 'cheat.example').open();
const spent = async (person: Person) => FUNDS - (await balanceOf(person));

export const cybercoin: Profile = {
  name: 'cybercoin',
  after: 'CyberCoin, 1996',
  works: [
    {
      says: 'goods and key for money, by an order that names neither account nor goods to those who hand it on',
      async play(town) {
        const { shop, alice } = await openBookshop(town);
        const slip = await fetchSealed(shop, alice);
        const { cheque, book } = slip;
        assert.ok(!JSON.stringify([cheque, book.cert]).includes(alice.pk));
        const { details } = await served(await send(`${shop.url}/book`, slip));
        mustOpen(slip, details['key']);
        assert.equal(await spent(alice), PRICE);
      },
    },
    {
      says: 'a key that the site withholds is had from the broker',
      async play(town) {
        const { shop, alice } = await openBookshop(town);
        const slip = await fetchSealed(shop, alice);
        await (await send(`${shop.url}/book`, slip)).body?.cancel();
        await shop.pay.close();
        const { result, key } = await outcome(alice, slip.cheque, slip.book);
        assert.equal(result, 'paid');
        mustOpen(slip, key);
      },
    },
  ],
  fails: [
    {
      says: 'an order that its site edited: another price, a longer life, another site',
      async play(town) {
        const { alice } = await openBookshop(town);
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
        const { alice } = await openBookshop(town);
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
        const { alice } = await openBookshop(town);
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
