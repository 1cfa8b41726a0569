// NetBill (Cox, Tygar, Sirbu, 1995): the goods come first and sealed; money and key change hands in one transaction.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { cheques, Site } from '@farthing/broker/testing';
import { toBase64url } from '@farthing/protocol';
import { balanceOf, send, served } from './cheque-book.ts';
import type { Profile } from './profile.ts';
import {
  byHand,
  digest,
  FUNDS,
  fetchSealed,
  isPaid,
  losingAnswers,
  mustOpen,
  openBookshop,
  PRICE,
  Reader,
  type Wire,
} from './sealed-shop.ts';
import { refusal, refused } from './visit.ts';

export const netbill: Profile = {
  name: 'netbill',
  after: 'NetBill, 1995',
  works: [
    {
      says: 'a wallet fetches a sealed book free, and opens it by the key that comes with the payment; a broker that is away means neither',
      async play(town) {
        const shop = await openBookshop(town);
        const reader = await Reader.open(town, shop);
        const leaving: Wire = async (request) => {
          if (isPaid(request)) await town.stopBroker();
          return fetch(request);
        };
        await assert.rejects(reader.buy(leaving), { code: 'site-not-ready' });
        await town.startBroker();
        assert.deepEqual([reader.hasBook, await shop.owed()], [false, 0n]);
        await reader.buy();
        assert.ok(reader.hasBook);
        assert.deepEqual([await shop.owed(), await reader.spent()], [PRICE, PRICE]);
      },
    },
    {
      says: 'a site that dies with the receipt cannot keep the key: the wallet gets it from the broker',
      async play(town) {
        const shop = await openBookshop(town);
        const reader = await Reader.open(town, shop);
        await reader.buy(losingAnswers(() => shop.pay.close()));
        assert.ok(reader.hasBook);
        assert.equal(await reader.spent(), PRICE);
      },
    },
  ],
  fails: [
    {
      says: 'a key that does not open what was offered: no money moves',
      async play(town) {
        const [shop, alice] = [await openBookshop(town), await byHand(town)];
        const { kc } = await fetchSealed(shop, alice);
        const cheat = await new Site(town.bench, 'cheat.example').open();
        const held = await cheques.openBook(alice, { vnd: '*' });
        const random = () => toBase64url(randomBytes(32));
        const cheque = cheques.write(cheat, held, PRICE, { goods: { ct: random(), kc, pt: random() } });
        assert.equal(await refused(cheques.present(cheat, cheque, held, { key: random() })), 'key-wrong');
        assert.equal(await balanceOf(alice), FUNDS);
      },
    },
    {
      says: 'ciphertext that was swapped on its way: its digest is not the one that is signed for, and it never opens',
      async play(town) {
        const [shop, alice] = [await openBookshop(town), await byHand(town)];
        const slip = await fetchSealed(shop, alice);
        const swapped = Buffer.from(slip.sealed);
        swapped.writeUInt8(swapped.readUInt8(100_000) ^ 1, 100_000);
        assert.notEqual(digest(swapped), slip.cheque.goods?.ct);
        const { key } = (await served(await send(`${shop.url}/book`, slip))).details;
        assert.throws(() => mustOpen({ ...slip, sealed: swapped }, key), 'the key opens what was offered alone');
        mustOpen(slip, key);
      },
    },
    {
      says: 'an order that was replayed for another challenge, or changed',
      async play(town) {
        const [shop, alice] = [await openBookshop(town), await byHand(town)];
        const [slip, other] = [await fetchSealed(shop, alice), await fetchSealed(shop, alice)];
        await served(await send(`${shop.url}/book`, slip));
        assert.equal(
          await refusal(send(`${shop.url}/book`, { ...slip, challenge: other.challenge })),
          'cheque-foreign',
        );
        const changed = { ...other, cheque: { ...other.cheque, exp: other.cheque.exp + 1 } };
        assert.equal(await refusal(send(`${shop.url}/book`, changed)), 'cheque-forged');
        // The same again is no second purchase.
        await served(await send(`${shop.url}/book`, slip));
        assert.equal(await balanceOf(alice), FUNDS - PRICE);
      },
    },
  ],
};
