// A broker and sites in memory behind one fetch port, made of the real roles: for tests of the wallet's engine. Every
// answer can be changed, lost or delayed on its way, and the clock stands still unless a test moves it.
import {
  bodyDigest,
  brokerId,
  type Challenge,
  type Crypto,
  canonicalJson,
  type Env,
  type Json,
  type JsonObject,
  limits,
  makeAnswer,
  makeChallenge,
  type Order,
  PaymentProblem,
  portableCrypto,
  printChallenge,
  printReceipt,
  readCredential,
  signObject,
  toBase64url,
  utf8,
} from '@farthing/protocol';
import { type Licence, type MasterSecrets, scrip } from '@farthing/protocol/broker';
import { type Rng, seeded } from '@farthing/protocol/testing';
import { type ScripKeys, scripVendor } from '@farthing/protocol/vendor';
import type { Release } from '@farthing/protocol/wallet';

export type World = ReturnType<typeof makeWorld>;
export type Exchange = { readonly request: Request; readonly body: string; readonly url: URL };
/** Stands between the wallet and everybody else. A throw is a connection that broke before anything arrived. */
export type Middle = (exchange: Exchange, on: () => Promise<Response>) => Promise<Response>;

const START_MS = Date.UTC(2026, 10, 23, 12);

export function makeWorld(seed = 1) {
  const rng = seeded(seed);
  const clock = { nowMs: START_MS };
  const crypto: Crypto = portableCrypto;
  const env = (): Env => ({ nowMs: clock.nowMs, random: (n) => rng.bytes(n), crypto });
  const broker = makeBroker(env, rng);
  const sites = new Map<string, Site>();
  const control: { middle: Middle; log: Exchange[] } = { middle: (_, on) => on(), log: [] };

  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const exchange = { request, url, body: await request.clone().text() };
    control.log.push(exchange);
    return control.middle(exchange, async () => {
      if (url.origin === broker.url) return broker.answer(exchange);
      const site = sites.get(url.origin);
      if (!site) throw new TypeError('no such host');
      return site.answer(exchange);
    });
  };
  const addSite = (name: string, origin = `https://${name}`) => {
    const site = makeSite({ name, origin, broker, env, rng });
    sites.set(origin, site);
    return site;
  };
  return { env, clock, broker, fetch, addSite, control };
}

const json = (status: number, body: Json): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const problem = (error: unknown): Response => {
  if (!(error instanceof PaymentProblem)) throw error;
  return new Response(JSON.stringify(error.toBody()), {
    status: error.status,
    headers: { 'content-type': 'application/problem+json' },
  });
};

// ── broker ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type FakeBroker = ReturnType<typeof makeBroker>;

function makeBroker(env: () => Env, rng: Rng) {
  const seed = rng.bytes(32);
  const { crypto } = env();
  const root = crypto.publicKey(seed);
  const brk = brokerId(root, crypto);
  const url = 'https://broker.example';
  const accounts = new Map<string, bigint>();
  const answers = new Map<string, { body: string; answer: JsonObject }>();
  const rows = new Map<string, scrip.LicenceRow>();
  const roots = new Map<string, scrip.RootRow>();
  const vendors = new Map<string, { record: JsonObject; pk: string }>();
  const rootKey = (vnd: string, id: string) => `${vnd} ${id}`;
  const balanceOf = (from: string) => accounts.get(from) ?? 0n;
  const credit = (from: string, amount: bigint) => accounts.set(from, balanceOf(from) + amount);

  const sell = (from: string, wish: { vnd: string; val: bigint; count: number; ttlMs: number }) => {
    const row = rows.get(wish.vnd);
    if (!row) throw new PaymentProblem('licence-missing');
    const issued = scrip.issue(row, { ...wish, bearer: false, buyer: from }, env());
    const cost = wish.val * BigInt(wish.count);
    if (balanceOf(from) < cost) {
      throw new PaymentProblem('balance-short', { members: { shortBy: (cost - balanceOf(from)).toString() } });
    }
    credit(from, -cost);
    rows.set(wish.vnd, issued.row);
    for (const one of issued.roots) roots.set(rootKey(one.vnd, one.root), one);
    return issued.pieces;
  };
  const cash = (release: Release): bigint => {
    const key = rootKey(release.vnd, release.root);
    const vendor = vendors.get(release.vnd);
    const done = scrip.refund(roots.get(key), release, vendor?.pk ?? '', env());
    roots.set(key, done.root);
    return done.credit;
  };

  type Fields = {
    from: string;
    amount: string;
    vnd: string;
    val: string;
    count: number;
    ttl: number;
    release: Release;
  };
  const execute = (path: string, order: Order): JsonObject => {
    const fields = order as unknown as Fields;
    const { from } = fields;
    const cur = 'usd-micro';
    const rest = () => ({ balance: balanceOf(from).toString(), cur });
    switch (path) {
      case '/v1/faucet':
        credit(from, BigInt(fields.amount));
        return rest();
      case '/v1/voucher':
        credit(from, 5_000_000n);
        return { ...rest(), credited: '5000000' };
      case '/v1/statement':
        return { ...rest(), lines: [] };
      case '/v1/scrip/buy': {
        const { vnd, val, count, ttl } = fields;
        return {
          pieces: sell(from, { vnd, val: BigInt(val), count, ttlMs: ttl * 1000 }) as unknown as Json,
          ...rest(),
        };
      }
      case '/v1/scrip/refund':
        credit(from, cash(fields.release));
        return { pieces: [], ...rest() };
      case '/v1/scrip/renew': {
        const { vnd } = fields.release;
        const val = cash(fields.release);
        credit(from, val);
        return { pieces: sell(from, { vnd, val, count: 1, ttlMs: fields.ttl * 1000 }) as unknown as Json, ...rest() };
      }
      default:
        throw new PaymentProblem('not-found');
    }
  };

  const signed = (object: { typ: string } & JsonObject) => ({ ...object, sig: signObject(object, seed, crypto) });
  const answer = ({ url: at, body, request }: Exchange): Response => {
    try {
      if (request.method === 'GET' && at.pathname === '/v1/keys') {
        const keys = { typ: 'keys/1', brk, root: toBase64url(root), box: toBase64url(root), name: 'Test broker' };
        return json(200, signed({ ...keys, test: true, currencies: ['usd-micro'], faucet: '1000000', at: 1 }));
      }
      if (request.method === 'GET') {
        const vendor = vendors.get(decodeURIComponent(at.pathname.replace('/v1/vendors/', '')));
        if (!vendor) throw new PaymentProblem('vendor-unknown');
        return json(200, vendor.record);
      }
      const order = JSON.parse(body) as Order;
      const key = `${order.from} ${order.rid}`;
      const before = answers.get(key);
      if (before && before.body !== body) throw new PaymentProblem('rid-conflict');
      if (before) return json(200, before.answer);
      if (Math.abs(env().nowMs - order.at * 1000) > limits.requestAgeMs) throw new PaymentProblem('request-stale');
      const answered: JsonObject = makeAnswer(order, execute(at.pathname, order), { brk, seed }, env());
      answers.set(key, { body, answer: answered });
      return json(200, answered);
    } catch (error) {
      return problem(error);
    }
  };
  /** Signs whatever a test wants: a broker that lies. */
  const lie = (order: Order, result: JsonObject) => json(200, makeAnswer(order, result, { brk, seed }, env()));
  const register = (vnd: string, pk: Uint8Array, origins: readonly string[], row: scrip.LicenceRow) => {
    const record = signed({ typ: 'vendor/1', brk, vnd, pk: toBase64url(pk), name: vnd, origins: [...origins], at: 1 });
    vendors.set(vnd, { record, pk: toBase64url(pk) });
    rows.set(vnd, row);
  };
  return { brk, url, answer, accounts, roots, register, lie, credit, sell };
}

// ── sites ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Site = ReturnType<typeof makeSite>;

/** Prices by path prefix: `/article/` costs 1500 unless a test says otherwise; `/free` is free. */
function makeSite({
  name,
  origin,
  broker,
  env,
  rng,
}: {
  name: string;
  origin: string;
  broker: FakeBroker;
  env: () => Env;
  rng: Rng;
}) {
  const { crypto } = env();
  const seed = rng.bytes(32);
  const secret = rng.bytes(32);
  const master: MasterSecrets = { scrip: rng.bytes(32), customer: rng.bytes(32) };
  const own: MasterSecrets = { scrip: rng.bytes(32), customer: rng.bytes(32) };
  const nowS = Math.floor(env().nowMs / 1000);
  const licence: Licence = {
    typ: 'licence/1',
    vnd: name,
    brk: broker.brk,
    kid: 'k1',
    first: 1,
    last: 1_000_000,
    ceiling: '1000000000000000000',
    maxVal: '1000000000000000000',
    cur: 'usd-micro',
    feeBps: 0,
    nbf: nowS - 10,
    exp: nowS + 365 * 86_400,
    sigs: { v: 'unchecked' },
  };
  const keys: ScripKeys = {
    vnd: name,
    api: '/farthing',
    seed,
    master: new Map([
      ['k1', master],
      ['v1', own],
    ]),
    licences: new Map([['k1', licence]]),
    changeKid: 'v1',
    brokers: [{ id: broker.brk, url: broker.url }],
  };
  broker.register(name, crypto.publicKey(seed), [origin], { licence, secrets: master, next: 1, sold: 0n });
  const spent = new Map<string, string>();
  const outcomes = new Map<string, { receipt: string }>();
  const state = {
    priceMicro: 1500n,
    currency: 'usd-micro' as const,
    serial: 0n,
    /** Requests whose handler ran. */
    served: [] as string[],
    earned: 0n,
    fresh: true,
  };

  const challengeFor = (method: string, digest: string): Challenge => {
    const price = { amount: state.priceMicro, currency: state.currency };
    const request = { ...price, recipient: name, methodDetails: scripVendor.details(keys, price, env()) ?? {} };
    return makeChallenge(
      {
        realm: name,
        method: 'scrip',
        intent: 'charge',
        request,
        expiresAtMs: env().nowMs + 300_000,
        scope: { s: `${method} /article/:id`, n: toBase64url(rng.bytes(9)), p: '/article/*' },
        ...(digest ? { digest } : {}),
      },
      [secret],
      crypto,
    );
  };
  const unpaid = (error: PaymentProblem, challenge: Challenge): Response => {
    const response = problem(error);
    if (response.status === 402) response.headers.set('www-authenticate', printChallenge(challenge));
    return response;
  };

  const answer = ({ request, url, body }: Exchange): Response => {
    const target = `${request.method} ${url.pathname}${url.search}`;
    if (url.pathname === '/farthing/scrip/release') return release(body);
    if (url.pathname.startsWith('/free') || url.pathname === '/article/free') return new Response('free');
    const digest = body === '' ? '' : bodyDigest(utf8(body), crypto);
    const challenge = challengeFor(request.method, digest);
    try {
      const credential = readCredential([request.headers.get('authorization') ?? '']);
      if (!credential) throw new PaymentProblem('payment-required');
      const id = `${credential.challenge.id} ${canonicalJson(credential.payload)} ${target}`;
      const done = outcomes.get(id);
      if (done) return page(done.receipt, challenge, url);
      if (Date.parse(credential.challenge.expires ?? '') <= env().nowMs) throw new PaymentProblem('challenge-expired');
      const price = { amount: state.priceMicro, currency: state.currency };
      const { challenge: echoed, payload } = credential;
      const verified = scripVendor.verify({ challenge: echoed, payload, price, target, digest }, keys, {
        ...env(),
        serial: ++state.serial,
      });
      for (const { key, code } of verified.spends) {
        if (spent.has(key)) throw new PaymentProblem(code, { consumed: true });
      }
      for (const { key } of verified.spends) spent.set(key, id);
      const receipt = printReceipt({
        status: 'success',
        method: 'scrip',
        timestamp: new Date(env().nowMs).toISOString(),
        reference: verified.reference,
        challengeId: echoed.id,
        details: verified.details,
      });
      outcomes.set(id, { receipt });
      state.served.push(target);
      state.earned += price.amount;
      return page(receipt, challenge, url);
    } catch (error) {
      if (!(error instanceof PaymentProblem)) throw error;
      return unpaid(error, challenge);
    }
  };
  const page = (receipt: string, challenge: Challenge, url: URL): Response => {
    const headers = new Headers({ 'payment-receipt': receipt });
    if (state.fresh) headers.set('www-authenticate', printChallenge(challenge));
    return new Response(`content of ${url.pathname}`, { headers });
  };
  const release = (body: string): Response => {
    try {
      const service = scripVendor.services['scrip/release'];
      if (!service) throw new PaymentProblem('not-found');
      const { id, answer: given, spends } = service(JSON.parse(body) as Json, keys, env());
      for (const { key, code } of spends) {
        const by = spent.get(key);
        if (by !== undefined && by !== id) throw new PaymentProblem(code, { consumed: true });
        spent.set(key, id);
      }
      return json(200, given);
    } catch (error) {
      return problem(error);
    }
  };
  /** The 402 lines that an unpaid request would get now. */
  const challenges = (method = 'GET', digest = ''): string[] => [printChallenge(challengeFor(method, digest))];
  return { name, origin, keys, state, answer, challenges, challengeFor };
}
