// A site, its broker and paid requests without HTTP or storage: what PayWord alone has to do.
import { nodeEnv } from '@farthing/node-kit';
import {
  applied,
  type BindingSecrets,
  isOurChallenge,
  type Json,
  limits,
  makeChallenge,
  PaymentProblem,
  printCredential,
  printReceipt,
  readCredential,
  toBase64url,
} from '@farthing/protocol';
import { payword } from '@farthing/protocol/broker';
import { type PaywordKeys, paywordVendor } from '@farthing/protocol/vendor';
import { commit, makeChain, type PaywordPiece, paywordWallet, pieceOf } from '@farthing/protocol/wallet';
import type { Kernel } from '../method.ts';
import { requestOf } from '../offer.ts';

const VND = 'bench.example';
const TARGET = 'GET /article/1';
const DAY_MS = 86_400_000;
const MOST = 10n ** 15n;
const WORDS = 2000;
const price = { amount: 1500n, currency: 'usd-micro' as const };
const env = nodeEnv();

const issuer = { brk: 'bench', seed: env.random(32) };
const shared = env.random(32);
const root = toBase64url(env.crypto.publicKey(issuer.seed));
const binding: BindingSecrets = [env.random(32)];
const keys: PaywordKeys = {
  vnd: VND,
  api: '/farthing',
  seed: env.random(32),
  brokers: [{ id: issuer.brk, url: 'https://broker.example', root, key: shared }],
  currencies: [price.currency],
  fundings: ['credit', 'prepaid'],
  maxStep: limits.wordStep,
  idleMs: limits.sessionIdleMs,
};
const challenge = makeChallenge(
  {
    realm: VND,
    method: 'payword',
    intent: 'session',
    request: { ...price, recipient: VND, methodDetails: paywordVendor.details(keys, price, env) ?? {} },
    expiresAtMs: env.nowMs + DAY_MS,
    scope: { s: 'GET /article/:id', n: toBase64url(env.random(12)), p: '/article/*' },
  },
  binding,
  env.crypto,
);
const request = requestOf(challenge);
const input = { challenge, request, target: TARGET, digest: '' };

export function kernels(): readonly Kernel[] {
  const [opening = '', ...ticks] = inSession(prepaid(WORDS), WORDS);
  return [
    ticking(verify(opening, undefined).row, ticks),
    openings('open/hmac', () => prepaid(10)),
    openings('open/ed25519', onCredit()),
    { name: 'mint', unit: 'words', per: WORDS, run: () => void makeChain(WORDS, { locked: false }, env) },
  ];
}

/** The words of one session in their order, and again from the start: rows are plain values. */
function ticking(opened: Json, ticks: readonly string[]): Kernel {
  let row = opened;
  let next = 0;
  return {
    name: 'verify',
    unit: 'payments',
    per: 1,
    run() {
      if (next === ticks.length) [row, next] = [opened, 0];
      row = verify(ticks[next++] ?? '', row).row;
    },
  };
}

function openings(name: string, piece: () => PaywordPiece): Kernel {
  const made = Array.from({ length: 500 }, () => inSession(piece(), 1)[0] ?? '');
  let next = 0;
  return {
    name,
    unit: 'openings',
    per: 1,
    run: () => void verify(made[next++ % made.length] ?? '', undefined),
  };
}

/** Prepaid: a ticket under the key that site and broker share. */
export function prepaid(n: number): PaywordPiece {
  const own = makeChain(n, { locked: false }, env);
  const order = { anchor: own.anchor, unit: price.amount, cur: price.currency, ttlMs: DAY_MS };
  const chain = payword.sellChain(order, { account: 'anna', taken: false }, env);
  const { ticket } = payword.allot(chain, { vnd: VND, from: 1, to: n }, { issuer, key: shared }, env);
  return pieceOf(ticket, own, env);
}

/** Credit: signed by the key of the day, which the site has seen before. */
function onCredit(): () => PaywordPiece {
  const daySeed = env.random(32);
  const pk = toBase64url(env.crypto.publicKey(daySeed));
  const line = { account: 'anna', cur: price.currency, perSite: MOST, perDay: MOST, level: 2 } as const;
  const { cert } = payword.issueCert({ vnd: VND, pk, cur: price.currency, limit: MOST }, line, issuer, env);
  return () => commit(cert, { n: 10, unit: price.amount, cap: price.amount * 10n, exp: cert.exp }, daySeed, env);
}

/** Header values as wallets send them: the first opens. */
export function inSession(piece: PaywordPiece, count: number): string[] {
  let now = piece;
  return Array.from({ length: count }, () => {
    const payload = paywordWallet.pay(now, input, env);
    const moved = paywordWallet.sessions?.advance(now, input) ?? now;
    now = paywordWallet.sessions?.confirm(moved) ?? moved;
    return printCredential({ challenge, payload });
  });
}

/** All of a site's work on a paid request but HTTP and storage: decode, binding, method, row, receipt. */
export function verify(header: string, seen: Json | undefined) {
  const credential = readCredential([header]);
  if (!credential || !isOurChallenge(credential.challenge, binding, env.crypto)) {
    throw new PaymentProblem('challenge-mismatch');
  }
  const asked = { challenge: credential.challenge, payload: credential.payload, price, target: TARGET, digest: '' };
  const made = applied(paywordVendor.verify(asked, keys, { ...env, serial: 1n }), seen);
  if (!made.row) throw new Error('a payment of a session writes its row');
  const { reference, details } = made;
  const timestamp = '2026-11-23T12:00:00Z';
  const receipt = { status: 'success', method: 'payword', timestamp, reference, challengeId: challenge.id } as const;
  return { made, row: made.row.next, receipt: printReceipt({ ...receipt, details }) };
}
