// A site and paid requests without HTTP or storage: what cheques alone have to do.
import { nodeEnv } from '@farthing/node-kit';
import {
  type BindingSecrets,
  type DayCert,
  isOurChallenge,
  makeChallenge,
  PaymentProblem,
  printCredential,
  printReceipt,
  readCredential,
  signObject,
  toBase64url,
  type Verified,
} from '@farthing/protocol';
import { type ChequeKeys, chequeVendor } from '@farthing/protocol/vendor';
import { cheque as rules } from '@farthing/protocol/wallet';
import { bareChecks } from '../bare.ts';
import type { Fact, Kernel } from '../method.ts';

const VND = 'bench.example';
const TARGET = 'GET /article/1';
const DAY_SECONDS = 86_400;
const PAYMENTS = 500;
const price = { amount: 1500n, currency: 'usd-micro' as const };
const env = nodeEnv();
const brk = 'bench';
const [root, day] = [env.random(32), env.random(32)];
const binding: BindingSecrets = [env.random(32)];
const now = Math.floor(env.nowMs / 1000);

const keys: ChequeKeys = {
  ...{ vnd: VND, api: '/farthing', currencies: [price.currency], captures: ['deferred'] },
  brokers: [{ id: brk, url: 'https://broker.example', root: toBase64url(env.crypto.publicKey(root)) }],
  ...{ offlineMax: 10n ** 12n, minLevel: 0, genuine: new Map<string, DayCert>() },
};

function certify(): DayCert {
  const unsigned = {
    ...{ typ: 'daycert/1' as const, brk, use: 'cheque' as const, sub: toBase64url(env.random(16)) },
    ...{ pk: toBase64url(env.crypto.publicKey(day)), vnd: VND as DayCert['vnd'], cur: price.currency },
    ...{ limit: '1000000000', perDay: '1000000000', level: 2 as const, nbf: now - 60, exp: now + DAY_SECONDS },
  };
  return { ...unsigned, sig: signObject(unsigned, root, env.crypto) };
}

const cert = certify();

export function kernels(): readonly Kernel[] {
  const paid = Array.from({ length: PAYMENTS }, payment);
  const each = (name: string, elsewhere: boolean): Kernel => {
    let next = 0;
    const run = () => void verify(paid[next++ % paid.length] ?? '', elsewhere);
    return { name, unit: 'cheques', per: 1, run };
  };
  return [
    each('verify', false),
    // The customer's signature is left to other threads: what is left of it holds up the event loop.
    each('verify/loop', true),
    { name: 'signatures', unit: 'cheques', per: 1, run: bareChecks(verified(paid[0] ?? '', true).proofs ?? []) },
    { name: 'mint', unit: 'certificates', per: 1, run: () => void certify() },
  ];
}

export const facts = async (): Promise<readonly Fact[]> => [
  { name: 'credential', unit: 'bytes of header', value: payment().length },
];

/** A header value as wallets send it. */
function payment(): string {
  const challenge = makeChallenge(
    {
      ...{ realm: VND, method: 'cheque', intent: 'charge' as const },
      request: { ...price, recipient: VND, methodDetails: chequeVendor.details(keys, price, env) ?? {} },
      expiresAtMs: env.nowMs + DAY_SECONDS * 1000,
      scope: { s: 'GET /article/:id', n: toBase64url(env.random(12)), p: '/article/*' },
    },
    binding,
    env.crypto,
  );
  const wanted = {
    ...{ challengeId: challenge.id, vnd: VND, amount: price.amount, cur: price.currency },
    ...{ capture: 'deferred' as const, exp: now + DAY_SECONDS },
  };
  const cheque = rules.writeCheque({ cert, seed: toBase64url(day) }, wanted, env);
  return printCredential({ challenge, payload: { cheque: { ...cheque }, cert: { ...cert } } });
}

/** All of a site's work on a paid request but HTTP and storage; `elsewhere`: and but the customer's signature. */
function verify(header: string, elsewhere: boolean): string {
  const { reference, details, id: challengeId } = verified(header, elsewhere);
  const timestamp = '2026-11-23T12:00:00Z';
  return printReceipt({ status: 'success', method: 'cheque', timestamp, reference, challengeId, details });
}

function verified(header: string, elsewhere: boolean): Verified & { readonly id: string } {
  const credential = readCredential([header]);
  if (!credential || !isOurChallenge(credential.challenge, binding, env.crypto)) {
    throw new PaymentProblem('challenge-mismatch');
  }
  const { challenge, payload } = credential;
  const input = { challenge, payload, price, target: TARGET, digest: '' };
  const host = { ...env, serial: 1n, ...(elsewhere ? { checksProofs: true as const } : {}) };
  return { ...chequeVendor.verify(input, keys, host), id: challenge.id };
}
