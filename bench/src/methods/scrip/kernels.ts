// A site, its broker's licence and paid requests without HTTP or storage: what the protocol alone has to do.
import { nodeEnv } from '@farthing/node-kit';
import {
  type BindingSecrets,
  isOurChallenge,
  limits,
  makeChallenge,
  PaymentProblem,
  type PaymentRequest,
  printCredential,
  printReceipt,
  readCredential,
  toBase64url,
} from '@farthing/protocol';
import { type Licence, scrip } from '@farthing/protocol/broker';
import { type ScripKeys, scripVendor } from '@farthing/protocol/vendor';
import { scripWallet } from '@farthing/protocol/wallet';
import type { Kernel } from '../method.ts';

const VND = 'bench.example';
const TARGET = 'GET /article/1';
const DAY_MS = 86_400_000;
const price = { amount: 1500n, currency: 'usd-micro' as const };
const env = nodeEnv();
const atSeconds = Math.floor(env.nowMs / 1000);

const licence: Licence = {
  typ: 'licence/1',
  vnd: VND,
  brk: 'bench',
  kid: 'k1',
  first: 1,
  last: 1_000_000_000,
  ceiling: limits.amountMax.toString(),
  maxVal: limits.amountMax.toString(),
  cur: price.currency,
  feeBps: 0,
  nbf: atSeconds - 60,
  exp: atSeconds + 86_400 * 365,
  sigs: { v: 'A'.repeat(86) },
};
const secrets = { scrip: env.random(32), customer: env.random(32) };
const row: scrip.LicenceRow = { licence, secrets, next: 1, sold: 0n };
const binding: BindingSecrets = [env.random(32)];
const keys: ScripKeys = {
  vnd: VND,
  api: '/farthing',
  seed: env.random(32),
  master: new Map([
    ['k1', secrets],
    ['v1', { scrip: env.random(32), customer: env.random(32) }],
  ]),
  licences: new Map([['k1', licence]]),
  changeKid: 'v1',
  brokers: [{ id: 'bench', url: 'https://broker.example' }],
};

export function kernels(): readonly Kernel[] {
  const paid = paidRequests(2000);
  let next = 0;
  return [
    {
      name: 'verify',
      unit: 'payments',
      per: 1,
      run() {
        const header = paid[next++ % paid.length];
        if (header !== undefined) verify(header);
      },
    },
    { name: 'mint', unit: 'pieces', per: limits.scripBuyCount, run: () => void mint(limits.scripBuyCount) },
  ];
}

/** What a broker makes for one sale: `count` pieces, each certified, with its customer secret. */
const mint = (count: number): scrip.Issued =>
  scrip.issue(row, { val: 30_000n, count, ttlMs: DAY_MS, bearer: false, buyer: undefined }, env);

/** Header values as wallets send them. */
export function paidRequests(count: number): string[] {
  const { pieces } = mint(limits.scripBuyCount);
  const methodDetails = scripVendor.details(keys, price, env) ?? {};
  const request: PaymentRequest = { ...price, recipient: VND, methodDetails };
  return Array.from({ length: count }, (_, i) => {
    const challenge = makeChallenge(
      {
        realm: VND,
        method: 'scrip',
        intent: 'charge',
        request: { ...price, recipient: VND, methodDetails },
        expiresAtMs: env.nowMs + DAY_MS,
        scope: { s: 'GET /article/:id', n: toBase64url(env.random(12)), p: '/article/*' },
      },
      binding,
      env.crypto,
    );
    const piece = pieces[i % pieces.length];
    if (!piece) throw new Error('nothing was minted');
    const payload = scripWallet.pay(
      { ...piece, brk: 'bench' },
      { challenge, request, target: TARGET, digest: '' },
      env,
    );
    return printCredential({ challenge, payload });
  });
}

let serial = 0n;

/** All of a site's work on a paid request but HTTP and storage: decode, binding, method, change, receipt. */
export function verify(header: string): string {
  const credential = readCredential([header]);
  if (!credential || !isOurChallenge(credential.challenge, binding, env.crypto)) {
    throw new PaymentProblem('challenge-mismatch');
  }
  const { challenge, payload } = credential;
  const input = { challenge, payload, price, target: TARGET, digest: '' };
  const { reference, details } = scripVendor.verify(input, keys, { ...env, serial: ++serial });
  const timestamp = '2026-11-23T12:00:00Z';
  return printReceipt({ status: 'success', method: 'scrip', timestamp, reference, challengeId: challenge.id, details });
}
