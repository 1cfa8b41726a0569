import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { nativeAead, nodeEnv } from '@farthing/node-kit';
import {
  type Challenge,
  decode,
  fromBase64url,
  isKeyOf,
  isOffer,
  Opener,
  readRequest,
  type SealedOffer,
  sealedOfferSchema,
  sealedSize,
} from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buy, challengesOf, credentialFor, type TestSite, testSite } from '../testing/site.ts';

let site: TestSite;
let files: string;
beforeEach(async () => {
  files = await mkdtemp(join(tmpdir(), 'farthing-goods-'));
  site = await testSite();
  site.app.use('/farthing', site.pay.routes());
});
afterEach(async () => {
  await site.close();
  await rm(files, { recursive: true, force: true });
});

const price = '0.005 USD';
/** More than three records, and not a whole number of them. */
const picture = randomBytes(200_001);

const asked = async (path: string): Promise<{ challenge: Challenge; offer: SealedOffer }> => {
  const answer = await fetch(`${site.url}${path}`);
  await answer.arrayBuffer();
  expect(answer.status).toBe(402);
  const [challenge] = challengesOf(answer);
  const sealed = challenge && readRequest(challenge)?.methodDetails['sealed'];
  if (!challenge || !sealed) throw new Error('expected an offer of sealed goods');
  return { challenge, offer: decode(sealedOfferSchema, sealed, 'offer-unusable') };
};

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64url');

function open(sealed: Uint8Array, key: unknown): Buffer {
  const bytes = typeof key === 'string' ? fromBase64url(key) : undefined;
  if (!bytes) throw new Error('expected a key');
  const opener = new Opener(bytes, nativeAead);
  const parts = opener.push(sealed);
  const last = opener.end();
  if (!parts || !last) throw new Error('the key does not open it');
  return Buffer.concat([...parts, last]);
}

test('the 402 promises goods whose ciphertext is free, and the payment releases the key that opens it', async () => {
  const path = join(files, 'harbour.png');
  await writeFile(path, picture);
  site.app.get(
    '/pictures/:name',
    site.pay.sealed({ price, media: 'image/png' }, () => path),
  );
  const { offer } = await asked('/pictures/harbour.png');
  expect(offer).toMatchObject({ item: 'harbour.png', media: 'image/png', size: picture.length, amount: '5000' });
  expect(isOffer(offer, String(site.broker.vendors.get(site.pay.vnd)?.pk), nodeEnv().crypto)).toBe(true);
  const goods = await fetch(site.url + offer.url);
  expect(goods.status).toBe(200);
  const sealed = Buffer.from(await goods.arrayBuffer());
  expect(sealed.length).toBe(sealedSize(picture.length));
  expect(sha256(sealed)).toBe(offer.ct);
  expect(offer.pt).toBe(sha256(picture));

  const [piece] = site.broker.sell(10_000n);
  if (!piece) throw new Error('no scrip');
  const { answer, receipt } = await buy(`${site.url}/pictures/harbour.png`, piece);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('private');
  const opening = JSON.parse(await answer.text());
  expect(opening.key).toBe(receipt?.details['key']);
  expect(isKeyOf(opening.key, offer.kc)).toBe(true);
  expect(open(sealed, opening.key).equals(picture)).toBe(true);
});

async function keyTo(path: string): Promise<string> {
  const [piece] = site.broker.sell(5000n);
  if (!piece) throw new Error('no scrip');
  const { answer } = await buy(site.url + path, piece);
  return JSON.parse(await answer.text()).key;
}

test('bytes and streams are sold as files are, and an empty file too', async () => {
  site.app.get(
    '/bytes',
    site.pay.sealed({ price }, () => picture),
  );
  site.app.get(
    '/stream',
    site.pay.sealed({ price }, () => Readable.from([picture.subarray(0, 70_000), picture.subarray(70_000)])),
  );
  site.app.get(
    '/empty',
    site.pay.sealed({ price }, () => new Uint8Array()),
  );
  for (const [path, content] of Object.entries({ '/bytes': picture, '/stream': picture, '/empty': Buffer.alloc(0) })) {
    const { offer } = await asked(path);
    expect(offer).toMatchObject({ item: path.slice(1), size: content.length, pt: sha256(content) });
    const sealed = Buffer.from(await (await fetch(site.url + offer.url)).arrayBuffer());
    expect(open(sealed, await keyTo(path)).equals(content)).toBe(true);
    // What was sealed once is found again.
    expect((await asked(path)).offer.ct).toBe(offer.ct);
  }
  expect((await readdir(join(site.data, 'goods'))).filter((name) => name.endsWith('.sealed'))).toHaveLength(3);
});

test('the ciphertext may be kept by every cache for ever, and resumes to the byte', async () => {
  site.app.get(
    '/book',
    site.pay.sealed({ price }, () => picture),
  );
  const { offer } = await asked('/book');
  const url = site.url + offer.url;
  const whole = await fetch(url);
  const sealed = Buffer.from(await whole.arrayBuffer());
  expect(Object.fromEntries(whole.headers)).toMatchObject({
    'cache-control': 'public, max-age=31536000, immutable, no-transform',
    etag: `"${offer.ct}"`,
    'accept-ranges': 'bytes',
    'content-length': String(sealedSize(offer.size)),
    'access-control-allow-origin': '*',
  });
  expect(whole.headers.has('vary')).toBe(false);
  const head = await fetch(url, { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(sealed.length)]);
  // By itself `fetch` says `no-cache` beside a condition.
  const condition = { 'if-none-match': `"${offer.ct}"`, 'cache-control': 'max-age=0' };
  const known = await fetch(url, { headers: condition });
  expect(known.status).toBe(304);

  const part = async (headers: Record<string, string>) => {
    const answer = await fetch(url, { headers });
    return {
      status: answer.status,
      bytes: Buffer.from(await answer.arrayBuffer()),
      range: answer.headers.get('content-range'),
    };
  };
  const rest = await part({ range: 'bytes=65000-', 'if-range': `"${offer.ct}"` });
  expect([rest.status, rest.range]).toEqual([206, `bytes 65000-${sealed.length - 1}/${sealed.length}`]);
  expect(Buffer.concat([sealed.subarray(0, 65_000), rest.bytes]).equals(sealed)).toBe(true);
  expect((await part({ range: 'bytes=10-19' })).bytes.equals(sealed.subarray(10, 20))).toBe(true);
  // The rest of something else is of no use to anybody.
  expect((await part({ range: 'bytes=65000-', 'if-range': '"another"' })).bytes.equals(sealed)).toBe(true);
  expect(await part({ range: `bytes=${sealed.length}-` })).toMatchObject({
    status: 416,
    range: `bytes */${sealed.length}`,
  });
});

test('goods that are not there are left to the next handler, and a ciphertext that nobody promised is not found', async () => {
  site.app.get(
    '/none',
    site.pay.sealed({ price }, () => undefined),
    (_req, res) => void res.status(404).end('no such book'),
  );
  site.app.get(
    '/lost',
    site.pay.sealed({ price }, () => join(files, 'lost.png')),
  );
  expect(await (await fetch(`${site.url}/none`)).text()).toBe('no such book');
  expect((await fetch(`${site.url}/lost`)).status).toBe(404);
  for (const name of ['A'.repeat(43), '..%2fkeys%2fgoods.secret', 'A'.repeat(42), `${'A'.repeat(43)}.json`]) {
    const answer = await fetch(`${site.url}/farthing/goods/${name}`);
    expect([answer.status, answer.headers.get('cache-control')?.includes('immutable') ?? false]).toEqual([404, false]);
  }
});

test('what was sealed is there after a restart, without being read again', async () => {
  let reads = 0;
  const source = () => {
    reads++;
    return Readable.from([picture]);
  };
  site.app.get('/book', site.pay.sealed({ price }, source));
  const before = await asked('/book');
  const again = await testSite({ data: site.data, on: site.broker });
  again.app.use('/farthing', again.pay.routes());
  const stream = Readable.from([picture]);
  again.app.get(
    '/book',
    again.pay.sealed({ price }, () => stream),
  );
  try {
    const answer = await fetch(`${again.url}/book`);
    const [challenge] = challengesOf(answer);
    expect(challenge && readRequest(challenge)?.methodDetails['sealed']).toMatchObject({ ct: before.offer.ct });
    expect([reads, stream.destroyed, stream.readableDidRead]).toEqual([1, true, false]);
    expect((await fetch(again.url + before.offer.url)).status).toBe(200);
  } finally {
    await again.close();
  }
});

test('a file that changes is sold as new goods; who was promised the old ones gets the key to the old ones', async () => {
  const path = join(files, 'guide.pdf');
  await writeFile(path, picture);
  site.app.get(
    '/guide',
    site.pay.sealed({ price }, () => path),
  );
  const { challenge, offer } = await asked('/guide');
  const sealed = Buffer.from(await (await fetch(site.url + offer.url)).arrayBuffer());
  const second = randomBytes(1000);
  await writeFile(path, second);
  expect((await asked('/guide')).offer).toMatchObject({ size: 1000, pt: sha256(second) });
  const [piece] = site.broker.sell(5000n);
  if (!piece) throw new Error('no scrip');
  const { header } = credentialFor(challenge, piece, { target: 'GET /guide' });
  const paid = await fetch(`${site.url}/guide`, { headers: { authorization: header } });
  expect(open(sealed, JSON.parse(await paid.text()).key).equals(picture)).toBe(true);
});

test('the shelf keeps to its size: what was not asked for longest goes first', async () => {
  const small = await testSite({ goods: { folder: join(files, 'shelf'), maxBytes: 250_000 } });
  small.app.use('/farthing', small.pay.routes());
  small.app.get(
    '/book/:n',
    small.pay.sealed({ price }, (req) => Buffer.alloc(100_000, String(req.params['n']))),
  );
  small.app.get(
    '/huge',
    small.pay.sealed({ price }, () => Buffer.alloc(300_000)),
  );
  try {
    for (const n of [1, 2, 3]) await (await fetch(`${small.url}/book/${n}`)).arrayBuffer();
    const names = await readdir(join(files, 'shelf'));
    expect(names.filter((name) => name.endsWith('.sealed'))).toHaveLength(2);
    expect(names.filter((name) => name.endsWith('.json'))).toHaveLength(2);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    const answer = await fetch(`${small.url}/huge`);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(small.log.join()).toContain('goods-failed');
    // It is sealed again when it is asked for again.
    expect((await fetch(`${small.url}/book/1`)).status).toBe(402);
  } finally {
    await small.close();
  }
});

test('a stream that many ask for at once is sealed once, and the others are closed unread', async () => {
  const streams: Readable[] = [];
  const source = () => {
    const stream = Readable.from([picture]);
    streams.push(stream);
    return stream;
  };
  site.app.get('/book', site.pay.sealed({ price }, source));
  const offers = await Promise.all(Array.from({ length: 10 }, () => asked('/book')));
  expect(new Set(offers.map(({ offer }) => offer.ct)).size).toBe(1);
  expect(streams.map(({ destroyed }) => destroyed)).toEqual(Array(10).fill(true));
  expect(streams.filter(({ readableDidRead }) => readableDidRead)).toHaveLength(1);
});

test('the same is sold on Express 4', async () => {
  const old = await testSite({ express: 4 });
  old.app.use('/farthing', old.pay.routes());
  old.app.get(
    '/book',
    old.pay.sealed({ price }, () => picture),
  );
  try {
    const [challenge] = challengesOf(await fetch(`${old.url}/book`));
    const sealed = challenge && readRequest(challenge)?.methodDetails['sealed'];
    const offer = decode(sealedOfferSchema, sealed, 'offer-unusable');
    const part = await fetch(old.url + offer.url, { headers: { range: 'bytes=5-9', 'if-range': `"${offer.ct}"` } });
    expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 5]);
    expect((await fetch(`${old.url}/farthing/goods/${'A'.repeat(43)}`)).status).toBe(404);
    const [piece] = old.broker.sell(5000n);
    if (!piece) throw new Error('no scrip');
    const { answer } = await buy(`${old.url}/book`, piece);
    expect(isKeyOf(JSON.parse(await answer.text()).key, offer.kc)).toBe(true);
  } finally {
    await old.close();
  }
});
