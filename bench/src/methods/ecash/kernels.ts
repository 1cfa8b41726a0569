// A site, a mint and paid requests without HTTP or storage: what coins alone have to do.
import { blindSigner, makeMintKey, nativeRsa, nodeEnv } from '@farthing/node-kit';
import {
  type BindingSecrets,
  fromBase64url,
  isOurChallenge,
  type JsonObject,
  limits,
  makeChallenge,
  PaymentProblem,
  printCredential,
  printReceipt,
  readCredential,
  toBase64url,
  type Verified,
} from '@farthing/protocol';
import { keysetOf, signKeyset } from '@farthing/protocol/broker';
import { type EcashKeys, ecashVendor } from '@farthing/protocol/vendor';
import { type Keyset, purse } from '@farthing/protocol/wallet';
import { bareChecks } from '../bare.ts';
import type { Fact, Kernel } from '../method.ts';
import { COINS, PRICE_MICRO } from './coins.ts';

const VND = 'bench.example';
const TARGET = 'GET /article/1';
const DAY_SECONDS = 86_400;
const PAYMENTS = 200;
const price = { amount: PRICE_MICRO, currency: 'usd-micro' as const };
const env = nodeEnv();
const brk = 'bench';
const root = env.random(32);
const binding: BindingSecrets = [env.random(32)];
const atSeconds = Math.floor(env.nowMs / 1000);

type Made = { readonly keyset: Keyset; readonly sign: (blinded: Uint8Array) => Uint8Array | undefined };

async function makeKeyset(value: bigint): Promise<Made> {
  const { n, pkcs8 } = await makeMintKey();
  const times = { nbf: atSeconds - 60, spendUntil: atSeconds + DAY_SECONDS, claimUntil: atSeconds + 2 * DAY_SECONDS };
  const record = signKeyset(
    {
      ...{ typ: 'keyset/1', brk, cur: price.currency, denom: value.toString(), epoch: 1, vnd: VND },
      ...{ n: toBase64url(n), e: 65_537, ...times, reclaimUntil: atSeconds + 3 * DAY_SECONDS },
    },
    root,
    env.crypto,
  );
  return { keyset: keysetOf(record, env.crypto), sign: blindSigner(pkcs8) };
}

const made = await Promise.all(COINS.map(makeKeyset));
const keysets = new Map(made.map(({ keyset }) => [keyset.ks, keyset]));
const mint: purse.Mint = { keysets, seed: env.random(32), rsa: nativeRsa };
const locked = { hash: toBase64url(env.random(32)), keysets };
const keys: EcashKeys = {
  vnd: VND,
  api: '/farthing',
  brokers: [{ id: brk, url: 'https://broker.example', root: toBase64url(env.crypto.publicKey(root)), locked }],
  rsa: nativeRsa,
};

function signed(ks: string, b: string): string {
  const blinded = fromBase64url(b);
  const signature = blinded && made.find(({ keyset }) => keyset.ks === ks)?.sign(blinded);
  if (!signature) throw new Error('an honest mint signs');
  return toBase64url(signature);
}

export function kernels(): readonly Kernel[] {
  const paid = Array.from({ length: PAYMENTS }, () => payment(COINS));
  const drafted = purse.draft(purse.emptyPurse(brk, price.currency), { values: COINS, vnd: VND }, mint, env);
  const each = (name: string, run: (header: string) => unknown): Kernel => {
    let next = 0;
    return { name, unit: 'coins', per: COINS.length, run: () => void run(paid[next++ % paid.length] ?? '') };
  };
  return [
    each('verify', (header) => verify(header, false)),
    // The signatures are left to other threads: what is left of it holds up the event loop.
    each('verify/loop', (header) => verify(header, true)),
    {
      name: 'signatures',
      unit: 'coins',
      per: COINS.length,
      run: bareChecks(verify(paid[0] ?? '', true).proofs ?? []),
    },
    {
      name: 'mint',
      unit: 'coins',
      per: COINS.length,
      run: () => {
        for (const { ks, b } of drafted.outputs) signed(ks, b);
      },
    },
  ];
}

/** The header of a payment with as many coins as one holds. */
export async function facts(): Promise<readonly Fact[]> {
  const { coinsInHeader } = limits;
  const many = payment(Array.from({ length: coinsInHeader }, () => COINS[0] ?? 0n));
  return [{ name: `credential/${coinsInHeader}-coins`, unit: 'bytes of header', value: many.length }];
}

/** A header value as wallets send it. */
function payment(values: readonly bigint[]): string {
  const amount = values.reduce((sum, value) => sum + value, 0n);
  const asked = { ...price, amount };
  const challenge = makeChallenge(
    {
      realm: VND,
      method: 'ecash',
      intent: 'charge',
      request: { ...asked, recipient: VND, methodDetails: ecashVendor.details(keys, asked, env) ?? {} },
      expiresAtMs: env.nowMs + DAY_SECONDS * 1000,
      scope: { s: 'GET /article/:id', n: toBase64url(env.random(12)), p: '/article/*' },
    },
    binding,
    env.crypto,
  );
  const drafted = purse.draft(purse.emptyPurse(brk, price.currency), { values, vnd: VND }, mint, env);
  const held = purse.finish(
    drafted.planned,
    drafted.outputs.map(({ ks, b }) => signed(ks, b)),
    mint,
    env,
  );
  const exp = atSeconds + DAY_SECONDS;
  const terms = { challengeId: challenge.id, vnd: VND, amount, cur: price.currency, exp };
  const coins = purse.signedFor(held, terms, mint, env).map((coin): JsonObject => ({ ...coin }));
  return printCredential({ challenge, payload: { brk, exp, coins } });
}

/** All of a site's work on a paid request but HTTP and storage; `elsewhere`: and but the signatures. */
function verify(header: string, elsewhere: boolean): Verified {
  const credential = readCredential([header]);
  if (!credential || !isOurChallenge(credential.challenge, binding, env.crypto)) {
    throw new PaymentProblem('challenge-mismatch');
  }
  const { challenge, payload } = credential;
  const input = { challenge, payload, price, target: TARGET, digest: '' };
  const verified = ecashVendor.verify(input, keys, {
    ...env,
    serial: 1n,
    ...(elsewhere ? { checksProofs: true } : {}),
  });
  const { reference, details } = verified;
  const timestamp = '2026-11-23T12:00:00Z';
  printReceipt({ status: 'success', method: 'ecash', timestamp, reference, challengeId: challenge.id, details });
  return verified;
}
