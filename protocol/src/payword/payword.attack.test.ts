// Named for the attacks of catalogue C: indices, moved commitments, closings, overclaims, gaps, and credit overspent.
import { describe, expect, it } from 'vitest';
import {
  type Crypto,
  type Env,
  type JsonObject,
  limits,
  makeChallenge,
  makeOrder,
  type Order,
  PaymentProblem,
  portableCrypto,
  readRequest,
  signObject,
  toBase64url,
} from '../index.ts';
import { seeded, seededEnv, VendorInMemory } from '../testing/index.ts';
import { poll } from './broker/credit.ts';
import { judge } from './broker/overclaim.ts';
import { coin, down, up } from './chain.ts';
import { Broker } from './fixture.ts';
import { exposure, isPollDue } from './poll.ts';
import type { PaywordKeys } from './vendor/keys.ts';
import { paywordVendor } from './vendor/role.ts';
import { commit, commitSegments, makeChain, pieceOf } from './wallet/make.ts';
import type { PaywordPiece } from './wallet/piece.ts';
import { paywordWallet } from './wallet/role.ts';
import { bytesOf, type Commitment, type DayCert } from './wire.ts';

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const SITE = 'site0.example';
const CUR = 'usd-micro' as const;
const price = { amount: 1n, currency: CUR };

const counted = () => {
  const count = { sign: 0, verify: 0, sha256: 0, hmac: 0 };
  const tally = <Result>(name: keyof typeof count, result: Result): Result => {
    count[name]++;
    return result;
  };
  const crypto: Crypto = {
    publicKey: (seed) => portableCrypto.publicKey(seed),
    sha256: (data) => tally('sha256', portableCrypto.sha256(data)),
    hmacSha256: (key, data) => tally('hmac', portableCrypto.hmacSha256(key, data)),
    hashText: (text) => tally('sha256', portableCrypto.hashText(text)),
    macText: (key, text) => tally('hmac', portableCrypto.macText(key, text)),
    sign: (seed, message) => tally('sign', portableCrypto.sign(seed, message)),
    verify: (key, message, signature) => tally('verify', portableCrypto.verify(key, message, signature)),
  };
  return { count, crypto };
};

class World {
  readonly env: Env;
  readonly broker: Broker;
  readonly keys: PaywordKeys;
  readonly store: VendorInMemory<PaywordKeys>;
  #n = 0;

  constructor(
    funding: 'credit' | 'prepaid',
    seed = 3,
    crypto: Crypto = portableCrypto,
    over: Partial<PaywordKeys> = {},
  ) {
    this.env = { ...seededEnv(seeded(seed), NOW), crypto };
    this.broker = new Broker(funding, new Map([['alice', 10n ** 9n]]), this.env);
    this.keys = this.broker.vendor(SITE, over, this.env);
    this.store = new VendorInMemory(paywordVendor, this.keys);
  }

  input(units?: number, keys = this.keys) {
    const methodDetails = paywordVendor.details(keys, price, this.env) ?? {};
    const challenge = makeChallenge(
      {
        realm: keys.vnd,
        method: 'payword',
        intent: 'session',
        request: { ...price, recipient: keys.vnd, unitType: 'tick', methodDetails },
        expiresAtMs: NOW + DAY,
        scope: { s: 'GET /tick', n: `${this.#n++}` },
      },
      [new Uint8Array(32)],
      portableCrypto,
    );
    const request = readRequest(challenge);
    if (!request) throw new Error('unreadable');
    return { challenge, request, target: 'GET /tick', digest: '', ...(units === undefined ? {} : { units }) };
  }

  /** Pays `units` at one micro each and moves the piece on. */
  pay(piece: PaywordPiece, units = 1, { store = this.store, keys = this.keys } = {}): PaywordPiece {
    const input = this.input(units, keys);
    const payload = paywordWallet.pay(piece, input, this.env);
    store.receive({ ...input, payload, price: { ...price, units } }, this.env);
    return { ...(paywordWallet.sessions?.advance(piece, input) ?? piece), open: true };
  }

  /** Sends a payload as it is. @returns the problem's code, or `accepted` */
  try(payload: JsonObject, { store = this.store, keys = this.keys, units = 1, nowMs = NOW } = {}): string {
    const input = this.input(units, keys);
    return codeOf(() => store.receive({ ...input, payload, price: { ...price, units } }, { ...this.env, nowMs }));
  }

  payloadAt(piece: PaywordPiece, at: number): JsonObject {
    return paywordWallet.pay({ ...piece, at: at - 1, spent: `${at - 1}` }, this.input(1), this.env);
  }
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof PaymentProblem) return error.code;
    throw error;
  }
};

describe('C1: indices that burn time or break arithmetic are refused in no time, and cost nothing', () => {
  const world = new World('credit');
  const piece = world.pay(world.broker.sell('alice', { vnd: SITE, n: 5000, unit: 1n }, world.env), 3);
  const good = world.payloadAt({ ...piece, open: true }, 4);
  it.each([-1, 0, 0.5, Number.NaN, 2 ** 32, 2 ** 53, '1e3', [5], null, 4_294_967_295, 5001, 5000, 1005])('%j', (i) => {
    const { crypto, count } = counted();
    const before = world.store.rows.get(`payword:${piece.session}`);
    const input = world.input(1);
    const code = codeOf(() =>
      world.store.receive({ ...input, payload: { ...good, i } as JsonObject, price }, { ...world.env, crypto }),
    );
    expect(['payload-invalid', 'index-beyond', 'step-too-long', 'word-wrong']).toContain(code);
    expect(count.sha256).toBeLessThan(10);
    expect(count.verify).toBe(0);
    expect(world.store.rows.get(`payword:${piece.session}`)).toBe(before);
  });
  it('a wrong word at the largest step costs maxStep hashes and no more', () => {
    const { crypto, count } = counted();
    const payload = { ...good, i: 3 + 500 };
    const input = world.input(1);
    expect(codeOf(() => world.store.receive({ ...input, payload, price }, { ...world.env, crypto }))).toBe(
      'word-wrong',
    );
    expect(count.sha256).toBeLessThanOrEqual(500);
  });
});

describe('C2: one off', () => {
  it('w[0] pays nothing, w[n] is the last, n + 1 is beyond', () => {
    const world = new World('credit');
    const piece = world.broker.sell('alice', { vnd: SITE, n: 5, unit: 1n }, world.env);
    const opening = paywordWallet.pay(piece, world.input(1), world.env);
    const [entry] = 'commitment' in piece.deed ? (piece.deed.commitment.chains ?? []) : [];
    expect(world.try({ ...opening, i: 0, w: entry?.w0 ?? '' })).toBe('payload-invalid');
    expect(world.try({ ...opening, i: 1, w: entry?.w0 ?? '' })).toBe('word-wrong');
    let at = piece;
    for (let i = 0; i < 5; i++) at = world.pay(at);
    expect(codeOf(() => world.pay(at))).toBe('index-beyond');
    const last = { action: 'pay', session: piece.session, a: 0, i: 6, w: piece.tip };
    expect(world.try(last)).toBe('index-beyond');
    expect(world.store.view(`payword:${last.session}`, world.env).spent).toBe(5n);
  });
  it('an opening far up the chain is refused on a fresh row, and good on a row that is near', () => {
    const world = new World('credit');
    const piece = world.broker.sell('alice', { vnd: SITE, n: 3000, unit: 1n }, world.env);
    expect(world.try(world.payloadAt(piece, 1001))).toBe('step-too-long');
    world.pay(piece, 1000);
    expect(world.try(world.payloadAt(piece, 1001))).toBe('accepted');
  });
  it('any partition of a chain pays exactly its length', () => {
    const rng = seeded(21);
    for (let run = 0; run < 5; run++) {
      const world = new World(run % 2 ? 'credit' : 'prepaid', run);
      let piece = world.broker.sell('alice', { vnd: SITE, n: 400, unit: 1n }, world.env);
      for (let left = 400; left > 0; ) {
        const step = Math.min(left, 1 + rng.below(40));
        piece = world.pay(piece, step);
        left -= step;
      }
      world.broker.redeem(SITE, world.store.due(), world.env);
      expect(world.broker.balance(SITE)).toBe(400n);
    }
  });
});

describe('C3: an index is paid once', () => {
  const world = new World('credit');
  let piece = world.broker.sell('alice', { vnd: SITE, n: 300, unit: 1n }, world.env);
  piece = world.pay(piece, 5);
  it('the same word again, for another request', () => {
    expect(world.try(world.payloadAt(piece, 5))).toBe('index-used');
  });
  it('a step back below the window, even if that index was jumped over', () => {
    piece = world.pay(piece, 100);
    expect(world.try(world.payloadAt(piece, 105 - limits.wordWindow))).toBe('index-used');
  });
  it('a jumped-over index inside the window serves a request, but adds no authority', () => {
    expect(world.try(world.payloadAt(piece, 104))).toBe('session-short');
  });
});

describe('C5: a commitment that was moved, altered or borrowed opens nothing', () => {
  const world = new World('credit');
  const cert = world.broker.cert('alice', SITE, world.env).cert;
  const daySeed = world.broker.daySeed('alice', SITE);
  const terms = { n: 10, unit: 1n, cap: 10n, exp: cert.exp };
  const open = (piece: PaywordPiece) => paywordWallet.pay(piece, world.input(1), world.env);
  const good = commit(cert, terms, daySeed, world.env);
  const resigned = (over: Partial<Commitment>, by = daySeed): JsonObject => {
    const opening = open(good);
    const { sig: _, ...rest } = { ...(opening['commitment'] as Commitment), ...over };
    return { ...opening, commitment: { ...rest, sig: signObject(rest, by, portableCrypto) } };
  };
  const other = world.broker.vendor('site1.example', {}, world.env);
  it.each([
    ['of another site', resigned({ vnd: 'site1.example' }), 'cert-foreign'],
    ['in another currency', resigned({ cur: 'eur-micro' }), 'cert-foreign'],
    ['of another broker', resigned({ brk: 'b2' }), 'cert-foreign'],
    ['of another customer', resigned({ sub: toBase64url(new Uint8Array(16)) }), 'cert-foreign'],
    ['above the limit', resigned({ cap: `${limits.amountMax}` }), 'accepted'],
    ['for longer than its certificate', resigned({ exp: cert.exp + 1 }), 'cert-foreign'],
    ['signed by another key', resigned({}, new Uint8Array(32).fill(1)), 'cert-forged'],
  ])('%s', (_, payload, code) => expect(world.try(payload)).toBe(code));
  it('under a certificate of another key, such as another day’s', () => {
    const another = { ...cert, pk: toBase64url(portableCrypto.publicKey(new Uint8Array(32).fill(1))) };
    const { sig: _, ...unsigned } = another;
    const genuine = { ...another, sig: signObject(unsigned, world.broker.issuer.seed, portableCrypto) };
    expect(world.try({ ...open(good), cert: genuine })).toBe('cert-forged');
  });
  it('another day’s: expired', () => {
    expect(world.try(open(good), { nowMs: (cert.exp + 61) * 1000 })).toBe('cert-expired');
  });
  it('another root for the words', () => {
    const foreign = commit(cert, terms, daySeed, world.env);
    expect(world.try({ ...open(good), w: open(foreign)['w'] ?? '' })).toBe('word-wrong');
  });
  it('taken to another site', () => {
    const store = new VendorInMemory(paywordVendor, other);
    expect(world.try(open(good), { store, keys: other })).toBe('cert-foreign');
  });
  it('under a certificate for cheques', () => {
    const { sig: _, ...unsigned } = { ...cert, use: 'cheque' as const };
    const forCheques = { ...unsigned, sig: signObject(unsigned, world.broker.issuer.seed, portableCrypto) };
    expect(world.try({ ...open(good), cert: forCheques })).toBe('cert-foreign');
  });
  it('with a certificate that no broker signed, or of a broker that the site does not take', () => {
    const forged: DayCert = { ...cert, limit: '7', sig: cert.sig };
    expect(world.try({ ...open(good), cert: forged })).toBe('limit-reached');
    expect(world.try({ ...open(good), cert: { ...cert, limit: '11' } })).toBe('cert-forged');
    const strange: PaywordKeys = { ...world.keys, brokers: [] };
    const store = new VendorInMemory(paywordVendor, strange);
    expect(world.try(open(good), { store })).toBe('cert-foreign');
  });
});

describe('C6: a restored backup', () => {
  it('opens with words that were used: refused; its next words go on in the same session', () => {
    const world = new World('credit');
    const backup = world.broker.sell('alice', { vnd: SITE, n: 50, unit: 1n }, world.env);
    let piece = backup;
    for (let i = 0; i < 3; i++) piece = world.pay(piece);
    expect(codeOf(() => world.pay(backup))).toBe('index-used');
    world.pay({ ...backup, at: 3, spent: '3' });
    expect(world.store.rows.size).toBe(1);
  });
  it('fresh chains never repeat an id or a tip', () => {
    const env = { ...new World('credit').env };
    const seen = new Set(
      Array.from({ length: 200 }, () => makeChain(1, { locked: false }, env)).flatMap(({ anchor, tip }) => [
        anchor.id,
        tip,
      ]),
    );
    expect(seen.size).toBe(400);
  });
});

describe('100,000 ticks', () => {
  it('verify exactly one signature, and pay exactly 100,000', () => {
    const { crypto, count } = counted();
    const world = new World('credit', 8, crypto);
    // The certificate is checked once a day and customer: an earlier session of the day has done it.
    world.pay(world.broker.sell('alice', { vnd: SITE, n: 1, unit: 1n }, world.env));
    let piece = world.broker.sell('alice', { vnd: SITE, n: 100_000, unit: 1n }, world.env);
    Object.assign(count, { sign: 0, verify: 0 });
    const store = paywordVendor;
    const input = world.input(1);
    let row: Parameters<NonNullable<ReturnType<typeof store.verify>['session']>['step']>[0];
    let claimed = 0n;
    for (let i = 0; i < 100_000; i++) {
      const payload = paywordWallet.pay(piece, input, world.env);
      const { session } = paywordVendor.verify({ ...input, payload, price }, world.keys, { ...world.env, serial: 0n });
      const stepped = session?.step(row);
      row = stepped?.next;
      claimed += stepped?.claims.reduce((sum, { add }) => sum + add, 0n) ?? 0n;
      piece = { ...(paywordWallet.sessions?.advance(piece, input) ?? piece), open: true };
    }
    expect(count).toMatchObject({ verify: 1, sign: 0 });
    expect(claimed).toBe(100_000n);
    expect(JSON.stringify(row).length).toBeLessThan(1024);
  });
});

describe('C14 and the gap rule: one prepaid chain at three sites', () => {
  const n = 100;
  const sites = ['site0.example', 'site1.example', 'site2.example'];
  const setup = () => {
    const { crypto, count } = counted();
    const env = { ...seededEnv(seeded(11), NOW), crypto };
    const broker = new Broker('prepaid', new Map([['alice', 1000n]]), env);
    const made = sites.map((vnd) => {
      const keys = broker.vendor(vnd, {}, env);
      return { keys, vnd, store: new VendorInMemory(paywordVendor, keys) };
    });
    const world = new World('prepaid', 12, crypto);
    broker.sell('alice', { vnd: 'site0.example', n: 1, unit: 1n }, env);
    const chain = makeChain(n, { locked: true }, env);
    const row = broker.addChain('alice', chain.anchor, 2n, env);
    return { broker, env, made, world, chain, row, count };
  };
  it('1–30 at A, 31–60 at B, 61–70 at C, the rest back: credits + refund = price, with no public-key operation', () => {
    const { broker, env, made, world, chain, row, count } = setup();
    const before = broker.balance('alice');
    const ranges = [
      [1, 30],
      [31, 60],
      [61, 70],
    ] as const;
    Object.assign(count, { sign: 0, verify: 0 });
    for (const [k, [from, to]] of ranges.entries()) {
      const { keys, store, vnd } = made[k] ?? raise();
      let piece = pieceOf(broker.ticket(row.id, { vnd, from, to }, env), chain, env);
      for (let i = from; i <= to; i++) piece = world.pay(piece, 2, { store, keys });
      expect(codeOf(() => world.pay(piece, 2, { store, keys }))).toBe('index-beyond');
    }
    expect(count).toMatchObject({ sign: 0, verify: 0 });
    for (const { vnd, store } of made) broker.redeem(vnd, store.due(), env);
    for (const { vnd, store } of made) broker.redeem(vnd, store.due(), env);
    expect(made.map(({ vnd }) => broker.balance(vnd))).toEqual([60n, 60n, 20n]);
    const refund = broker.refund(broker.chains.get(row.id) ?? raise(), env);
    expect(refund + 140n).toBe(BigInt(n) * 2n);
    expect(broker.balance('alice')).toBe(before + refund);
    broker.checkLaws();
  });
  it('A claims a range of B, with B’s words: nothing is paid', () => {
    const { broker, env, made, world, chain, row } = setup();
    const [a, b] = [made[0] ?? raise(), made[1] ?? raise()];
    const mine = pieceOf(broker.ticket(row.id, { vnd: a.vnd, from: 1, to: 3 }, env), chain, env);
    const theirs = pieceOf(broker.ticket(row.id, { vnd: b.vnd, from: 6, to: 8 }, env), chain, env);
    world.pay(mine, 6, a);
    world.pay(theirs, 6, b);
    const [dueA, dueB] = [[...a.store.due()][0] ?? raise(), [...b.store.due()][0] ?? raise()];
    // The collusion: x[8] of B and y[1] of A form the coins of the gap, 4 and 5, in truth.
    const id = bytesOf(chain.anchor.id);
    const whole = bytesOf(chain.tip);
    const x5 = down(whole, { kind: 'x', id }, { from: n, to: 5 }, portableCrypto);
    const y5 = up(bytesOf(chain.y1 ?? ''), id, { from: 1, to: 5 }, portableCrypto);
    expect(coin(5, id, { x: x5, y: y5 }, portableCrypto)).toHaveLength(32);
    // And yet no ticket names them: above A's range, and not at all below B's.
    const forged = (i: number) => ({
      last: [{ a: 0, i, w: toBase64url(down(whole, { kind: 'x', id }, { from: n, to: i }, portableCrypto)) }],
    });
    const session = (key: string) => key.replace('payword:', '');
    expect(broker.claim(a.vnd, session(dueA[0]), { ...dueA[1], total: 10n, proof: forged(5) }, env)).toBe('over-words');
    expect(broker.claim(b.vnd, session(dueB[0]), { ...dueB[1], total: 10n, proof: forged(5) }, env)).toBe('over-words');
    expect(broker.claim(a.vnd, session(dueB[0]), dueB[1], env)).toBe('foreign');
    expect(broker.balance(a.vnd) + broker.balance(b.vnd)).toBe(0n);
    // The gap is never allotted again; its price comes back.
    expect(codeOf(() => broker.ticket(row.id, { vnd: a.vnd, from: 4, to: 5 }, env))).toBe('range-invalid');
    broker.redeem(a.vnd, a.store.due(), env);
    broker.redeem(b.vnd, b.store.due(), env);
    expect(broker.refund(broker.chains.get(row.id) ?? raise(), env)).toBe(BigInt(n) * 2n - 12n);
  });
  it('the words of a range do not fit a ticket of another range, nor another site', () => {
    const { broker, env, made, world, chain, row } = setup();
    const [a, b] = [made[0] ?? raise(), made[1] ?? raise()];
    const mine = pieceOf(broker.ticket(row.id, { vnd: a.vnd, from: 1, to: 3 }, env), chain, env);
    const opening = paywordWallet.pay(mine, world.input(2, a.keys), env);
    expect(world.try(opening, b)).toBe('cert-foreign');
    const theirs = pieceOf(broker.ticket(row.id, { vnd: b.vnd, from: 4, to: 8 }, env), chain, env);
    const second = paywordWallet.pay(theirs, world.input(2, b.keys), env);
    expect(world.try({ ...second, y: opening['y'] ?? '' }, b)).toBe('word-wrong');
    expect(world.try({ ...second, x: opening['x'] ?? '' }, b)).toBe('word-wrong');
    expect(world.try({ ...second, ticket: { ...(second['ticket'] as JsonObject), to: 9 } }, b)).toBe('cert-forged');
  });
  it('a close cuts a ticket short: the next one starts above what the site has seen', () => {
    const { broker, env, made, world, chain, row } = setup();
    const [a, b] = [made[0] ?? raise(), made[1] ?? raise()];
    let piece = pieceOf(broker.ticket(row.id, { vnd: a.vnd, from: 1, to: 50 }, env), chain, env);
    for (let i = 0; i < 5; i++) piece = world.pay(piece, 2, a);
    const [key] = a.store.rows.keys();
    const [closing] = a.store.close(key ?? '', env);
    broker.takeClose(closing, env);
    expect(codeOf(() => broker.ticket(row.id, { vnd: b.vnd, from: 5, to: 9 }, env))).toBe('range-invalid');
    const next = pieceOf(broker.ticket(row.id, { vnd: b.vnd, from: 6, to: 9 }, env), chain, env);
    world.pay(next, 2, b);
    for (const { vnd, store } of [a, b]) broker.redeem(vnd, store.due(), env);
    expect([broker.balance(a.vnd), broker.balance(b.vnd)]).toEqual([10n, 2n]);
    const refund = broker.refund(broker.chains.get(row.id) ?? raise(), env);
    // B may still claim what its ticket names.
    expect(refund).toBe(200n - 10n - 8n);
    expect(broker.refund(broker.chains.get(row.id) ?? raise(), { ...env, nowMs: NOW + 4 * DAY })).toBe(6n);
    broker.checkLaws();
  });
});

describe('C12: late', () => {
  it('after its claim window a vendor is paid nothing', () => {
    const world = new World('credit');
    const piece = world.broker.sell('alice', { vnd: SITE, n: 10, unit: 1n }, world.env);
    world.pay(piece, 5);
    const [[key, due] = raise()] = world.store.due();
    const end = paywordWallet.expiresAtMs(piece) + limits.clockSkewMs + limits.paywordWindowMs;
    const session = key.replace('payword:', '');
    expect(world.broker.claim(SITE, session, due, { ...world.env, nowMs: end + 1 })).toBe('late');
    expect(world.broker.claim(SITE, session, due, { ...world.env, nowMs: end })).toBeUndefined();
    expect(world.broker.balance(SITE)).toBe(5n);
  });
});

describe('C8 and double redemption: an overclaim is refused, and anyone can check why', () => {
  const world = new World('credit');
  const piece = world.pay(world.broker.sell('alice', { vnd: SITE, n: 100, unit: 1n }, world.env), 20);
  const [[key, due] = raise()] = world.store.due();
  const session = key.replace('payword:', '');
  const proof = due.proof ?? {};
  const order = (over: JsonObject): Order => {
    const claim = { session, cum: due.total.toString(), ...proof, ...over };
    return makeOrder('payword-redeem/1', { vnd: SITE, prev: '', claims: [claim] }, world.keys.seed, world.env);
  };
  const keys = { vendorKey: toBase64url(portableCrypto.publicKey(world.keys.seed)), root: world.broker.root };
  const verdict = (over: JsonObject) =>
    judge({ order: order(over), claim: 0, deed: due.deed ?? null }, keys, portableCrypto);
  const wordAt = (i: number) => world.payloadAt({ ...piece, open: true }, i)['w'] ?? '';

  it('twice credits once', () => {
    expect(world.broker.claim(SITE, session, due, world.env)).toBeUndefined();
    expect(world.broker.claim(SITE, session, due, world.env)).toBeUndefined();
    expect(world.broker.balance(SITE)).toBe(20n);
    expect(verdict({})).toBe('honest');
  });
  it('more than the words', () => {
    expect(world.broker.claim(SITE, session, { ...due, total: 21n }, world.env)).toBe('over-words');
    expect(verdict({ cum: '21' })).toBe('proved');
  });
  it('an index whose word it does not have', () => {
    const last = [{ a: 0, i: 30, w: wordAt(29) }];
    expect(world.broker.claim(SITE, session, { ...due, total: 30n, proof: { last } }, world.env)).toBe('word-wrong');
    expect(verdict({ cum: '30', last })).toBe('proved');
  });
  it('an index beyond the chain', () => {
    const last = [{ a: 0, i: 101, w: wordAt(30) }];
    expect(world.broker.claim(SITE, session, { ...due, total: 101n, proof: { last } }, world.env)).toBe('over-words');
    expect(verdict({ cum: '101', last })).toBe('proved');
  });
  it('less than before is noticed and changes nothing', () => {
    expect(world.broker.claim(SITE, session, { ...due, total: 19n }, world.env)).toBe('falling');
    expect(world.broker.balance(SITE)).toBe(20n);
  });
  it('a commitment that the broker’s customer never certified', () => {
    const stranger = new World('credit', 77);
    stranger.pay(stranger.broker.sell('alice', { vnd: SITE, n: 100, unit: 1n }, stranger.env), 20);
    const [[foreign, claim] = raise()] = stranger.store.due();
    expect(world.broker.claim(SITE, foreign.replace('payword:', ''), claim, world.env)).toBe('unknown');
  });
  it('evidence that was made up proves nothing: another signer, another deed', () => {
    const made = order({ cum: '21' });
    const evidence = { order: made, claim: 0, deed: due.deed ?? null };
    const stranger = toBase64url(portableCrypto.publicKey(new Uint8Array(32)));
    expect(judge(evidence, { ...keys, vendorKey: stranger }, portableCrypto)).toBe('open');
    expect(judge({ ...evidence, order: { ...made, at: made.at + 1 } }, keys, portableCrypto)).toBe('open');
    expect(judge({ ...evidence, deed: {} }, keys, portableCrypto)).toBe('open');
    expect(judge(evidence, { ...keys, root: stranger }, portableCrypto)).toBe('open');
  });
});

describe('segments on two devices', () => {
  it('are spent at once without knowing of each other; all together reach the cap and no more', () => {
    const world = new World('credit');
    const { cert } = world.broker.cert('alice', SITE, world.env);
    const terms = { n: 10, unit: 1n, cap: 20n, exp: cert.exp, m: 3 };
    const [laptop, phone, tablet] = commitSegments(cert, terms, world.broker.daySeed('alice', SITE), world.env);
    if (!laptop || !phone || !tablet) throw new Error('three segments');
    let [one, two] = [laptop, phone];
    for (let i = 0; i < 5; i++) [one, two] = [world.pay(one), world.pay(two)];
    expect(world.store.rows.size).toBe(2);
    expect(codeOf(() => world.pay(tablet))).toBe('limit-reached');
    const opening = paywordWallet.pay(tablet, world.input(1), world.env);
    expect(world.try({ ...opening, path: [] })).toBe('cert-forged');
    for (const [key, due] of world.store.due()) {
      expect(world.broker.claim(SITE, key.replace('payword:', ''), due, world.env)).toBeUndefined();
    }
    expect(world.broker.balance(SITE)).toBe(10n);
  });
});

describe('C9: secrets stay in the wallet', () => {
  it('no payload, row, claim or closing holds the tip or a word that was not spent', () => {
    for (const funding of ['credit', 'prepaid'] as const) {
      const world = new World(funding);
      const sold = world.broker.sell('alice', { vnd: SITE, n: 20, unit: 1n }, world.env);
      const input = world.input(1);
      const seen = [JSON.stringify(paywordWallet.pay(sold, input, world.env))];
      let piece = sold;
      for (let i = 0; i < 10; i++) piece = world.pay(piece);
      const [key = ''] = world.store.rows.keys();
      seen.push(...world.store.rows.values(), JSON.stringify(world.store.close(key, world.env)));
      seen.push(JSON.stringify([...world.store.due().values()].map(({ proof, deed }) => ({ proof, deed }))));
      const next = JSON.stringify(paywordWallet.pay(piece, input, world.env)).match(/"[wx]":"([^"]+)"/)?.[1] ?? 'none';
      expect(seen.join()).not.toContain(sold.tip);
      expect(seen.join()).not.toContain(next);
    }
  });
});

describe('polling bounds what sites in parallel lend to one customer: L + (V − 1)·T on average', () => {
  const simulate = (about: { limit: number; every: number; sites: number; price: number }, seed: number): number => {
    const { limit, every, sites, price } = about;
    const rng = seeded(seed);
    const line = { account: 'thief', cur: CUR, perSite: 10n ** 12n, perDay: BigInt(limit), level: 2 } as const;
    const open = Array.from({ length: sites }, (_, i) => i);
    let row: Parameters<typeof poll>[0];
    let spent = 0;
    while (open.length > 0) {
      const site = rng.below(open.length);
      spent += price;
      if (!isPollDue(rng.bytes(6), BigInt(price), BigInt(every))) continue;
      const told = poll(row, { amount: BigInt(price), everyMicro: BigInt(every) }, line, NOW);
      row = told.row;
      if (told.answer !== 'ok') open.splice(site, 1);
    }
    return spent;
  };
  // Mean and p99 as multiples of L. The design's table: V = 50: 1.49 and 1.78 at T = L/100, 1.05 and 1.12 at L/1000.
  it.each([
    [{ limit: 10_000, every: 100, sites: 50, price: 3 }, 400, 1.49, 1.79],
    [{ limit: 50_000, every: 50, sites: 50, price: 2 }, 100, 1.05, 1.13],
    [{ limit: 10_000, every: 1_000, sites: 5, price: 20 }, 400, 1.4, 2.42],
    [{ limit: 10_000, every: 10_000, sites: 1, price: 200 }, 400, 1, 4.61],
  ])('%o', (about, runs, mean, p99) => {
    const { limit, every, sites } = about;
    const bound = exposure({ limitMicro: BigInt(limit), everyMicro: BigInt(every), sites });
    expect([Number(bound.meanMicro) / limit, Number(bound.p99Micro) / limit]).toEqual([
      expect.closeTo(mean, 2),
      expect.closeTo(p99, 2),
    ]);
    const totals = Array.from({ length: runs }, (_, run) => simulate(about, 1000 + run) / limit).sort((a, b) => a - b);
    const found = totals.reduce((sum, total) => sum + total, 0) / runs;
    const within = totals.filter((total) => total <= p99).length / runs;
    console.info(
      `polling, V = ${sites}, T = L/${limit / every}: mean ${found.toFixed(3)} L, ${within * 100} % within ${p99} L`,
    );
    // Four standard errors of the mean: a run's spread is √k·T.
    const spread = Math.sqrt(limit / every + sites - 1) * (every / limit);
    expect(Math.abs(found - mean)).toBeLessThan((4 * spread) / Math.sqrt(runs) + 0.005);
    expect(within).toBeGreaterThanOrEqual(0.975);
  });
  it('a customer of whom the broker said no pays nothing more on credit, in old sessions and new ones', () => {
    const refused = new Set<string>();
    const world = new World('credit', 6, portableCrypto, { refused });
    const first = world.pay(world.broker.sell('alice', { vnd: SITE, n: 9, unit: 1n }, world.env));
    const second = world.broker.sell('alice', { vnd: SITE, n: 9, unit: 1n }, world.env);
    refused.add('another customer');
    const before = world.pay(first);
    refused.add(world.broker.cert('alice', SITE, world.env).cert.sub);
    expect(codeOf(() => world.pay(before))).toBe('limit-reached');
    expect(codeOf(() => world.pay(second))).toBe('limit-reached');
    expect([...world.store.due().values()].map(({ total }) => total)).toEqual([2n]);
  });
  it('a site asks about one payment in T, and a no stops the session', () => {
    const world = new World('credit', 5, portableCrypto, { pollMicro: 10n });
    let piece = world.broker.sell('alice', { vnd: SITE, n: 400, unit: 1n }, world.env);
    for (let i = 0; i < 400; i++) piece = world.pay(piece);
    expect(world.store.questions.length).toBeGreaterThan(20);
    expect(world.store.questions.length).toBeLessThan(70);
    expect(world.store.questions[0]).toMatchObject({ typ: 'payword-poll/1', members: { vnd: SITE, amount: '1' } });
  });
});

function raise(): never {
  throw new Error('missing');
}
