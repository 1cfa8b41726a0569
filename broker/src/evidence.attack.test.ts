import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Json, type JsonObject, signObject, toBase64url } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkEvidence, listOverclaims } from './operate-overclaims.ts';
import * as cheques from './testing/cheques.ts';
import { Bench, Person, Site } from './testing/client.ts';
import {
  buyChain,
  buyTicket,
  certify,
  claimOf,
  closeOrder,
  closing,
  commitTo,
  redeemWords,
} from './testing/payword.ts';

let bench: Bench;
let site: Site;
let anna: Person;
beforeEach(async () => {
  bench = await new Bench().start();
  site = await new Site(bench).open();
  anna = new Person(bench);
  await anna.faucet(1_000_000n);
});
afterEach(() => bench[Symbol.asyncDispose]());

/** As somebody elsewhere would: a file, and nothing of this broker. */
function judged(json: Json): { status: number; verdicts: string[] } {
  const path = join(bench.data, 'evidence.json');
  writeFileSync(path, JSON.stringify(json));
  const { status, lines } = checkEvidence(path);
  return { status, verdicts: lines.map((line) => line.split(/[\t:]/)[0] ?? '') };
}
type Evidence = JsonObject & { order: JsonObject & { claims: JsonObject[] }; vendor: JsonObject; deed: JsonObject };
const evidenceOf = async () =>
  ((await listOverclaims(bench.place)).json as { overclaims: { why: string; evidence: Evidence }[] }).overclaims;

test('what a site claimed too much is proved by the file alone: words, cap, closing, forged and borrowed deeds', async () => {
  const chain = await buyChain(anna, 20, 100n);
  const session = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 10 });
  await redeemWords(site, claimOf(session, 5, { cum: 501n }));
  const day = await certify(anna, site.vnd, 10_000n);
  await redeemWords(site, claimOf(commitTo(bench, day, 50, 100n, 2_000n), 40));
  await bench.send('/v1/payword/close', closeOrder(anna, [closing(site, session, 600n, 6)], chain));
  await redeemWords(site, claimOf(session, 9));
  await redeemWords(site, claimOf(commitTo(bench, { ...day, seed: bench.env().random(32) }, 50, 100n), 5));
  await redeemWords(site, claimOf(commitTo(bench, day, 50, 1_000n), 5));
  const list = (await listOverclaims(bench.place)).json;
  expect((await evidenceOf()).map(({ why }) => why)).toEqual([
    'over-words',
    'over-cap',
    'over-cap',
    'forged',
    'forged',
  ]);
  expect(judged(list)).toEqual({ status: 0, verdicts: Array(5).fill('proved') });
  for (const { evidence } of await evidenceOf()) expect(judged(evidence)).toEqual({ status: 0, verdicts: ['proved'] });
});

test('evidence that was altered anywhere proves nothing', async () => {
  const session = await buyTicket(anna, await buyChain(anna, 20, 100n), { vnd: site.vnd, first: 1, last: 10 });
  await redeemWords(site, claimOf(session, 5), claimOf(session, 6, { cum: 601n }));
  const [{ evidence } = raise()] = await evidenceOf();
  expect(judged(evidence).status).toBe(0);
  const { order, vendor, deed } = evidence;
  const [first = raise(), claim = raise()] = order.claims;
  const other = new Person(bench);
  const stranger = bench.env().random(32);
  const { sig: _, ...record } = vendor;
  const altered: Record<string, JsonObject> = {
    'an honest claim of the same batch': { ...evidence, claim: 0 },
    'no such claim': { ...evidence, claim: 2 },
    'a higher total': { ...evidence, order: { ...order, claims: [first, { ...claim, cum: '9000' }] } },
    'another moment': { ...evidence, order: { ...order, at: Number(order['at']) + 1 } },
    'another word': { ...evidence, order: { ...order, claims: [first, { ...claim, last: first['last'] ?? [] }] } },
    'a smaller ticket': { ...evidence, deed: { ticket: { ...(deed['ticket'] as JsonObject), to: 3 } } },
    'no deed': { ...evidence, deed: null },
    'another broker': { ...evidence, root: toBase64url(bench.env().crypto.publicKey(stranger)) },
    'a key that the broker did not vouch for': { ...evidence, vendor: { ...vendor, pk: other.pk } },
    'a record signed by another': {
      ...evidence,
      vendor: { ...record, sig: signObject({ ...record, typ: 'vendor/1' }, stranger, bench.env().crypto) },
    },
    'an order signed by another': {
      ...evidence,
      order: { ...other.order('payword-redeem/1', { vnd: site.vnd, prev: '', claims: order.claims }) },
    },
    'a member more': { ...evidence, note: 'believe me' },
    'something else': { typ: 'overclaim/1' },
  };
  for (const [name, document] of Object.entries(altered)) {
    const { status, verdicts } = judged(document);
    expect([name, status, verdicts.includes('proved')]).toEqual([name, 1, false]);
  }
  expect(judged([])).toMatchObject({ status: 1 });
  expect(judged({ overclaims: [] })).toMatchObject({ status: 1 });
});

test('a closing that the site signed after its claim, or that another signed, does not make the claim too much', async () => {
  const chain = await buyChain(anna, 20, 100n);
  const session = await buyTicket(anna, chain, { vnd: site.vnd, first: 1, last: 10 });
  const good = closing(site, session, 600n, 6);
  await bench.send('/v1/payword/close', closeOrder(anna, [good], chain, 'keep'));
  await redeemWords(site, claimOf(session, 9));
  const [{ evidence } = raise()] = await evidenceOf();
  expect(judged(evidence).verdicts).toEqual(['proved']);
  const at = Number(good['at']) + 100;
  const unsigned = { ...good, typ: 'close/1', at };
  const resigned = (seed: Uint8Array) => ({ ...unsigned, sig: signObject(unsigned, seed, bench.env().crypto) });
  expect(judged({ ...evidence, closing: resigned(site.seed) }).verdicts).toEqual(['honest']);
  expect(judged({ ...evidence, closing: { ...resigned(anna.seed), at: Number(good['at']) } }).verdicts).toEqual([
    'honest',
  ]);
  const { closing: __, ...without } = evidence;
  expect(judged(without).verdicts).toEqual(['honest']);
});

function raise(): never {
  throw new Error('missing');
}

type ChequeEvidence = JsonObject & { cert: JsonObject; order: JsonObject & { claims: JsonObject[] } };
/** A site that claims cheques as they are given. */
async function claimed(): Promise<{ why: string; verdict: string; evidence: ChequeEvidence }[]> {
  const shop = await new Site(bench, 'shop.example').open();
  const [book, other] = await cheques.openBooks(anna, [
    { vnd: site.vnd, limit: 1_000n },
    { vnd: shop.vnd, limit: 1_000n },
  ]);
  if (!book || !other) throw new Error('two books');
  const later = { capture: 'deferred' as const };
  const good = cheques.write(site, book, 100n, later);
  await cheques.redeemCheques(
    site,
    { cheque: good, book },
    { cheque: { ...good, epoid: cheques.challenge() }, book },
    { cheque: cheques.write(shop, other, 100n, later), book: other },
    { cheque: cheques.write(site, book, 100n), book },
    { cheque: cheques.write(site, book, 1_000n, later), book },
    { cheque: cheques.write(site, book, 100n, later), book: { ...book, cert: { ...book.cert, sig: other.cert.sig } } },
  );
  return ((await listOverclaims(bench.place)).json as { overclaims: [] }).overclaims;
}

test('of cheques that a site claimed, the forged and the borrowed are proved by the file alone; limits are the broker’s word', async () => {
  const found = await claimed();
  expect(found.map(({ why, verdict }) => [why, verdict])).toEqual([
    ['cheque-forged', 'proved'],
    ['cheque-foreign', 'proved'],
    ['cheque-foreign', 'proved'],
    ['limit-reached', 'open'],
    ['cert-forged', 'open'],
  ]);
  for (const { evidence, verdict } of found) {
    expect(judged(evidence)).toEqual({ status: verdict === 'proved' ? 0 : 1, verdicts: [verdict] });
  }
});

test('a broker cannot make a cheque look forged by another certificate, nor a site guilty by another claim', async () => {
  const [{ evidence } = raise()] = await claimed();
  const { root } = JSON.parse(readFileSync(join(bench.data, 'keys.json'), 'utf8')) as { root: string };
  const { sig: _, ...rest } = evidence.cert;
  const unsigned = { ...rest, typ: 'daycert/1', pk: site.pk };
  const sig = signObject(unsigned, new Uint8Array(Buffer.from(root, 'base64url')), bench.env().crypto);
  expect(judged({ ...evidence, cert: { ...unsigned, sig } })).toMatchObject({ verdicts: ['open'] });
  expect(judged({ ...evidence, cert: null })).toMatchObject({ verdicts: ['open'] });
  expect(judged({ ...evidence, claim: 0 })).toMatchObject({ verdicts: ['open'] });
  const [first, second] = evidence.order.claims;
  const swapped = { ...evidence.order, claims: [second ?? {}, first ?? {}] };
  expect(judged({ ...evidence, order: swapped })).toMatchObject({ verdicts: ['not evidence'] });
  expect(judged({ ...evidence, claim: 9 })).toMatchObject({ verdicts: ['not evidence'] });
});
