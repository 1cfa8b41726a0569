// Licences: a site lets this broker make its scrip. The broker licenses itself for broker scrip in the same form.
import {
  type Currency,
  fromBase64url,
  type JsonObject,
  limits,
  objectHash,
  openBox,
  PaymentProblem,
  signObject,
  verifyObject,
} from '@farthing/protocol';
import type { Licence, licenceOrder, licencesOrder, MasterSecrets } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { carried } from '../keys.ts';
import type { LicenceRow } from '../ledger/scrip.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `licence-invalid` */
export function grant({ from, licence, box }: v.InferOutput<typeof licenceOrder>, step: OrderStep): JsonObject {
  const { ledger, env, keys } = step;
  const vendor = ownVendor(licence.vnd, from, ledger);
  const earlier = ledger.scrip.licence(licence.vnd, licence.kid);
  const fault = earlier ? `kid: ${licence.kid} was granted before` : faultOf(licence, step);
  if (fault) throw new PaymentProblem('licence-invalid', { detail: fault });
  if (!verifyObject(licence, vendor.pk, licence.sigs.v, env.crypto)) {
    throw new PaymentProblem('licence-invalid', { detail: 'sigs.v: expected the signature of the site' });
  }
  const secrets = openSecrets(licence, box, step);
  const signed = countersigned(licence, keys.seed, step);
  ledger.scrip.addLicence({ licence: signed, secrets, next: licence.first, sold: 0n });
  return { licence: signed };
}

function faultOf(licence: Licence, { keys, env }: Step): string | undefined {
  const now = secondsOf(env.nowMs);
  if (licence.brk !== keys.brk) return 'brk: expected this broker';
  if (licence.sigs.b !== undefined) return 'sigs.b: expected none yet';
  if (licence.last < licence.first) return 'last: expected at least first';
  if (BigInt(licence.ceiling) < BigInt(licence.maxVal)) return 'ceiling: expected at least maxVal';
  if (licence.exp <= now || licence.exp <= licence.nbf) return 'exp: expected a moment after now and after nbf';
  return undefined;
}

function openSecrets(licence: Licence, box: string, { keys, env }: Step): MasterSecrets {
  const sealed = fromBase64url(box);
  const bytes = sealed && openBox(keys.boxSecret, sealed, objectHash(licence, env.crypto));
  if (bytes?.length !== 64) {
    throw new PaymentProblem('licence-invalid', { detail: 'box: expected 64 bytes sealed to this broker and licence' });
  }
  return { scrip: bytes.slice(0, 32), customer: bytes.slice(32) };
}

const countersigned = (licence: Licence, seed: Uint8Array, { env }: Pick<Step, 'env'>): Licence => ({
  ...licence,
  sigs: { v: licence.sigs.v, b: signObject(licence, seed, env.crypto) },
});

/** @throws {PaymentProblem} `vendor-unknown`, `signature-invalid` */
export function list({ from, vnd }: v.InferOutput<typeof licencesOrder>, { ledger }: OrderStep): JsonObject {
  ownVendor(vnd, from, ledger);
  return {
    licences: ledger.scrip.licences(vnd).map(({ licence, sold, next }) => ({ licence, sold: sold.toString(), next })),
  };
}

/**
 * The licence to sell `total` in pieces of `val` from: of those that are valid, the first with enough room.
 * @throws {PaymentProblem} `licence-missing`, `licence-used-up`, `request-malformed`
 */
export function licenceFor(
  ask: { vnd: string; cur: Currency; val: bigint; count: number },
  { ledger, env }: Pick<Step, 'ledger' | 'env'>,
): LicenceRow {
  const valid = ledger.scrip
    .liveLicences(ask.vnd, ask.cur, env.nowMs)
    .filter(({ licence }) => licence.nbf * 1000 <= env.nowMs);
  if (valid.length === 0) throw new PaymentProblem('licence-missing');
  const most = valid.map(({ licence }) => BigInt(licence.maxVal)).reduce((a, b) => (a > b ? a : b));
  if (ask.val > most) throw new PaymentProblem('request-malformed', { detail: `val: expected at most ${most}` });
  const total = ask.val * BigInt(ask.count);
  const able = valid.find(
    ({ licence, sold, next }) =>
      ask.val <= BigInt(licence.maxVal) &&
      sold + total <= BigInt(licence.ceiling) &&
      next + ask.count - 1 <= licence.last,
  );
  if (!able) throw new PaymentProblem('licence-used-up');
  return able;
}

const OWN_LIFE_SECONDS = 10 * 365 * 86_400;

/** Before selling: broker scrip must be licensed for at least as long as it can live. Called at start and hourly. */
export function licenseOwnScrip(step: Step): void {
  const { ledger, keys, env } = step;
  if (!ledger.vendors.get(keys.brk)) {
    const { brk: vnd, root: pk } = keys;
    ledger.vendors.put({ vnd, pk, name: 'Broker scrip', origins: [], at: secondsOf(env.nowMs) });
  }
  for (const cur of carried) {
    const good = ledger.scrip
      .liveLicences(keys.brk, cur, env.nowMs + limits.scripTtlMaxMs)
      .some(({ licence, sold }) => sold <= BigInt(licence.ceiling) / 2n);
    if (!good) ledger.scrip.addLicence(ownLicence(cur, step));
  }
}

function ownLicence(cur: Currency, step: Step): LicenceRow {
  const { ledger, keys, env } = step;
  const kid = `b${ledger.scrip.licences(keys.brk).length + 1}`;
  const last = Number(limits.scripSerial) - 1;
  const most = limits.amountMax.toString();
  const nbf = secondsOf(env.nowMs);
  const blank = {
    typ: 'licence/1' as const,
    vnd: keys.brk,
    brk: keys.brk,
    kid,
    first: 1,
    last,
    ceiling: most,
    maxVal: most,
    cur,
    feeBps: 0,
    nbf,
    exp: nbf + OWN_LIFE_SECONDS,
  };
  const own = { ...blank, sigs: { v: signObject(blank, keys.seed, env.crypto) } };
  const secrets = { scrip: env.random(32), customer: env.random(32) };
  return { licence: countersigned(own, keys.seed, step), secrets, next: blank.first, sold: 0n };
}
