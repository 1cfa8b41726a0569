// The mint's keys: one for each currency, denomination, epoch and lock. Made outside of the event loop, listed under the
// broker's signature, followed by the next epoch's before they end, so that nobody ever waits for a key.
import { type MintKey, makeMintKey } from '@farthing/node-kit';
import { type Env, type JsonObject, limits, PaymentProblem, toBase64url } from '@farthing/protocol';
import {
  type ecashLockOrder,
  type KeyList,
  type KeysetRecord,
  phaseOf,
  signKeyList,
  signKeyset,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import type { Keys } from '../keys.ts';
import type { KeysetState } from '../ledger/ecash.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Wanted } from './key-wishes.ts';
import { secondsOf } from './seconds.ts';
import type { EcashSettings } from './settings.ts';
import type { OrderStep, Step } from './step.ts';
import { ownVendor } from './vendors.ts';

const DAY = 86_400;
/** Sites claim what was locked to them for a week more, holders swap what they have left for a month after that. */
const CLAIM_DAYS = 7;
const RECLAIM_DAYS = 30;

/** Those of `wanted` whose newest keyset ends within a quarter of an epoch, or that have none. */
export function missing(
  wanted: readonly Wanted[],
  ledger: Ledger,
  soon: { nowMs: number; epochDays: number },
): Wanted[] {
  const until = soon.nowMs + (soon.epochDays * DAY * 1000) / 4;
  const kept = new Set(
    [...ledger.ecash.keysets().values()]
      .filter(({ state, keyset: { record } }) => state === 'live' && record.spendUntil * 1000 > until)
      .map(({ keyset: { record, value } }) => `${record.cur} ${value} ${record.vnd ?? ''}`),
  );
  return wanted.filter(({ cur, denom, vnd }) => !kept.has(`${cur} ${denom} ${vnd}`));
}

/** Generic keysets of the broker's settings. */
export const generic = ({ currencies, denominations }: EcashSettings): Wanted[] =>
  currencies.flatMap((cur) => denominations.map((denom) => ({ cur, denom, vnd: '' })));

/** Keys for all of them, two at a time; a tenth of a second each. Fewer when the broker is stopped meanwhile. */
export async function makeKeys(count: number, stop?: AbortSignal): Promise<MintKey[]> {
  const keys: MintKey[] = [];
  while (keys.length < count && !stop?.aborted) {
    const pair = await Promise.all([makeMintKey(), makeMintKey()]);
    keys.push(...pair.slice(0, count - keys.length));
  }
  return keys;
}

/** Inside a transaction: writes the keysets and the lists that name them. Those that came up meanwhile are left out. */
export function addKeysets(
  wanted: readonly Wanted[],
  made: readonly MintKey[],
  { ledger, keys, env }: Pick<Step, 'ledger' | 'keys' | 'env'>,
  epochDays: number,
): void {
  const open = missing(wanted, ledger, { nowMs: env.nowMs, epochDays });
  follow(
    open.map((one) => ({ ...one, epochDays })),
    made,
    { ledger, keys, env },
  );
}

/** Inside a transaction: the next epoch of each of these, whatever there is. */
export function follow(
  wanted: readonly (Wanted & { readonly epochDays: number })[],
  made: readonly MintKey[],
  { ledger, keys, env }: Pick<Step, 'ledger' | 'keys' | 'env'>,
): void {
  for (const [i, { cur, denom, vnd, epochDays }] of wanted.entries()) {
    const key = made[i];
    if (!key) break;
    ledger.ecash.addKeyset(recordOf({ cur, denom, vnd }, key, { ledger, keys, env, epochDays }), key.pkcs8);
  }
  for (const vnd of new Set(wanted.map((one) => one.vnd))) publish(vnd, { ledger, keys, env });
}

function recordOf(
  { cur, denom, vnd }: Wanted,
  { n }: MintKey,
  { ledger, keys, env, epochDays }: { ledger: Ledger; keys: Keys; env: Env; epochDays: number },
): KeysetRecord {
  const nbf = secondsOf(env.nowMs);
  const spendUntil = nbf + epochDays * DAY;
  const claimUntil = spendUntil + CLAIM_DAYS * DAY;
  const epochs = [...ledger.ecash.keysets().values()]
    .filter(({ keyset: { record, value } }) => record.cur === cur && value === denom && (record.vnd ?? '') === vnd)
    .map(({ keyset }) => keyset.record.epoch);
  const unsigned = {
    typ: 'keyset/1' as const,
    ...{ brk: keys.brk, cur, denom: denom.toString(), epoch: Math.max(0, ...epochs) + 1 },
    ...(vnd === '' ? {} : { vnd }),
    ...{ n: toBase64url(n), e: 65_537 as const },
    ...{ nbf, spendUntil, claimUntil, reclaimUntil: claimUntil + RECLAIM_DAYS * DAY },
  };
  return signKeyset(unsigned, keys.seed, env.crypto);
}

/**
 * The list of a lock as it is now, if it differs from the last one. Ended keysets drop out of it.
 * @throws {Error} it would be too long
 */
export function publish(vnd: string, { ledger, keys, env }: Pick<Step, 'ledger' | 'keys' | 'env'>): void {
  const own = [...ledger.ecash.keysets().values()].filter(
    ({ keyset: { record } }) => (record.vnd ?? '') === vnd && phaseOf(record, env.nowMs) !== 'over',
  );
  if (own.length > limits.keysets) {
    throw new Error(`a list has at most ${limits.keysets} keysets: wait until old ones have ended`);
  }
  const names = (...states: KeysetState[]) =>
    own.filter(({ state }) => states.includes(state)).map(({ keyset: { ks } }) => ks);
  const before = ledger.ecash.list(vnd);
  const next = {
    brk: keys.brk,
    ...(vnd === '' ? {} : { vnd }),
    no: (before?.no ?? 0) + 1,
    keysets: names('live'),
    revoked: names('revoked', 'stopped'),
    stopped: names('stopped'),
  };
  const list = signKeyList(next, keys.seed, env.crypto);
  const said = (one: KeyList) => [one.keysets, one.revoked, one.stopped ?? []].join(' ');
  if (!before || said(before) !== said(list)) ledger.ecash.addList(list);
}

/** Inside a transaction: the coins of this keyset pay nobody any more, but are swapped for others. */
export function revoke(ks: string, step: Pick<Step, 'ledger' | 'keys' | 'env'>): void {
  step.ledger.ecash.setState(ks, 'revoked');
  publish(step.ledger.ecash.keysets().get(ks)?.keyset.record.vnd ?? '', step);
}

/** Inside a transaction: more coins of this keyset came than were made. Nobody gets anything for them until the operator says. */
export function stop(ks: string, step: Step): void {
  const { ledger, keyWishes, log } = step;
  const { record, value } = ledger.ecash.keysets().get(ks)?.keyset ?? {};
  if (!record || value === undefined) return;
  ledger.ecash.setState(ks, 'stopped');
  const vnd = record.vnd ?? '';
  publish(vnd, step);
  keyWishes.add([{ cur: record.cur, denom: value, vnd }]);
  const why =
    'ALARM: a keyset would redeem more than it issued and is stopped: its key was stolen, or the books are wrong';
  log.error({ keyset: ks }, why);
}

/**
 * Of coins that go everywhere (`vnd` empty), or of a site.
 * @throws {PaymentProblem} `vendor-unknown`; `unavailable`: there are none (yet)
 */
export function keysetsOf(vnd: string, { ledger }: Pick<Step, 'ledger'>): JsonObject {
  if (vnd !== '' && !ledger.vendors.has(vnd)) throw new PaymentProblem('vendor-unknown');
  const list = ledger.ecash.list(vnd);
  if (!list) throw new PaymentProblem('unavailable', { detail: 'there are no such coins, or not yet', retryAfter: 2 });
  const known = ledger.ecash.keysets();
  const keysets = [...list.keysets, ...list.revoked].flatMap((ks) => known.get(ks)?.keyset.record ?? []);
  return { list: { ...list }, keysets: keysets.map((record) => ({ ...record })) };
}

/** Sites whose coins somebody may still have. */
export function lockedSites({ ledger, env }: Pick<Step, 'ledger' | 'env'>): JsonObject {
  const vendors = [...ledger.ecash.keysets().values()].flatMap(({ keyset: { record } }) =>
    record.vnd === undefined || phaseOf(record, env.nowMs) === 'over' ? [] : [record.vnd],
  );
  return { vendors: [...new Set(vendors)].slice(0, limits.lockedSites) };
}

/** What is to be made now: wishes, the broker's own keysets, and those of sites that have some. */
export function due(
  settings: EcashSettings,
  wishes: readonly Wanted[],
  { ledger, nowMs }: { ledger: Ledger; nowMs: number },
): Wanted[] {
  const locked = [...ledger.ecash.keysets().values()].flatMap(({ keyset: { record, value } }) =>
    record.vnd === undefined ? [] : [{ cur: record.cur, denom: value, vnd: record.vnd }],
  );
  const all = [...generic(settings), ...locked, ...wishes];
  const wanted = new Map(all.map((one) => [`${one.cur} ${one.denom} ${one.vnd}`, one]));
  return missing([...wanted.values()], ledger, { nowMs, epochDays: settings.epochDays });
}

/**
 * Keysets of a site. Those that are missing are made in the background; the same order gets them when they are there.
 * @throws {PaymentProblem} `vendor-unknown`, `signature-invalid`, `unavailable` with Retry-After
 */
export function lock(order: v.InferOutput<typeof ecashLockOrder>, step: OrderStep): JsonObject {
  const { vnd, from, cur, denoms } = order;
  ownVendor(vnd, from, step.ledger);
  const { ecash } = step.settings;
  if (!ecash?.currencies.includes(cur)) throw new PaymentProblem('currency-unsupported');
  const wanted = denoms.map((denom) => ({ cur, denom, vnd }));
  const open = missing(wanted, step.ledger, { nowMs: step.env.nowMs, epochDays: ecash.epochDays });
  if (open.length > 0) {
    step.keyWishes.add(open);
    throw new PaymentProblem('unavailable', { detail: 'the keys of this site are being made', retryAfter: 2 });
  }
  return keysetsOf(vnd, step);
}
