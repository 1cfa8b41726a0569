// The fair hash chain (Yang, Lang, Tan, 2004; its double lock: Nguyen, Varadharajan, Mu, 1997): one prepaid chain at many
// sites, each with a range of its own. The wallet buys a chain for each site; that one serves many is shown with its roles by hand.
import { strict as assert } from 'node:assert';
import { Person, payword, Site } from '@farthing/broker/testing';
import type { JsonObject } from '@farthing/protocol';
import { type OwnChain, pieceOf, type Ticket } from '@farthing/protocol/wallet';
import { Counted } from '../harness/counted.ts';
import { WordPayer } from '../harness/word-payer.ts';
import type { Profile } from './profile.ts';
import type { Shop, Town } from './town.ts';
import { read, refusal } from './visit.ts';

const UNIT = 10n;
const FUNDS = 100_000n;

async function openShops(town: Town) {
  const counted = new Counted();
  const shops: Shop[] = [];
  for (const n of [1, 2, 3]) {
    const shop = await town.shop({
      vnd: `shop-${n}`,
      options: { methods: ['payword'], payword: { fundings: ['prepaid'] }, env: counted.env },
      sell: (app, pay) => {
        app.get('/tick', pay.wall({ price: '0.00001 USD', unit: 'tick' }), (_req, res) => void res.send('tick'));
      },
    });
    shops.push(shop);
  }
  const [a, b, c] = shops;
  assert.ok(a && b && c);
  return { counted, shops: [a, b, c] as const };
}

async function street(town: Town) {
  const { counted, shops } = await openShops(town);
  const anna = new Person(town.bench);
  await anna.faucet(FUNDS);
  const balance = async () => BigInt(String((await anna.statement())['balance']));
  /** A contiguous range of the chain for one shop, under the key that the shop shares with the broker. */
  const payer = async (chain: OwnChain, { url, pay }: Shop, [first, last]: readonly [number, number]) => {
    const order = payword.ticketOrder(anna, chain, { vnd: pay.vnd, first, last, auth: 'hmac' });
    const ticket = (await town.bench.send('/v1/payword/tickets', order))['ticket'] as unknown as Ticket;
    return { ticket, payer: new WordPayer(`${url}/tick`, pieceOf(ticket, chain, counted.env()), counted.env) };
  };
  return { counted, anna, balance, payer, shops };
}

async function spend(payer: WordPayer, words: number): Promise<void> {
  for (let n = 0; n < words; n++) {
    const { answer, receipt } = await payer.pay();
    assert.deepEqual([answer.status, await answer.text()], [200, 'tick']);
    assert.equal(receipt?.details['index'], payer.piece.at);
  }
}

/** What a site is paid for a claim that is not its due. */
async function paidTo(thief: Site, claim: payword.Claimed): Promise<string> {
  const { sessions, balance } = await payword.redeemWords(thief, claim);
  assert.equal(balance, '0');
  assert.ok(sessions[0]?.alarm);
  return sessions[0].credited;
}

export const fairChain: Profile = {
  name: 'fair-chain',
  after: 'the fair hash chain, 2004',
  works: [
    {
      says: 'a wallet ticks at three sites without a public-key operation of theirs; what it did not use comes back to the unit',
      async play(town) {
        const { counted, shops } = await openShops(town);
        const wallet = await town.wallet({ micro: FUNDS, trusts: shops });
        for (const { url } of shops) assert.equal((await read(wallet, `${url}/tick`)).text, 'tick');
        await town.stopBroker();
        counted.restart();
        for (const [k, { url }] of shops.entries()) {
          for (let n = 0; n < 6 + k; n++) assert.equal((await read(wallet, `${url}/tick`)).text, 'tick');
        }
        assert.deepEqual(counted.whilePaying, []);
        assert.ok(counted.hashes > 0);
        await town.startBroker();
        for (const [k, shop] of shops.entries()) {
          await shop.pay.redeemNow();
          assert.equal(await shop.owed(), UNIT * BigInt(7 + k));
        }
        await wallet.closeSessions();
        const [money] = (await wallet.balance({ refresh: true })).brokers;
        assert.deepEqual([money?.accountMicro, money?.coinsMicro], [FUNDS - 24n * UNIT, 0n]);
      },
    },
    {
      says: 'one chain at three sites at once without a public-key operation; credits and refund make its price',
      async play(town) {
        const { counted, anna, balance, payer, shops } = await street(town);
        const chain = await payword.buyChain(anna, 90, UNIT);
        const price = FUNDS - (await balance());
        assert.equal(price, 900n);
        const payers: WordPayer[] = [];
        for (const [k, shop] of shops.entries()) {
          payers.push((await payer(chain, shop, [k * 30 + 1, k * 30 + 30])).payer);
        }
        for (const one of payers) await one.ask();

        counted.restart();
        await Promise.all(payers.map((one, k) => spend(one, 7 + k)));
        assert.deepEqual(counted.whilePaying, []);
        assert.ok(counted.hashes > 0);

        for (const [k, shop] of shops.entries()) {
          await shop.pay.redeemNow();
          assert.equal(await shop.owed(), UNIT * BigInt(7 + k));
        }
        const closings: JsonObject[] = [];
        for (const one of payers) {
          const { receipt } = await one.close();
          closings.push(...((receipt?.details['closings'] ?? []) as JsonObject[]));
        }
        const { refunded } = await town.bench.send('/v1/payword/close', payword.closeOrder(anna, closings, chain));
        assert.equal(BigInt(String(refunded)), price - 24n * UNIT);
        assert.equal(await balance(), FUNDS - 24n * UNIT);
      },
    },
  ],
  fails: [
    {
      says: 'a ticket at another site',
      async play(town) {
        const { anna, payer, shops } = await street(town);
        const chain = await payword.buyChain(anna, 60, UNIT);
        const { ticket } = await payer(chain, shops[0], [1, 30]);
        const moved = new WordPayer(`${shops[1].url}/tick`, pieceOf(ticket, chain, town.bench.env()), town.bench.env);
        assert.equal(await refusal(moved.pay().then(({ answer }) => answer)), 'cert-foreign');
      },
    },
    {
      says: 'a claim for words of a site that was shown them',
      async play(town) {
        const { anna, payer, shops } = await street(town);
        const chain = await payword.buyChain(anna, 60, UNIT);
        const { ticket } = await payer(chain, shops[0], [1, 30]);
        const thief = await new Site(town.bench, 'thief.example').open();
        const session = payword.ticketSession(town.bench, chain, ticket);
        assert.equal(await paidTo(thief, payword.claimOf(session, 20)), '0');
      },
    },
    {
      says: 'what two sites can form together of the gap between their ranges',
      async play(town) {
        const { anna, balance } = await street(town);
        const [low, high] = [new Site(town.bench, 'low.example'), new Site(town.bench, 'high.example')];
        for (const site of [low, high]) await site.open();
        const chain = await payword.buyChain(anna, 10, UNIT);
        const first = await payword.buyTicket(anna, chain, { vnd: low.vnd, first: 1, last: 3 });
        const second = await payword.buyTicket(anna, chain, { vnd: high.vnd, first: 6, last: 8 });
        // Words are open from 8 down, locks from 1 up: both of 4 and 5 are open to the two.
        const upward = { ...payword.claimOf(first, 3, { cum: 5n * UNIT }), last: [{ a: 0, i: 5, w: first.word(5) }] };
        const downward = {
          ...payword.claimOf(second, 8, { cum: 5n * UNIT }),
          deed: { ...second.deed, y: payword.lockOf(chain, 4) },
        };
        assert.equal(await paidTo(low, upward), '0');
        assert.equal(await paidTo(high, downward), '0');
        const honest = [
          await payword.redeemWords(low, payword.claimOf(first, 3)),
          await payword.redeemWords(high, payword.claimOf(second, 8)),
        ];
        assert.deepEqual(
          honest.map(({ balance: due }) => due),
          ['30', '30'],
        );
        await town.bench.send('/v1/payword/close', payword.closeOrder(anna, [], chain));
        assert.equal(await balance(), FUNDS - 6n * UNIT);
      },
    },
  ],
};
