// One of everything that a broker does, so that every table has a row that tests can look at or damage.

import { fromBase64url, type JsonObject, toBase64url } from '@farthing/protocol';
import { fundsProof } from '@farthing/protocol/wallet';
import { issueInvites, issueVouchers, write } from '../operate.ts';
import { clearWithPeers } from '../operate-clearing.ts';
import { closeInvoices } from '../operate-payword.ts';
import { propose } from '../services/clearing.ts';
import * as cheques from './cheques.ts';
import { Bench, DAY_SECONDS, Person, pieceOf, Site, soldOf, USD } from './client.ts';
import { captureHeld, Holder, lockKeysets, present, redeemCoins, voidHeld } from './coins.ts';
import { foreign, handedOn, pinEachOther } from './pair.ts';
import {
  buyChain,
  buyTicket,
  certify,
  claimOf,
  closeOrder,
  closing,
  commitTo,
  keyOrder,
  pollOrder,
  redeemWords,
} from './payword.ts';

/** A broker that makes coins: `start({ ecash: COINS })`. */
export const COINS = { denominations: [1n, 2n] };

export async function tellStory(bench: Bench): Promise<{ site: Site; anna: Person }> {
  const [invite] = await codesOf(issueInvites(bench.place, 2), 'invites');
  const site = new Site(bench);
  await bench.send('/v1/vendors', site.registerOrder({ invite: invite ?? '' }));
  await bench.send('/v1/scrip/licences', site.licenceOrder(site.licence({ feeBps: 250 })));
  const anna = new Person(bench);
  await anna.faucet(5_000_000n);
  const [code] = await codesOf(issueVouchers(bench.place, { amount: 7n, currency: USD }, 2), 'vouchers');
  await bench.send('/v1/voucher', anna.order('voucher/1', { code: code ?? '' }));

  const first = pieceOf(await anna.buy(site.vnd, 100_000n, { count: 3 }));
  const second = pieceOf(await anna.buy(site.vnd, 50_000n));
  const third = pieceOf(await anna.buy(site.vnd, 20_000n));
  const fourth = pieceOf(await anna.buy(site.vnd, 10_000n));
  await site.redeem([{ root: first.scrip.root, cum: 1_500n }]);
  await site.redeem([
    { root: first.scrip.root, cum: 2_500n },
    { root: 'k1.999', cum: 5n },
  ]);
  const refund = anna.order('scrip-refund/1', { release: site.release(second.scrip, anna.pk, 45_000n), as: 'scrip' });
  const { scrip, csec } = pieceOf(soldOf(await bench.send('/v1/scrip/refund', refund)));
  const toBalance = anna.order('scrip-refund/1', { release: site.release(third.scrip, anna.pk), as: 'balance' });
  await bench.send('/v1/scrip/refund', toBalance);
  const renew = anna.order('scrip-renew/1', { release: site.release(fourth.scrip, anna.pk), ttl: 2 * DAY_SECONDS });
  await bench.send('/v1/scrip/renew', renew);

  const blank = anna.buyOrder(site.vnd, 30_000n);
  const secret = fromBase64url(csec) ?? new Uint8Array();
  const { crypto } = bench.env();
  const proof = fundsProof({ scrip, rid: blank.rid }, secret, crypto);
  await bench.send('/v1/scrip/buy', anna.resign({ ...blank, funds: { scrip, proof } }));
  await tellOfWords(bench, site, anna);
  await tellOfCoins(bench, site);
  await tellOfPeers(bench, site);
  await tellOfCheques(bench, site);
  return { site, anna };
}

/** PayWord, prepaid and on credit, with an overclaim, invoices, a chain that was refunded and one that nobody ends. */
async function tellOfWords(bench: Bench, site: Site, anna: Person): Promise<void> {
  const { vnd } = site;
  await bench.send('/v1/payword/keys', keyOrder(site));
  const chain = await buyChain(anna, 20, 100n);
  const first = await buyTicket(anna, chain, { vnd, first: 1, last: 8 });
  const second = await buyTicket(anna, chain, { vnd, first: 9, last: 12, auth: 'hmac' });
  await redeemWords(site, claimOf(first, 3), claimOf(second, 10, { cum: 1_000n }));
  await bench.send('/v1/payword/close', closeOrder(anna, [closing(site, second, 200n, 10)], chain));
  const left = await buyChain(anna, 10, 7n, false);
  await redeemWords(site, claimOf(await buyTicket(anna, left, { vnd, first: 1, last: 9 }), 4));

  const day = await certify(anna, vnd, 1_000_000n);
  await bench.send('/v1/payword/poll', pollOrder(site, day.cert, 12_000n));
  const promise = commitTo(bench, day, 50, 1_000n);
  await redeemWords(site, claimOf(promise, 20), { ...claimOf(promise, 20, { deed: false }), cum: '21000' });
  await closeInvoices(bench.place, 14);
  await redeemWords(site, claimOf(promise, 30));
  await closeInvoices(bench.place, 14);
  await redeemWords(site, claimOf(promise, 31));
  await bench.send('/v1/payword/invoices', anna.order('payword-invoices/1', { cur: USD }));
}

/** Coins: withdrawn, swapped, paid, held to every end that a hold can have, and locked to the site. */
async function tellOfCoins(bench: Bench, site: Site): Promise<void> {
  const bob = new Holder(bench);
  await bob.faucet(1_000n);
  await bob.learn();
  await lockKeysets(site, [1n]);
  await bob.learn(`/v1/vendors/${site.vnd}/keysets`);
  await bob.withdraw([2n, 2n, 2n, 2n, 1n, 1n, 1n, 1n]);
  await bob.swap(bob.take(1n, { change: false }).coins, [1n], site.vnd);
  await bob.swap(bob.take(1n, { change: false }).coins, [1n], site.vnd);

  const id = (n: number) => toBase64url(new Uint8Array(32).fill(n));
  const pay = (price: bigint, n: number, vnd?: string) => {
    const taken = bob.take(price, vnd === undefined ? {} : { vnd });
    return { taken, payment: bob.sign(taken, site, id(n), price) };
  };
  await present(site, pay(2n, 1).payment, false);
  const captured = pay(1n, 2);
  await present(site, captured.payment, true);
  await captureHeld(site, id(2));
  await present(site, pay(1n, 3).payment, true);
  await voidHeld(site, id(3));

  // Only coins of 2 are left: paying 1 gives change.
  const voided = pay(1n, 4);
  const { change } = await present(site, voided.payment, true);
  bob.finish(voided.taken.change.planned, change);
  await voidHeld(site, id(4));
  await bob.swap(voided.taken.coins, [1n]);
  await present(site, pay(2n, 5).payment, true);

  const [first, second] = [pay(1n, 6, site.vnd), pay(1n, 7, site.vnd)];
  const { redemption } = await redeemCoins(site, '', first.payment, second.payment);
  const again = bob.sign(first.taken, site, id(8), 1n);
  for (const coin of first.taken.coins) await bob.prove(coin);
  await redeemCoins(site, String((redemption as JsonObject)['batch']), again);
  await bench.send('/v1/ecash/restore', bob.order('ecash-restore/1', { outputs: [bob.draft([1n]).outputs[0] ?? {}] }));
  await bench.send(
    '/v1/ecash/spent',
    bob.order('ecash-spent/1', { coins: first.taken.coins.map(({ coin }) => coin.pk) }),
  );
  const eve = await new Holder(bench).funded();
  await eve.withdraw([2n]);
  await bench.send('/v1/ecash/credit', eve.creditOrder(eve.take(2n, { change: false }).coins));
}

/** Another broker: our site takes its coins, and a site of its own takes ours. */
async function tellOfPeers(bench: Bench, site: Site): Promise<void> {
  await using other = await new Bench().start({ env: bench.env, ecash: COINS });
  await pinEachOther(bench, other, 1_000n);
  const carol = await new Holder(other).funded();
  await carol.withdraw([2n, 2n, 1n, 1n]);
  const ours = foreign(site, other);
  const id = (n: number) => toBase64url(new Uint8Array(32).fill(n));
  const signed = (price: bigint, n: number) => carol.sign(carol.take(price), site, id(n), price);
  await ours.present(signed(2n, 20), false);
  await ours.present(signed(2n, 21), true);
  await ours.present(signed(1n, 22), true);
  await ours.captureHeld(id(21));
  await ours.voidHeld(id(22));
  await ours.present(signed(1n, 23), true);

  const theirs = await new Site(other, 'shop.example').open();
  const dave = await new Holder(bench).funded();
  await dave.withdraw([2n, 1n, 1n, 1n, 1n]);
  const at = foreign(theirs, bench);
  await at.present(dave.sign(dave.take(2n), theirs, id(30), 2n), false);
  await at.present(dave.sign(dave.take(1n), theirs, id(31), 1n), true);
  await at.captureHeld(id(31));
  const payment = dave.sign(dave.take(1n), theirs, id(32), 1n);
  const last = at.deposit(payment, false);
  const { root, order } = await handedOn(bench, other, last);
  await bench.send('/v1/peers/forward', order);
  await at.present(payment, false);

  // One clearing that we ask for, one that is asked of us, and a payment that is open.
  const before = Math.floor(bench.env().nowMs / 1000) + 30;
  await clearWithPeers(bench.place, { before });
  await at.present(dave.sign(dave.take(1n), theirs, id(33), 1n), false);
  const asked = await write(other.place, (desk) => propose({ brk: bench.public.brk, cur: USD }, before, desk));
  await bench.send('/v1/exchange/clear', asked ?? last);
  await at.present(dave.sign(dave.take(1n), theirs, id(34), 1n), false);
  await bench.send('/v1/exchange/claims', root.order('exchange-claims/1', { cur: USD, before, side: 'owed' }));
}

/** Cheques: with every end that one can have, refunded, served unasked, one of them above what was certified. */
async function tellOfCheques(bench: Bench, site: Site): Promise<void> {
  const carl = new Person(bench);
  await carl.faucet(1_000_000n);
  const order = carl.order('cheque-approver/1', { cur: USD, approver: site.pk, above: '500000' });
  await bench.send('/v1/cheque/approver', order);
  const [book, tab] = await cheques.openBooks(carl, [{ vnd: site.vnd }, { vnd: site.vnd, limit: 10_000n }]);
  if (!book || !tab) throw new Error('two certificates');
  const [paid, captured, voided, left] = [1n, 2n, 3n, 4n].map((n) => cheques.write(site, book, n * 1_000n));
  if (!paid || !captured || !voided || !left) throw new Error('four cheques');
  await bench.send('/v1/cheque/approve', cheques.approveOrder(site, paid));
  await cheques.present(site, paid, book);
  for (const held of [captured, voided, left]) await cheques.present(site, held, book, { hold: true });
  await cheques.settle(site, { capture: [captured.epoid], void: [voided.epoid] });
  await bench.send('/v1/cheque/refund', cheques.refundOrder(site, captured, 500n));
  const late = cheques.write(site, book, 5n, { exp: Math.floor(bench.env().nowMs / 1000) - 300 });
  for (const cheque of [paid, late]) await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(carl, cheque, book));
  const { key, goods, ciphertext } = cheques.sealGoods(new Uint8Array(9), new Uint8Array(8));
  const wrong = cheques.write(site, book, 700n, { goods });
  await cheques.present(site, wrong, book, { key });
  await cheques.dispute(carl, wrong, book, ciphertext);
  await bench.send('/v1/cheque/authorize', cheques.authorizeOrder(site, tab, 9_000n, 2_000n));
  const served = [7_000n, 3_000n, 2_000n].map((amount) => {
    return { cheque: cheques.write(site, tab, amount, { capture: 'aggregated' }), book: tab };
  });
  await cheques.redeemCheques(site, ...served);
  await closeInvoices(bench.place, 14);
  await cheques.redeemCheques(site, { cheque: cheques.write(site, tab, 900n, { capture: 'deferred' }), book: tab });
  await closeInvoices(bench.place, 14);
  await bench.send('/v1/cheque/notes', site.order('cheque-notes/1', { vnd: site.vnd, cur: USD }));
  const asked = { vnd: site.vnd, epoid: paid.epoid };
  await bench.send('/v1/cheque/trace', site.order('cheque-trace/1', asked));
}

async function codesOf(issued: ReturnType<typeof issueInvites>, member: string): Promise<string[]> {
  const { json } = await issued;
  return (json as Record<string, string[]>)[member] ?? [];
}
