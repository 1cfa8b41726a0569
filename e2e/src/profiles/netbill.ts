// NetBill (Cox, Tygar, Sirbu, 1995): the goods come first and sealed; money and key change hands in one transaction.
import { strict as assert } from 'node:assert';
import { randomBytes } from 'node:crypto';
import { cheques, Site } from '@farthing/broker/testing';
import { toBase64url } from '@farthing/protocol';
import { balanceOf, outcome, send, served } from './cheque-book.ts';
import type { Profile } from './profile.ts';
import { digest, FUNDS, fetchSealed, mustOpen, openBookshop, PRICE } from './sealed-shop.ts';
import { refusal, refused } from './visit.ts';

export const netbill: Profile = {
  name: 'netbill',
  after: 'NetBill, 1995',
  works: [
    {
      says: 'a sealed book is fetched free, and opens by the key that comes with the payment; a broker that is away means neither',
      async play(town) {
        const { shop, alice } = await openBookshop(town);
        const slip = await fetchSealed(shop, alice);
        await town.stopBroker();
        const { status, headers } = await send(`${shop.url}/book`, slip);
        assert.deepEqual([status, headers.has('retry-after')], [503, true]);
        await town.startBroker();
        assert.equal(await balanceOf(alice), FUNDS);
        const receipt = await served(await send(`${shop.url}/book`, slip));
        mustOpen(slip, receipt.details['key']);
        assert.deepEqual([await shop.owed(), await balanceOf(alice)], [PRICE, FUNDS - PRICE]);
      },
    },
    {
      says: 'a site that dies with the receipt cannot keep the key: the broker has it',
      async play(town) {
        const { shop, alice } = await openBookshop(town);
        const slip = await fetchSealed(shop, alice);
        // Nobody ever reads what the site answers.
        await (await send(`${shop.url}/book`, slip)).body?.cancel();
        const receipt = await outcome(alice, slip.cheque, slip.book);
        assert.equal(receipt['result'], 'paid');
        mustOpen(slip, receipt['key']);
      },
    },
  ],
  fails: [
    {
      says: 'a key that does not open what was offered: no money moves',
      async play(town) {
        const { shop, alice } = await openBookshop(town);
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
        const { shop, alice } = await openBookshop(town);
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
        const { shop, alice } = await openBookshop(town);
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
