// The vendor's side of scrip: checks what was presented, mints the change, releases what is given back. No state here.

import { equalText } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import { tryDecode } from '../core/decode.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type {
  Price,
  ServiceAnswer,
  Spend,
  Tally,
  VendorEnv,
  VendorRole,
  Verified,
  VerifyInput,
} from '../core/method.ts';
import { PaymentProblem } from '../core/problems.ts';
import { signObject } from '../core/sign.ts';
import {
  certify,
  customerSecret,
  isBearer,
  isCertified,
  type Licence,
  type MasterSecrets,
  payProof,
  readSignedPayload,
  receiptProof,
  releaseProof,
  releaseRequest,
  type Scrip,
  splitId,
} from './wire.ts';

/** What a vendor holds for scrip. Key ids that are gone from `master` are retired: their scrip is foreign. */
export type ScripKeys = {
  readonly vnd: string;
  readonly api: string;
  /** Ed25519 seed: signs releases. */
  readonly seed: Uint8Array;
  readonly master: ReadonlyMap<string, MasterSecrets>;
  /** Licences by key id. A root of a key id without licence or `changeKid` is foreign. */
  readonly licences: ReadonlyMap<string, Licence>;
  /** The vendor's own key id: change is made under it. */
  readonly changeKid: string;
  readonly brokers: readonly { id: string; url: string }[];
};

export const scripVendor: VendorRole<ScripKeys> = {
  method: 'scrip',
  intents: ['charge'],
  details,
  verify,
  services: { 'scrip/release': release },
};

function details(keys: ScripKeys, price: Price, env: Env): JsonObject | undefined {
  const live = [...keys.licences.values()].some(
    (licence) => licence.cur === price.currency && licence.exp * 1000 > env.nowMs,
  );
  if (!live) return undefined;
  return {
    api: keys.api,
    brokers: keys.brokers.map(({ id, url }) => ({ id, url })),
    change: true,
    kinds: ['own'],
    modes: ['signed'],
  };
}

function verify({ challenge, payload, price, target, digest }: VerifyInput, keys: ScripKeys, env: VendorEnv): Verified {
  const { scrip, proof, change: wantsChange = false } = readSignedPayload(payload);
  const csec = checkPiece(scrip, keys, env);
  if (scrip.cur !== price.currency)
    throw new PaymentProblem('scrip-foreign', { detail: 'the scrip is in another currency' });
  if (!isBearer(scrip)) {
    const expected = payProof(
      { challengeId: challenge.id, scrip, target, digest, change: wantsChange },
      csec,
      env.crypto,
    );
    if (proof === undefined || !equalText(proof, expected)) throw new PaymentProblem('scrip-forged');
  }
  const left = BigInt(scrip.val) - price.amount;
  if (left < 0n) throw new PaymentProblem('amount-short', { members: { shortBy: (-left).toString() } });
  if (left > 0n && !wantsChange) throw new PaymentProblem('change-not-asked');
  const untilMs = scrip.exp * 1000 + limits.clockSkewMs;
  const change = left > 0n ? mintChange(scrip, left, keys, env) : undefined;
  const told: Record<string, Json> = change ? { change } : {};
  if (!isBearer(scrip)) {
    told['proof'] = receiptProof({ challengeId: challenge.id, amount: price.amount, change }, csec, env.crypto);
  }
  return {
    spends: [spendOf(scrip, untilMs)],
    tallies: faceOf(scrip, keys),
    ...(change ? { mints: [spendKey(change)] } : {}),
    claims: [{ key: scrip.root, add: price.amount, untilMs: untilMs + limits.claimWindowMs }],
    untilMs,
    reference: scrip.id,
    details: told,
  };
}

/** Cheap checks first. @returns the customer secret @throws {PaymentProblem} foreign, expired or forged scrip */
function checkPiece(scrip: Scrip, keys: ScripKeys, env: Env): Uint8Array {
  if (scrip.vnd !== keys.vnd) throw new PaymentProblem('scrip-foreign', { detail: 'the scrip names another site' });
  const master = keys.master.get(splitId(scrip.id).kid);
  const customers = keys.master.get(splitId(scrip.cid).kid);
  if (!master || !customers)
    throw new PaymentProblem('scrip-foreign', { detail: 'the key id of the scrip is unknown or retired' });
  if (env.nowMs > scrip.exp * 1000 + limits.clockSkewMs) throw new PaymentProblem('scrip-expired');
  if (!isCertified(scrip, master.scrip, env.crypto)) throw new PaymentProblem('scrip-forged');
  return customerSecret(scrip.cid, customers.customer, env.crypto);
}

const spendKey = (scrip: Scrip): string => `scrip:${scrip.id}`;
const spendOf = (scrip: Scrip, untilMs: number): Spend => ({ key: spendKey(scrip), untilMs, code: 'scrip-spent' });

/** A root is counted against its licence when it is first seen: more than the ceiling was never allowed. */
function faceOf(scrip: Scrip, keys: ScripKeys): Tally[] {
  if (scrip.id !== scrip.root) return [];
  const { kid, serial } = splitId(scrip.id);
  const licence = keys.licences.get(kid);
  const within =
    licence &&
    Number(serial) >= licence.first &&
    Number(serial) <= licence.last &&
    BigInt(scrip.val) <= BigInt(licence.maxVal);
  if (!within) throw new PaymentProblem('licence-exceeded', { detail: `the piece lies outside of licence ${kid}` });
  return [
    { key: `scrip-licence:${kid}`, add: BigInt(scrip.val), limit: BigInt(licence.ceiling), code: 'licence-exceeded' },
  ];
}

function mintChange(scrip: Scrip, left: bigint, keys: ScripKeys, env: VendorEnv): Scrip {
  const master = keys.master.get(keys.changeKid);
  if (!master) throw new Error('the change key is missing');
  const { mac: _, ...rest } = scrip;
  return certify({ ...rest, id: `${keys.changeKid}.${env.serial}`, val: left.toString() }, master.scrip, env.crypto);
}

function release(body: Json, keys: ScripKeys, env: Env): ServiceAnswer {
  const request = tryDecode(releaseRequest, body);
  if (!request) throw new PaymentProblem('payload-invalid', { detail: 'expected {scrip, to, proof}' });
  const { scrip, to, proof } = request;
  const csec = checkPiece(scrip, keys, env);
  if (!equalText(proof, releaseProof({ scrip, to }, csec, env.crypto))) throw new PaymentProblem('scrip-forged');
  faceOf(scrip, keys);
  const unsigned = {
    typ: 'release/1',
    vnd: keys.vnd,
    root: scrip.root,
    left: scrip.val,
    to,
    at: Math.floor(env.nowMs / 1000),
  };
  const untilMs = scrip.exp * 1000 + limits.clockSkewMs;
  return {
    id: `release:${scrip.id}`,
    answer: { release: { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) } },
    spends: [spendOf(scrip, untilMs)],
    untilMs,
  };
}
