// Sites: registration of names, and the record by which the broker vouches for them.
import { type JsonObject, LOOPBACK, PaymentProblem, signObject, type vendorOrder } from '@farthing/protocol';
import type * as v from 'valibot';
import type { Ledger } from '../ledger/ledger.ts';
import type { VendorRow } from '../ledger/vendors.ts';
import { secondsOf } from './seconds.ts';
import type { OrderStep, Step } from './step.ts';

/** @throws {PaymentProblem} `vendor-taken`, `registration-closed`, `request-malformed` */
export function register(order: v.InferOutput<typeof vendorOrder>, step: OrderStep): JsonObject {
  const { ledger, keys, settings, env } = step;
  const { vnd, from, name, origins, invite } = order;
  if (vnd === keys.brk) throw new PaymentProblem('vendor-taken');
  checkOrigins(origins, settings.test);
  const known = ledger.vendors.get(vnd);
  const elsewhere = ledger.peers.vendor(vnd);
  if ((known && known.pk !== from) || (elsewhere && elsewhere.pk !== from)) throw new PaymentProblem('vendor-taken');
  const invited = !known && invite !== undefined && ledger.codes.useInvite(invite, { vnd, at: secondsOf(env.nowMs) });
  const open = settings.test || settings.registration === 'open';
  if (!known && !invited && !open) throw new PaymentProblem('registration-closed');
  const row: VendorRow = { vnd, pk: from, name, origins, at: secondsOf(env.nowMs) };
  ledger.vendors.put(row);
  return { vendor: vendorRecord(row, step) };
}

/** Money travels over https; plain http and loopback are for test mode alone. */
function checkOrigins(origins: readonly string[], test: boolean): void {
  if (test || origins.every((origin) => origin !== LOOPBACK && origin.startsWith('https://'))) return;
  throw new PaymentProblem('request-malformed', { detail: 'origins: expected https origins' });
}

/** `GET /v1/vendors/:vnd` */
export function vendorRecord({ vnd, pk, name, origins, at }: VendorRow, { keys, env }: Pick<Step, 'keys' | 'env'>) {
  const unsigned = { typ: 'vendor/1' as const, brk: keys.brk, vnd, pk, name, origins, at };
  return { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) };
}

/**
 * The site of a name, when the order comes from its key.
 * @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`
 */
export function ownVendor(vnd: string, from: string, ledger: Ledger): VendorRow {
  const vendor = ledger.vendors.get(vnd);
  if (!vendor) throw new PaymentProblem('vendor-unknown');
  if (vendor.pk !== from) {
    throw new PaymentProblem('signature-invalid', { detail: 'from: expected the key that the site registered' });
  }
  return vendor;
}
