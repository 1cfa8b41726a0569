// The tiny broker's PayWord: day certificates and commitments on credit, prepaid chains with tickets, and its claims.
import type { nodeEnv } from '@farthing/node-kit';
import {
  decode,
  fromBase64url,
  type JsonObject,
  type Order,
  objectHash,
  openBox,
  PaymentProblem,
  signObject,
  toBase64url,
} from '@farthing/protocol';
import { payword, paywordKeyOrder, paywordPollOrder, paywordRedeemOrder } from '@farthing/protocol/broker';
import { commit, commitSegments, makeChain, type PaywordPiece, pieceOf } from '@farthing/protocol/wallet';

const DAY_MS = 86_400_000;
const CUR = 'usd-micro' as const;

type Parts = { brk: string; seed: Uint8Array; boxSecret: Uint8Array; env: typeof nodeEnv };
/** `n` words of `unit` for the site `vnd`. */
export type Sale = { readonly vnd: string; readonly n: number; readonly unit: bigint };

export function tinyPayword({ brk, seed, boxSecret, env }: Parts) {
  const { crypto } = env();
  const issuer = { brk, seed };
  const keys = new Map<string, Uint8Array>();
  const certs = new Map<string, ReturnType<typeof payword.issueCert>>();
  const deals = new Map<string, payword.DealRow>();
  const used = new Map<string, bigint>();
  const alarms: string[] = [];
  const polls: Order[] = [];
  /** Set by tests: what it answers to polls, and how many claims it puts off. */
  const mood: { poll: 'ok' | 'limit' | 'deny'; later: number } = { poll: 'ok', later: 0 };
  let last = '';

  function claim(vnd: string, { session, cum, last: words, deed }: Claims[number]): JsonObject {
    if (mood.later > 0) {
      mood.later--;
      return { session, credited: '0', later: true };
    }
    const row = deed && 'commitment' in deed ? certs.get(deed.cert.sub) : undefined;
    const deal = deals.get(session) ?? (deed ? payword.dealOf(deed, { cert: row, vnd }, env()) : 'unknown');
    if (typeof deal === 'string') {
      alarms.push(deal);
      return { session, credited: '0', alarm: deal };
    }
    const y = deed && 'ticket' in deed ? deed.y : undefined;
    const asked = { vnd, cum, last: words, ...(y === undefined ? {} : { y }) };
    const paid = payword.redeem(deal, asked, { feeBps: 0, used: (key) => used.get(key) ?? 0n }, env());
    deals.set(session, paid.deal);
    for (const { key } of deal.bounds) used.set(key, (used.get(key) ?? 0n) + paid.credit);
    if (paid.alarm) alarms.push(paid.alarm);
    return { session, credited: paid.credit.toString(), ...(paid.alarm ? { alarm: paid.alarm } : {}) };
  }

  const total = () => [...deals.values()].reduce((sum, { credited }) => sum + credited, 0n);

  const routes: Record<string, (order: Order) => JsonObject> = {
    '/v1/payword/keys'(order) {
      const { vnd, box } = decode(paywordKeyOrder, order, 'request-malformed');
      const key = openBox(boxSecret, fromBase64url(box) ?? new Uint8Array(), `payword-key ${vnd}`);
      if (key?.length !== 32) throw new PaymentProblem('request-malformed');
      keys.set(vnd, key);
      return { vnd };
    },
    '/v1/payword/poll'(order) {
      decode(paywordPollOrder, order, 'request-malformed');
      polls.push(order);
      return { answer: mood.poll };
    },
    '/v1/payword/redeem'(order) {
      const { vnd, prev, claims } = decode(paywordRedeemOrder, order, 'request-malformed');
      if (prev !== last) throw new PaymentProblem('batch-conflict', { members: { prev: last } });
      const before = total();
      const sessions = claims.map((one) => claim(vnd, one));
      last = objectHash(order, crypto);
      const credited = (total() - before).toString();
      const unsigned = { typ: 'redemption/1', brk, vnd, batch: last, prev, credited, fee: '0', at: order.at };
      const redemption = { ...unsigned, sig: signObject(unsigned, seed, crypto) };
      return { redemption, sessions, balance: total().toString(), cur: CUR };
    },
  };

  function certify(vnd: string) {
    const daySeed = env().random(32);
    const pk = toBase64url(crypto.publicKey(daySeed));
    const most = 10n ** 15n;
    const line = { account: `customer ${certs.size}`, cur: CUR, perSite: most, perDay: most, level: 2 } as const;
    const row = payword.issueCert({ vnd, pk, cur: CUR, limit: most }, line, issuer, env());
    certs.set(row.cert.sub, row);
    return { cert: row.cert, daySeed };
  }

  return {
    routes,
    keys,
    deals,
    alarms,
    polls,
    mood,
    total,
    /** On credit, with a fresh day key. */
    credit({ vnd, n, unit }: Sale): PaywordPiece {
      const { cert, daySeed } = certify(vnd);
      return commit(cert, { n, unit, cap: unit * BigInt(n), exp: cert.exp }, daySeed, env());
    },
    /** On credit: `m` chains under one signature, each for a device of its own. */
    segments({ vnd, n, unit, m, cap }: Sale & { readonly m: number; readonly cap: bigint }): PaywordPiece[] {
      const { cert, daySeed } = certify(vnd);
      return commitSegments(cert, { n, unit, m, cap, exp: cert.exp }, daySeed, env());
    },
    /** Prepaid: a double-locked chain with one ticket over all of it. */
    prepaid({ vnd, n, unit }: Sale): PaywordPiece {
      const chain = makeChain(n, { locked: true }, env());
      const order = { anchor: chain.anchor, unit, cur: CUR, ttlMs: DAY_MS };
      const row = payword.sellChain(order, { account: 'alice', taken: false }, env());
      const key = keys.get(vnd);
      const made = payword.allot(row, { vnd, from: 1, to: n }, { issuer, ...(key ? { key } : {}) }, env());
      deals.set(made.deal.session, made.deal);
      return pieceOf(made.ticket, chain, env());
    },
  };
}

type Claims = ReturnType<typeof claimsIn>;
const claimsIn = (order: Order) => decode(paywordRedeemOrder, order, 'request-malformed').claims;
