// Cheques between a real broker and real sites: deferred, held, and for sealed goods; whoever stops, the sums and the books agree.
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, cheques, Person, USD } from '@farthing/broker/testing';
import {
  type Challenge,
  decode,
  fromBase64url,
  isKeyOf,
  type JsonObject,
  Opener,
  printCredential,
  type Receipt,
  readChallenges,
  readReceipt,
  readRequest,
  sealedOfferSchema,
} from '@farthing/protocol';
import { type Cheque, signCheque } from '@farthing/protocol/wallet';
import { type Farthing, farthing } from '@farthing/vendor';
import express from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const PRICE = 1000n;
const folder = mkdtempSync(join(tmpdir(), 'farthing-cheques-'));
const bench = new Bench();
const book = randomBytes(150_000);
let alice: Person;
let pay: Farthing;
let url: string;
let close: () => Promise<void>;
const log: string[] = [];

beforeAll(async () => {
  await bench.start();
  alice = new Person(bench);
  await alice.faucet(5_000_000n);
  pay = await farthing({
    ...{ broker: bench.url, data: join(folder, 'news'), vnd: 'news.example', methods: ['cheque'] },
    ...{ cheque: { offlineMax: '0.01' }, env: bench.env, log: (line: string) => log.push(line) },
  });
  const app = express();
  app.use('/farthing', pay.routes());
  app.get('/page', pay.wall({ price: '0.001 USD' }), (_req, res) => void res.send('a page'));
  app.get('/broken', pay.wall({ price: '0.001 USD' }), (_req, res) => void res.status(500).send('sorry'));
  app.get(
    '/long/:name',
    pay.sealed({ price: '0.001 USD', media: 'image/jpeg' }, () => book),
  );
  app.get(
    '/book',
    pay.sealed({ price: '0.001 USD', media: 'application/pdf' }, () => book),
  );
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await pay.close();
  };
});
afterAll(async () => {
  await close();
  const { findings } = auditLedger(join(bench.data, 'ledger.db'), bench.public.root);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  expect(findings, 'the books after all of it').toEqual([]);
});

async function challengeOf(path: string): Promise<Challenge> {
  const asked = await fetch(url + path);
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  await asked.arrayBuffer();
  if (!challenge) throw new Error(`no challenge: ${asked.status}`);
  return challenge;
}

const offerOf = (challenge: Challenge) => {
  const sealed = readRequest(challenge)?.methodDetails['sealed'];
  return sealed === undefined ? undefined : decode(sealedOfferSchema, sealed, 'offer-unusable');
};

type Paid = { readonly answer: Response; readonly receipt: Receipt | undefined; readonly cheque: Cheque };

async function buy(path: string, held: cheques.Book, capture: Cheque['capture']): Promise<Paid> {
  const challenge = await challengeOf(path);
  return send(path, challenge, { held, cheque: chequeFor(challenge, held, capture) });
}

function chequeFor(challenge: Challenge, { cert, seed }: cheques.Book, capture: Cheque['capture']): Cheque {
  const offer = offerOf(challenge);
  const unsigned = {
    typ: 'cheque/1' as const,
    ...{ epoid: challenge.id, brk: cert.brk, sub: cert.sub, vnd: pay.vnd, amount: PRICE.toString(), cur: USD, capture },
    ...(offer ? { goods: { ct: offer.ct, kc: offer.kc, pt: offer.pt } } : {}),
    exp: Math.floor(bench.env().nowMs / 1000) + 300,
  };
  return signCheque(unsigned, seed, bench.env().crypto);
}

type Sent = { readonly held: cheques.Book; readonly cheque: Cheque };

async function send(path: string, challenge: Challenge, { held: { cert }, cheque }: Sent): Promise<Paid> {
  const payload = { cheque: { ...cheque }, cert: { ...cert } } as JsonObject;
  const answer = await fetch(url + path, { headers: { authorization: printCredential({ challenge, payload }) } });
  const text = answer.headers.get('payment-receipt');
  return { answer, receipt: text === null ? undefined : readReceipt(text), cheque };
}

const code = async ({ answer }: Paid): Promise<unknown> => ((await answer.json()) as JsonObject)['code'];
const balance = async () => BigInt(String((await alice.statement())['balance']));

/** What the broker says that the site has. */
async function income(): Promise<bigint> {
  const seed = Buffer.from(readFileSync(join(folder, 'news/keys/vendor.secret'), 'utf8').trim(), 'base64url');
  const { balance: text } = await new Person(bench, new Uint8Array(seed)).statement({ vnd: pay.vnd });
  return BigInt(String(text));
}
/** What an act brought the site, once all claims are in. */
async function earned(act: () => Promise<unknown>): Promise<bigint> {
  await pay.redeemNow();
  const before = await income();
  await act();
  await pay.redeemNow();
  return (await income()) - before;
}

/** Stops the broker for a while: the same ledger answers at the same port afterwards. */
async function withoutBroker(act: () => Promise<unknown>): Promise<void> {
  const port = Number(new URL(bench.url).port);
  await bench.broker?.close();
  try {
    await act();
  } finally {
    await bench.start({ port });
  }
}

const outcome = async ({ cert }: cheques.Book, cheque: Cheque): Promise<JsonObject> => {
  const { receipt } = await bench.send(
    '/v1/cheque/outcome',
    cheques.outcomeOrder(alice, cheque, { cert } as cheques.Book),
  );
  return receipt as JsonObject;
};

describe('A cheque for later', () => {
  it('is served up to the limit while the broker is away, and paid when it is back', async () => {
    const held = await cheques.openBook(alice, { vnd: pay.vnd, limit: 5000n });
    const brought = await earned(() =>
      withoutBroker(async () => {
        for (let n = 0; n < 5; n++) expect((await buy('/page', held, 'deferred')).answer.status).toBe(200);
        const { answer } = await buy('/page', held, 'deferred');
        expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
        await answer.arrayBuffer();
      }),
    );
    expect(brought).toBe(5n * PRICE);
  });

  it('above the limit is served with the broker’s leave, which it gives as far as the certificate goes', async () => {
    const held = await cheques.openBook(alice, { vnd: pay.vnd, limit: 2000n, perDay: 4000n });
    const brought = await earned(async () => {
      for (let n = 0; n < 4; n++) expect((await buy('/page', held, 'deferred')).answer.status).toBe(200);
      const over = await buy('/page', held, 'deferred');
      expect([over.answer.status, await code(over)]).toEqual([402, 'limit-reached']);
    });
    expect(brought).toBe(4n * PRICE);
  });

  it('is given back in parts', async () => {
    const held = await cheques.openBook(alice, { vnd: pay.vnd, limit: 1000n });
    const brought = await earned(async () => {
      const { receipt } = await buy('/page', held, 'deferred');
      await pay.redeemNow();
      const before = await balance();
      await pay.refund(receipt?.challengeId ?? '', '0.0003 USD');
      expect((await balance()) - before).toBe(300n);
    });
    expect(brought).toBe(PRICE - 300n);
  });
});

describe('A cheque for a page now', () => {
  it('is held, then captured when the page was delivered', async () => {
    const held = await cheques.openBook(alice, { vnd: '*' });
    const before = await balance();
    const brought = await earned(async () => {
      const { answer, receipt, cheque } = await buy('/page', held, 'now');
      expect([answer.status, await answer.text()]).toEqual([200, 'a page']);
      expect(receipt?.details['receipt']).toMatchObject({ result: 'held' });
      await pay.redeemNow();
      expect(await outcome(held, cheque)).toMatchObject({ result: 'paid' });
    });
    expect([brought, before - (await balance())]).toEqual([PRICE, PRICE]);
  });

  it('is given back when the page failed', async () => {
    const held = await cheques.openBook(alice, { vnd: '*' });
    const before = await balance();
    const challenge = await challengeOf('/broken');
    const cheque = chequeFor(challenge, held, 'now');
    const failed = await send('/broken', challenge, { held, cheque });
    expect([failed.answer.status, failed.answer.headers.get('payment-consumed')]).toEqual([500, '?0']);
    const again = await send('/broken', challenge, { held, cheque });
    expect([again.answer.status, await code(again)]).toEqual([402, 'cheque-void']);
    expect(await balance()).toBe(before);
  });

  it('that the account does not cover is refused with the broker’s signed word, for good', async () => {
    const poor = new Person(bench);
    await poor.faucet(500n);
    const held = await cheques.openBook(poor, { vnd: '*' });
    const challenge = await challengeOf('/page');
    const cheque = chequeFor(challenge, held, 'now');
    const refused = await send('/page', challenge, { held, cheque });
    expect(refused.answer.status).toBe(402);
    expect(await refused.answer.json()).toMatchObject({ code: 'balance-short', receipt: { result: 'refused' } });
    await poor.faucet(5000n);
    expect(await code(await send('/page', challenge, { held, cheque }))).toBe('balance-short');
  });
});

it('A cheque that somebody else has to allow waits for the yes, and then pays as it is', async () => {
  const [anna, parent] = [new Person(bench), new Person(bench)];
  await anna.faucet(5000n);
  const watch = { cur: USD, approver: parent.pk, above: '500' };
  await bench.send('/v1/cheque/approver', anna.order('cheque-approver/1', watch));
  const held = await cheques.openBook(anna, { vnd: '*' });
  const challenge = await challengeOf('/page');
  const cheque = chequeFor(challenge, held, 'now');
  const asked = await send('/page', challenge, { held, cheque });
  expect(asked.answer.status).toBe(402);
  const problem = (await asked.answer.json()) as JsonObject;
  expect(problem).toMatchObject({ code: 'approver-needed', consumed: false });
  expect(JSON.stringify(problem)).not.toContain(parent.pk);
  expect(problem['type']).toContain('payment-action-required');
  await bench.send('/v1/cheque/approve', cheques.approveOrder(parent, cheque));
  expect((await send('/page', challenge, { held, cheque })).answer.status).toBe(200);
});

describe('Sealed goods by cheque', () => {
  it('are paid when the key comes, and the broker tells the customer the same key', async () => {
    const held = await cheques.openBook(alice, { vnd: '*' });
    const brought = await earned(async () => {
      const challenge = await challengeOf('/book');
      const offer = offerOf(challenge);
      const sealed = Buffer.from(await (await fetch(url + offer?.url)).arrayBuffer());
      expect(createHash('sha256').update(sealed).digest('base64url')).toBe(offer?.ct);
      const cheque = chequeFor(challenge, held, 'now');
      const { answer, receipt } = await send('/book', challenge, { held, cheque });
      expect(answer.status).toBe(200);
      const key = String(receipt?.details['key']);
      expect(isKeyOf(key, offer?.kc ?? '')).toBe(true);
      const opener = new Opener(fromBase64url(key) ?? new Uint8Array());
      const [parts, last] = [opener.push(sealed), opener.end()];
      expect(parts && last && Buffer.concat([...parts, last]).equals(book)).toBe(true);
      expect(await outcome(held, cheque)).toMatchObject({ result: 'paid', key });
    });
    expect(brought).toBe(PRICE);
  });

  it('are not paid while the broker is away, and by the same cheque when it is back', async () => {
    const held = await cheques.openBook(alice, { vnd: '*' });
    const challenge = await challengeOf('/book');
    const cheque = chequeFor(challenge, held, 'now');
    const brought = await earned(async () => {
      await withoutBroker(async () => {
        const { answer } = await send('/book', challenge, { held, cheque });
        expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
        await answer.arrayBuffer();
      });
      expect((await send('/book', challenge, { held, cheque })).answer.status).toBe(200);
    });
    expect(brought).toBe(PRICE);
  });
});

it('A cheque for sealed goods with a long name fits the header that every server accepts', async () => {
  const held = await cheques.openBook(alice, { vnd: pay.vnd, limit: 1000n });
  const challenge = await challengeOf(`/long/${'%E6%BC%AB'.repeat(80)}`);
  const cheque = chequeFor(challenge, held, 'now');
  const header = printCredential({
    challenge,
    payload: { cheque: { ...cheque }, cert: { ...held.cert } } as JsonObject,
  });
  expect(header.length).toBeLessThanOrEqual(4096);
});
