// Sealed goods by cheque, with a process killed at each step from the offer to the receipt: paid is openable, and paid once. What the
// last message would have brought is had from the site by the same cheque, or from the broker when the site never comes back.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Bench, cheques, Person, USD } from '@farthing/broker/testing';
import {
  type Challenge,
  decode,
  fromBase64url,
  type JsonObject,
  Opener,
  printCredential,
  readChallenges,
  readReceipt,
  readRequest,
  type SealedOffer,
  sealedOfferSchema,
} from '@farthing/protocol';
import { type Cheque, signCheque } from '@farthing/protocol/wallet';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Running, runCommand, startBrokerProcess, startProcess } from '../harness/processes.ts';
import { type FaultyProxy, type Hit, startProxy } from '../harness/proxy.ts';

const PRICE = 5000n;
const folder = mkdtempSync(join(tmpdir(), 'farthing-goods-'));
const data = { broker: join(folder, 'broker'), site: join(folder, 'site') };
let broker: Running;
let site: Running;
/** Between site and broker, and between customer and site. */
let counter: FaultyProxy;
let door: FaultyProxy;
const bench = new Bench();
let alice: Person;
let held: cheques.Book;

const startSite = (port = 0): Promise<Running> =>
  startProcess('The gallery', 'e2e/src/harness/gallery.ts', [
    ...['--broker', counter.url, '--data', data.site, '--port', String(port)],
  ]);
const portOf = ({ url }: Running) => Number(new URL(url).port);

beforeAll(async () => {
  broker = await startBrokerProcess(data.broker);
  counter = await startProxy(broker.url);
  site = await startSite();
  door = await startProxy(site.url);
  await bench.attach(broker.url);
  alice = new Person(bench);
  await alice.faucet(1_000_000n);
  held = await cheques.openBook(alice, { vnd: '*' });
});
afterAll(async () => {
  await site.kill();
  await broker.kill();
  await Promise.all([counter.close(), door.close()]);
  const { code, stdout } = await runCommand('broker/src/main.ts', ['audit', '--data', data.broker, '--json']);
  rmSync(folder, { recursive: true });
  rmSync(bench.data, { recursive: true });
  expect(code, stdout).toBe(0);
});

async function restart(who: 'site' | 'broker'): Promise<void> {
  if (who === 'site') site = await startSite(portOf(site));
  else broker = await startBrokerProcess(data.broker, portOf(broker));
}

type Purchase = { readonly challenge: Challenge; readonly offer: SealedOffer; readonly cheque: Cheque };

async function order(): Promise<Purchase> {
  const asked = await fetch(`${door.url}/picture`);
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  await asked.arrayBuffer();
  const sealed = challenge && readRequest(challenge)?.methodDetails['sealed'];
  if (!challenge || sealed === undefined) throw new Error(`expected an offer, got ${asked.status}`);
  const offer = decode(sealedOfferSchema, sealed, 'offer-unusable');
  const unsigned = {
    ...{ typ: 'cheque/1' as const, epoid: challenge.id, brk: held.cert.brk, sub: held.cert.sub, vnd: offer.vnd },
    ...{ amount: offer.amount, cur: USD, capture: 'now' as const },
    goods: { ct: offer.ct, kc: offer.kc, pt: offer.pt },
    exp: Math.floor(Date.now() / 1000) + 300,
  };
  return { challenge, offer, cheque: signCheque(unsigned, held.seed, bench.env().crypto) };
}

/** The key that the site gives for a cheque; `undefined` when it does not come. */
async function keyOf({ challenge, cheque }: Purchase): Promise<string | undefined> {
  const payload = { cheque: { ...cheque }, cert: { ...held.cert } } as JsonObject;
  const headers = { authorization: printCredential({ challenge, payload }) };
  const answer = await fetch(`${door.url}/picture`, { headers }).catch(() => undefined);
  await answer?.arrayBuffer().catch(() => {});
  return keyIn(readReceipt(answer?.headers.get('payment-receipt') ?? '')?.details);
}

/** The key as the broker tells it to its customer. */
async function keyAtBroker({ cheque }: Purchase): Promise<string | undefined> {
  const result = await bench.send('/v1/cheque/outcome', cheques.outcomeOrder(alice, cheque, held));
  return keyIn(result['receipt']);
}

function keyIn(member: unknown): string | undefined {
  const key = typeof member === 'object' && member !== null && 'key' in member ? member.key : undefined;
  return typeof key === 'string' ? key : undefined;
}

const balance = async (): Promise<bigint> => BigInt(String((await alice.statement())['balance']));

async function ciphertext({ offer }: Purchase): Promise<Buffer> {
  return Buffer.from(await (await fetch(door.url + offer.url)).arrayBuffer());
}

/** Digest of what a key makes of a ciphertext. */
function opened(sealed: Uint8Array, key = ''): string | undefined {
  const opener = new Opener(fromBase64url(key) ?? new Uint8Array(32));
  const [parts, last] = [opener.push(sealed), opener.end()];
  if (!parts || !last) return undefined;
  return createHash('sha256')
    .update(Buffer.concat([...parts, last]))
    .digest('base64url');
}

const isCapture = ({ url }: Hit) => url === '/v1/cheque/capture';
const isPaid = ({ paid }: Hit) => paid;

let purchase: Purchase;
let sealed: Buffer;
let before: bigint;
beforeEach(async () => {
  before = await balance();
  purchase = await order();
  sealed = await ciphertext(purchase);
});

/** What holds after every accident: the same cheque brings the key, it opens what was promised, and it was paid once. */
async function boughtOnce(): Promise<void> {
  const key = await keyOf(purchase);
  expect(opened(sealed, key)).toBe(purchase.offer.pt);
  expect(await keyAtBroker(purchase)).toBe(key);
  expect(before - (await balance())).toBe(PRICE);
}

const unpaid = async (): Promise<void> => {
  expect(await keyAtBroker(purchase)).toBeUndefined();
  expect(await balance()).toBe(before);
};

describe('The site is killed', () => {
  it('after its offer: what it offered is there when it is back, also the rest of a download', async () => {
    await site.kill();
    await restart('site');
    const rest = await fetch(door.url + purchase.offer.url, {
      headers: { range: 'bytes=100000-', 'if-range': `"${purchase.offer.ct}"` },
    });
    expect(rest.status).toBe(206);
    const whole = Buffer.concat([sealed.subarray(0, 100_000), Buffer.from(await rest.arrayBuffer())]);
    expect(createHash('sha256').update(whole).digest('base64url')).toBe(purchase.offer.ct);
    await unpaid();
    await boughtOnce();
  });

  it('before it has read the cheque', async () => {
    await site.kill();
    expect(await keyOf(purchase)).toBeUndefined();
    await unpaid();
    await restart('site');
    await boughtOnce();
  });

  it('before the broker has heard of the cheque', async () => {
    const { failed, stop } = counter.fail(isCapture, 'cut-before');
    const sent = keyOf(purchase);
    await failed;
    await site.kill();
    stop();
    expect(await sent).toBeUndefined();
    await unpaid();
    await restart('site');
    await boughtOnce();
  });

  it('after the broker has paid, before it hears so', async () => {
    const { failed, stop } = counter.fail(isCapture, 'cut-after');
    const sent = keyOf(purchase);
    await failed;
    await expect.poll(() => keyAtBroker(purchase)).toBeDefined();
    await site.kill();
    stop();
    expect(await sent).toBeUndefined();
    expect(opened(sealed, await keyAtBroker(purchase))).toBe(purchase.offer.pt);
    await restart('site');
    await boughtOnce();
  });

  it('after it has written the payment down, before the customer hears so', async () => {
    const { failed, stop } = door.fail(isPaid, 'cut-after');
    const sent = keyOf(purchase);
    await failed;
    expect(await sent).toBeUndefined();
    await site.kill();
    stop();
    await restart('site');
    await boughtOnce();
  });

  it('and never comes back: the broker has the key', async () => {
    const { failed, stop } = door.fail(isPaid, 'cut-after');
    const sent = keyOf(purchase);
    await failed;
    await sent;
    await site.kill();
    stop();
    expect(opened(sealed, await keyAtBroker(purchase))).toBe(purchase.offer.pt);
    expect(before - (await balance())).toBe(PRICE);
    await restart('site');
  });
});

describe('The broker is killed', () => {
  it('before it has heard of the cheque', async () => {
    const { held: asked, release } = counter.holdNext(isCapture);
    const sent = keyOf(purchase);
    await asked;
    await broker.kill();
    release();
    expect(await sent).toBeUndefined();
    await restart('broker');
    await unpaid();
    await boughtOnce();
  });

  it('after it has paid, before the site hears so', async () => {
    const { failed, stop } = counter.fail(isCapture, 'cut-after');
    const sent = keyOf(purchase);
    await failed;
    expect(await sent).toBeUndefined();
    await broker.kill();
    stop();
    await restart('broker');
    expect(opened(sealed, await keyAtBroker(purchase))).toBe(purchase.offer.pt);
    await boughtOnce();
  });
});

it('A customer who dies with the receipt on its way has the key from the broker, and buys nothing twice', async () => {
  const { failed, stop } = door.fail(isPaid, 'cut-after');
  const sent = keyOf(purchase);
  await failed;
  await sent;
  stop();
  expect(opened(sealed, await keyAtBroker(purchase))).toBe(purchase.offer.pt);
  await boughtOnce();
});
