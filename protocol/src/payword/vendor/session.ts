// The vendor's row of one session: how far its chains are revealed (authority), and how much of that was used (spent).
//
//   authorized = Σ over deeds of min(cap, Σ over its chains of (hi − lo) × unit)      spent ≤ authorized, always
//
// `hi` and `authorized` never decrease; `spent` does only when a handler failed. Everything here is plain JSON in, JSON out.
import { equalBytes, toBase64url } from '../../core/bytes.ts';
import type { Crypto } from '../../core/crypto.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Currency } from '../../core/money.ts';
import { PaymentProblem } from '../../core/problems.ts';
import { down } from '../chain.ts';
import { bytesOf } from '../wire.ts';
import type { PaywordKeys } from './keys.ts';

/** A chain as far as it was revealed: `at` is the word at `hi`. `used` marks indices hi, hi − 1, …, one hex bit each. */
export type ChainState = {
  /** Number of its deed. */
  readonly d: number;
  readonly kind: 'payword' | 'x';
  readonly id: string;
  readonly unit: string;
  /** Indices lo + 1 … n can be paid. */
  readonly lo: number;
  readonly n: number;
  readonly hi: number;
  readonly at: string;
  readonly used: string;
};

/** A commitment, a segment of one, or a ticket. */
export type DeedState = {
  readonly id: string;
  readonly cap: string;
  readonly spent: string;
  /** Whole seconds. */
  readonly exp: number;
  /** Pseudonym, for questions to the broker; absent when prepaid. */
  readonly sub?: string;
};

/** A running stream: what it took at `price` and did not say that it delivered, as `[deed, base units]`, in that order. */
export type StreamState = {
  readonly id: string;
  readonly price: string;
  readonly takes: readonly (readonly [number, string])[];
  readonly untilMs: number;
};

export type SessionState = {
  readonly id: string;
  readonly brk: string;
  readonly cur: Currency;
  readonly deeds: readonly DeedState[];
  readonly chains: readonly ChainState[];
  readonly idleMs: number;
  readonly seenMs: number;
  readonly state: 'open' | 'stopped' | 'final';
  readonly streams?: readonly StreamState[];
};

/** Rows come from the site's own store, written by this module: their shape is not checked again. */
export const readRow = (row: Json): SessionState => row as unknown as SessionState;
export const toRow = (state: SessionState): Json => state as unknown as Json;

const problem = (code: ConstructorParameters<typeof PaymentProblem>[0], state: SessionState, members: JsonObject) =>
  new PaymentProblem(code, { members: { session: state.id, ...members } });

/** @throws {PaymentProblem} `session-final`, `limit-reached`: closed, idle for too long, or stopped by the broker */
export function needLive(state: SessionState, { refused }: Pick<PaywordKeys, 'refused'>, nowMs: number): void {
  if (state.state === 'final' || nowMs > state.seenMs + state.idleMs) throw problem('session-final', state, {});
  const isRefused = state.deeds.some(({ sub }) => sub !== undefined && refused?.has(sub));
  if (state.state === 'stopped' || isRefused) throw problem('limit-reached', state, {});
}

export type Shown = {
  readonly a: number;
  readonly kind: ChainState['kind'];
  readonly i: number;
  readonly word: string;
};

/**
 * Takes one word. Bounds come first, so that a refusal costs no more than `maxStep` hashes.
 * @throws {PaymentProblem} `payload-invalid`, `cert-expired`, `index-beyond`, `index-used`, `step-too-long`, `word-wrong`
 */
export function advance(
  state: SessionState,
  shown: Shown,
  { maxStep, nowMs, crypto }: { maxStep: number; nowMs: number; crypto: Crypto },
): SessionState {
  const chain = state.chains[shown.a];
  const deed = chain && state.deeds[chain.d];
  if (!chain || !deed || chain.kind !== shown.kind) {
    throw new PaymentProblem('payload-invalid', { detail: 'a: expected the number of a chain of this session' });
  }
  const { i } = shown;
  const told = { acceptedIndex: chain.hi };
  if (nowMs > deed.exp * 1000 + limits.clockSkewMs) throw problem('cert-expired', state, told);
  if (i > chain.n || i <= chain.lo) throw problem('index-beyond', state, told);
  if (i - chain.hi > maxStep) throw problem('step-too-long', state, { ...told, maxStep });
  const used = BigInt(`0x${chain.used}`);
  const back = BigInt(chain.hi - i);
  if (i <= chain.hi && (back >= WINDOW || (used >> back) & 1n)) throw problem('index-used', state, told);
  if (!fits(chain, shown, crypto)) throw problem('word-wrong', state, told);
  const moved: ChainState =
    i > chain.hi
      ? { ...chain, hi: i, at: shown.word, used: (((used << -back) | 1n) & MASK).toString(16) }
      : { ...chain, used: (used | (1n << back)).toString(16) };
  return { ...state, chains: state.chains.map((other) => (other === chain ? moved : other)), seenMs: nowMs };
}

const WINDOW = BigInt(limits.wordWindow);
const MASK = (1n << WINDOW) - 1n;

/** Above: the new word leads down to ours. Below: ours leads down to it. */
function fits({ kind, id, hi, at }: ChainState, { i, word }: Shown, crypto: Crypto): boolean {
  const chain = { kind, id: bytesOf(id) };
  const [high, low] = i > hi ? [word, at] : [at, word];
  const span = i > hi ? { from: i, to: hi } : { from: hi, to: i };
  return equalBytes(down(bytesOf(high), chain, span, crypto), bytesOf(low));
}

/** The index serves again: its handler failed. What it revealed stays revealed. */
export function unmark(state: SessionState, { a, i }: { a: number; i: number }): SessionState {
  const chain = state.chains[a];
  if (!chain || i > chain.hi || chain.hi - i >= limits.wordWindow) return state;
  const used = (BigInt(`0x${chain.used}`) & ~(1n << BigInt(chain.hi - i))).toString(16);
  return { ...state, chains: state.chains.map((other) => (other === chain ? { ...chain, used } : other)) };
}

// ── money ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const least = (a: bigint, b: bigint) => (a < b ? a : b);

/** What the words that are known promise under one deed. */
export function authority(state: SessionState, d: number): bigint {
  const revealed = state.chains
    .filter((chain) => chain.d === d)
    .reduce((sum, { hi, lo, unit }) => sum + BigInt(hi - lo) * BigInt(unit), 0n);
  return least(BigInt(state.deeds[d]?.cap ?? '0'), revealed);
}

export function totals(state: SessionState): { authorized: bigint; spent: bigint } {
  let [authorized, spent] = [0n, 0n];
  for (const [d, deed] of state.deeds.entries()) {
    authorized += authority(state, d);
    spent += BigInt(deed.spent);
  }
  return { authorized, spent };
}

/** Number of a deed, base units taken from it. */
export type Take = { readonly d: number; readonly amount: bigint };

/** Paid ahead and still good: what a deed promised can be claimed for a while after its expiry, but not used. */
export function freeOf(state: SessionState, d: number, nowMs: number): bigint {
  const deed = state.deeds[d];
  if (!deed || nowMs > deed.exp * 1000 + limits.clockSkewMs) return 0n;
  return authority(state, d) - BigInt(deed.spent);
}

/** Uses authority, oldest deed first. @throws {PaymentProblem} `session-short` with shortBy and requiredIndex */
export function draw(state: SessionState, amount: bigint, nowMs: number): { state: SessionState; takes: Take[] } {
  const takes: Take[] = [];
  let left = amount;
  for (const d of state.deeds.keys()) {
    const take = least(left, freeOf(state, d, nowMs));
    if (take > 0n) takes.push({ d, amount: take });
    left -= take;
  }
  if (left > 0n) throw problem('session-short', state, { shortBy: left.toString(), ...need(state, left) });
  return { state: add(state, takes, 1n), takes };
}

/** Gives back (sign −1) or takes (sign 1) what a draw took. */
export function add(state: SessionState, takes: readonly Take[], sign: 1n | -1n): SessionState {
  const deeds = state.deeds.map((deed, d) => {
    const sum = takes.filter((take) => take.d === d).reduce((all, { amount }) => all + amount, 0n);
    return sum === 0n ? deed : { ...deed, spent: (BigInt(deed.spent) + sign * sum).toString() };
  });
  return { ...state, deeds };
}

/** Which word would bring `amount` more, on the chain that was added last; the words that are left say if it can. */
export function need(state: SessionState, amount: bigint): JsonObject {
  const a = state.chains.length - 1;
  const chain = state.chains[a];
  if (!chain) return {};
  const unit = BigInt(chain.unit);
  const words = Number(least((amount + unit - 1n) / unit, BigInt(limits.chainLength)));
  return { a, requiredIndex: chain.hi + words, acceptedIndex: chain.hi, remainingWords: chain.n - chain.hi };
}

/** Evidence for the broker: the highest word of each chain of a deed. Its rank only grows. */
export function evidence(state: SessionState, d: number): { rank: number; proof: JsonObject } {
  const first = state.chains.findIndex((chain) => chain.d === d);
  const known = state.chains
    .map(({ d: of, hi, lo, at }, a) => ({ of, hi, lo, at, a: a - first }))
    .filter(({ of, hi, lo }) => of === d && hi > lo);
  return {
    rank: known.reduce((sum, { hi }) => sum + hi, 0),
    proof: { last: known.map(({ a, hi, at }) => ({ a, i: hi, w: at })) },
  };
}

export const wordText = toBase64url;
