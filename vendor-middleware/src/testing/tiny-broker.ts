// A broker in a hundred lines for the tests of this package: real HTTP, real signatures, rows in maps. It can be told
// to be away, to lose its answer, or to lie.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { nodeEnv } from '@farthing/node-kit';
import {
  type BrokerKeys,
  boxPublicKey,
  brokerId,
  decode,
  fromBase64url,
  type Json,
  type JsonObject,
  LOOPBACK,
  makeAnswer,
  type Order,
  objectHash,
  openBox,
  PaymentProblem,
  parseJson,
  signObject,
  toBase64url,
  vendorOrder,
} from '@farthing/protocol';
import { licenceOrder, redeemOrder, scrip } from '@farthing/protocol/broker';
import type { ScripPiece } from '@farthing/protocol/wallet';
import { tinyPayword } from './tiny-payword.ts';

export type TinyBroker = Awaited<ReturnType<typeof tinyBroker>>;

export async function tinyBroker(options: { test?: boolean; poll?: string; pay?: string; env?: typeof nodeEnv } = {}) {
  const env = options.env ?? nodeEnv;
  const { crypto } = env();
  const seed = env().random(32);
  const boxSecret = env().random(32);
  const root = crypto.publicKey(seed);
  const brk = brokerId(root, crypto);
  const vendors = new Map<string, JsonObject & { pk: string }>();
  const licences = new Map<string, scrip.LicenceRow>();
  const roots = new Map<string, scrip.RootRow>();
  const answers = new Map<string, Json>();
  const batches: string[] = [];
  const orders: Order[] = [];
  /** Set by tests: `away` drops connections, `deaf` works but loses the answer, `liar` signs with another key. */
  const mood: { now: 'well' | 'away' | 'deaf' | 'liar' | 'redirect' } = { now: 'well' };
  let last = '';

  const keys = (): BrokerKeys => {
    const unsigned = {
      typ: 'keys/1' as const,
      brk,
      root: toBase64url(root),
      box: toBase64url(boxPublicKey(boxSecret)),
      name: 'Tiny broker',
      test: options.test ?? true,
      currencies: ['usd-micro' as const],
      ...(options.poll === undefined ? {} : { poll: options.poll }),
      ...(options.pay === undefined ? {} : { pay: options.pay }),
      at: Math.floor(env().nowMs / 1000),
    };
    return { ...unsigned, sig: signObject(unsigned, seed, crypto) };
  };

  const payword = tinyPayword({ brk, seed, boxSecret, env });
  const routes: Record<string, (order: Order) => JsonObject> = {
    ...payword.routes,
    '/v1/vendors'(order) {
      const { vnd, name, origins } = decode(vendorOrder, order, 'request-malformed');
      const known = vendors.get(vnd);
      if (known && known.pk !== order.from) throw new PaymentProblem('vendor-taken');
      if (!(options.test ?? true) && origins.includes(LOOPBACK)) throw new PaymentProblem('request-malformed');
      const unsigned = { typ: 'vendor/1', brk, vnd, pk: order.from, name, origins, at: order.at };
      const vendor = { ...unsigned, sig: signObject(unsigned, seed, crypto) };
      vendors.set(vnd, vendor);
      return { vendor };
    },
    '/v1/scrip/licences/list': () => ({
      licences: [...licences.values()].map(({ licence, sold, next }) => ({ licence, sold: sold.toString(), next })),
    }),
    '/v1/scrip/licences'(order) {
      const { licence, box } = decode(licenceOrder, order, 'request-malformed');
      if (!vendors.has(licence.vnd)) throw new PaymentProblem('vendor-unknown');
      if (licences.has(licence.kid)) throw new PaymentProblem('licence-invalid', { detail: 'granted before' });
      const opened = openBox(boxSecret, fromBase64url(box) ?? new Uint8Array(), objectHash(licence, crypto));
      if (opened?.length !== 64) throw new PaymentProblem('licence-invalid', { detail: 'box' });
      const signed = { ...licence, sigs: { v: licence.sigs.v, b: signObject(licence, seed, crypto) } };
      const secrets = { scrip: opened.slice(0, 32), customer: opened.slice(32) };
      licences.set(licence.kid, { licence: signed, secrets, next: licence.first, sold: 0n });
      return { licence: signed };
    },
    '/v1/scrip/redeem'(order) {
      const { vnd, prev, claims } = decode(redeemOrder, order, 'request-malformed');
      if (prev !== last) throw new PaymentProblem('batch-conflict', { members: { prev: last } });
      let credited = 0n;
      const told = claims.map(({ root: id, cum }) => {
        const { root: row, credit, alarm } = scrip.redeem(roots.get(id), { vnd, cum }, env().nowMs);
        if (row) roots.set(id, row);
        credited += credit;
        return { root: id, credited: credit.toString(), ...(alarm ? { alarm } : {}) };
      });
      last = objectHash(order, crypto);
      batches.push(last);
      const unsigned = {
        typ: 'redemption/1',
        brk,
        vnd,
        batch: last,
        prev,
        credited: credited.toString(),
        fee: '0',
        at: order.at,
      };
      const redemption = { ...unsigned, sig: signObject(unsigned, seed, crypto) };
      return { redemption, roots: told, balance: total().toString(), cur: 'usd-micro' };
    },
  };

  const total = () => [...roots.values()].reduce((sum, { credited }) => sum + credited, 0n);

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url ?? '';
    if (mood.now === 'away') return void req.socket.destroy();
    if (mood.now === 'redirect') return void res.writeHead(307, { location: `${url()}${path}` }).end();
    if (path === '/v1/keys') return send(res, 200, keys());
    if (path.startsWith('/v1/vendors/')) {
      const vendor = vendors.get(decodeURIComponent(path.slice(12)));
      return vendor ? send(res, 200, vendor) : send(res, 404, new PaymentProblem('vendor-unknown').toBody());
    }
    if (req.method === 'GET') return send(res, 404, new PaymentProblem('not-found').toBody());
    let text = '';
    for await (const chunk of req) text += chunk;
    const order = parseJson(text) as Order;
    try {
      orders.push(order);
      const known = answers.get(order.rid);
      const route = routes[path];
      if (!route) throw new PaymentProblem('not-found');
      if (!known && Math.abs(env().nowMs / 1000 - order.at) > 300) throw new PaymentProblem('request-stale');
      const signer = mood.now === 'liar' ? env().random(32) : seed;
      const answer = known ?? makeAnswer(order, route(order), { brk, seed: signer }, env());
      if (mood.now !== 'liar') answers.set(order.rid, answer);
      if (mood.now === 'deaf') return void req.socket.destroy();
      send(res, 200, answer);
    } catch (error) {
      if (!(error instanceof PaymentProblem)) throw error;
      send(res, error.status, error.toBody());
    }
  }

  const server: Server = createServer((req, res) => void serve(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const url = () => `http://127.0.0.1:${port}`;

  return {
    url: url(),
    brk,
    seed,
    mood,
    batches,
    orders,
    roots,
    payword,
    licences,
    vendors,
    /** By path; tests may add some. */
    routes,
    total,
    /** Sells scrip of the site that granted the licence `kid`. */
    sell(val: bigint, sale: { count?: number; kid?: string; ttlMs?: number; bearer?: boolean } = {}): ScripPiece[] {
      const row = licences.get(sale.kid ?? 'k1');
      if (!row) throw new Error('no such licence');
      const { count = 1, ttlMs = 86_400_000, bearer = false } = sale;
      const issued = scrip.issue(row, { val, count, ttlMs, bearer, buyer: undefined }, env());
      licences.set(row.licence.kid, issued.row);
      for (const one of issued.roots) roots.set(one.root, one);
      return issued.pieces.map((piece) => ({ ...piece, brk }));
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(res: ServerResponse, status: number, body: Json): void {
  const type = status === 200 ? 'application/json' : 'application/problem+json';
  res.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}
