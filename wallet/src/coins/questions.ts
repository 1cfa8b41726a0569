// What a wallet asks its mint about coins of its own: which of these were signed, and is this one spent.
import { canonicalJson, decode, type JsonObject, makeOrder, PaymentProblem, toBase64url } from '@farthing/protocol';
import {
  coinSecret,
  ecashProveResult,
  ecashRestoreResult,
  ecashSpentResult,
  type Output,
  purse as purses,
} from '@farthing/protocol/wallet';
import { post } from '../broker.ts';
import type { Context } from '../context.ts';

/** @throws {PaymentProblem} the broker's refusal; `broker-unreachable`, `broker-untrusted` */
async function ask(
  ctx: Context,
  brk: string,
  question: { path: string; typ: string; members: JsonObject; seed: Uint8Array },
): Promise<JsonObject> {
  const order = makeOrder(question.typ, question.members, question.seed, ctx.env());
  const posted = await post(ctx, ctx.broker(brk), { path: question.path, body: canonicalJson(order) });
  if (posted.kind === 'refused') throw posted.problem;
  return posted.result;
}

/** Blind signatures of these outputs, in order; `null` where the mint signed none. */
export async function signaturesOf(
  ctx: Context,
  brk: string,
  outputs: readonly Output[],
): Promise<readonly (string | null)[]> {
  const result = await ask(ctx, brk, {
    ...{ path: '/v1/ecash/restore', typ: 'ecash-restore/1', seed: ctx.env().random(32) },
    members: { outputs: outputs.map((output) => ({ ...output })) },
  });
  const { signatures } = decode(ecashRestoreResult, result, 'broker-untrusted');
  if (signatures.length !== outputs.length) {
    throw new PaymentProblem('broker-untrusted', { detail: 'it answers for fewer coins than it was asked for' });
  }
  return signatures;
}

/** The same, for outputs that are derived again. */
export async function signedOf(
  ctx: Context,
  brk: string,
  planned: readonly purses.Planned[],
  mint: purses.Mint,
): Promise<readonly (string | null)[]> {
  const env = ctx.env();
  const outputs = planned.flatMap((place) => purses.restoreBatch(place, 1, mint, env).outputs);
  return signaturesOf(ctx, brk, outputs);
}

type Proof = ReturnType<typeof decodeProof>;
const decodeProof = (result: JsonObject) => decode(ecashProveResult, result, 'broker-untrusted');

/** What became of a coin: its own key asks. `deposit` is the broker's signed word on who was paid with it. */
export async function fateOf(
  ctx: Context,
  brk: string,
  { ks, counter }: purses.Planned,
  { seed }: Pick<purses.Mint, 'seed'>,
): Promise<Proof> {
  const nonce = toBase64url(ctx.env().random(16));
  const result = await ask(ctx, brk, {
    ...{ path: '/v1/ecash/prove', typ: 'ecash-prove/1', members: { nonce } },
    seed: coinSecret({ seed, ks, counter }),
  });
  const answer = decodeProof(result);
  if (answer.nonce !== nonce) throw new PaymentProblem('broker-untrusted', { detail: 'an old answer about a coin' });
  return answer;
}

/** Some coins of a voided payment: all of them together are worth that, and one alone nothing. `name`: hash of the set. */
export type Voided = { readonly name: string; readonly worthMicro: bigint; readonly pks: readonly string[] };
export type Spent = { readonly spent: ReadonlySet<string>; readonly voided: readonly Voided[] };

/**
 * Which of these were spent, at most `limits.coinsToRestore` of them. One that is held for a site counts as spent, and so does one
 * of a voided payment.
 */
export async function spentAmong(ctx: Context, brk: string, coins: readonly { readonly pk: string }[]): Promise<Spent> {
  const pks = coins.map(({ pk }) => pk);
  if (pks.length === 0) return { spent: new Set(), voided: [] };
  const result = await ask(ctx, brk, {
    ...{ path: '/v1/ecash/spent', typ: 'ecash-spent/1', seed: ctx.env().random(32) },
    members: { coins: pks },
  });
  const { spent, sets } = decode(ecashSpentResult, result, 'broker-untrusted');
  if (spent.length !== pks.length) {
    throw new PaymentProblem('broker-untrusted', { detail: 'it answers for fewer coins than it was asked for' });
  }
  const voided = sets.map(({ coins: name, worth: worthMicro, of }) => {
    return { name, worthMicro, pks: of.flatMap((place) => pks[place] ?? []) };
  });
  return { spent: new Set(pks.filter((_, i) => spent[i])), voided };
}
