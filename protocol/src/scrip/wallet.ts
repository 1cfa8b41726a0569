// The customer's side of scrip: picks a piece, proves it, checks the change that comes back.
import * as v from 'valibot';
import { equalText, fromBase64url } from '../core/bytes.ts';
import type { PaymentRequest } from '../core/challenge.ts';
import type { Env } from '../core/crypto.ts';
import { boundedText, brk, h32, tryDecode } from '../core/decode.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { PayInput, WalletRole } from '../core/method.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Receipt } from '../core/receipt.ts';
import { isBearer, payProof, receiptProof, releaseProof, type Scrip, scripSchema } from './wire.ts';

/** `csec` is absent for bearer pieces that somebody handed over. `brk` is the broker that sold it. */
export type ScripPiece = { readonly scrip: Scrip; readonly csec?: string; readonly brk: string };

/** What a broker or a backup may hand to a purse. */
export const pieceSchema = v.strictObject({ scrip: scripSchema, csec: v.exactOptional(h32), brk });

const detailsSchema = v.object({
  api: v.pipe(boundedText(128), v.regex(/^\/(?!\/)/, 'a path on the same origin')),
  brokers: v.pipe(v.array(v.object({ id: brk, url: boundedText(300) })), v.minLength(1), v.maxLength(limits.brokers)),
  change: v.optional(v.boolean(), false),
  kinds: v.array(boundedText(16)),
  modes: v.array(boundedText(16)),
});

const terms = (request: PaymentRequest) => {
  const found = tryDecode(detailsSchema, request.methodDetails);
  return found?.kinds.includes('own') && found.modes.includes('signed') ? found : undefined;
};

export const scripWallet: WalletRole<ScripPiece> = {
  method: 'scrip',
  intents: ['charge'],
  understand(request) {
    const found = terms(request);
    return found && { brokers: found.brokers, api: found.api };
  },
  value: ({ scrip }, nowMs) => (scrip.exp * 1000 > nowMs ? BigInt(scrip.val) : 0n),
  expiresAtMs: ({ scrip }) => scrip.exp * 1000,
  /** What expires first goes first; among equals the smallest that suffices, so that large pieces stay whole. */
  pick(pieces, { request }, nowMs) {
    const change = terms(request)?.change ?? false;
    const able = pieces.filter((piece) => {
      const value = scripWallet.value(piece, nowMs);
      const { vnd, cur } = piece.scrip;
      return (
        vnd === request.recipient &&
        cur === request.currency &&
        (change ? value >= request.amount : value === request.amount)
      );
    });
    return able.sort(
      (a, b) => a.scrip.exp - b.scrip.exp || Number(BigInt(a.scrip.val) - BigInt(b.scrip.val) > 0n) * 2 - 1,
    )[0];
  },
  pay({ scrip, csec }, { challenge, request, target, digest }, env) {
    const change = BigInt(scrip.val) !== request.amount;
    const wish = change ? { change } : {};
    if (isBearer(scrip)) return { scrip, ...wish };
    const proof = payProof({ challengeId: challenge.id, scrip, target, digest, change }, secretOf(csec), env.crypto);
    return { scrip, proof, ...wish };
  },
  accept(piece, paid, env) {
    return checkChange(piece, paid, env);
  },
  describe: () => ({
    kind: 'method_scrip',
    siteLearns: 'method_scrip_site_learns',
    brokerLearns: 'method_scrip_broker_learns',
  }),
};

function secretOf(csec: string | undefined): Uint8Array {
  const bytes = csec === undefined ? undefined : fromBase64url(csec);
  if (!bytes) throw new PaymentProblem('payload-invalid', { detail: 'this piece has no customer secret' });
  return bytes;
}

function checkChange(piece: ScripPiece, paid: PayInput & { receipt: Receipt }, env: Env): readonly ScripPiece[] {
  const { scrip } = piece;
  const { receipt, request, challenge } = paid;
  const left = BigInt(scrip.val) - request.amount;
  const change = tryDecode(scripSchema, receipt.details['change']);
  if (left > 0n) {
    const same =
      change &&
      change.id !== scrip.id &&
      BigInt(change.val) === left &&
      (['vnd', 'root', 'cur', 'cid', 'exp'] as const).every((name) => change[name] === scrip[name]) &&
      JSON.stringify(Object.entries(change.props).sort()) === JSON.stringify(Object.entries(scrip.props).sort());
    if (!same)
      throw new PaymentProblem('receipt-invalid', { detail: 'the change is missing or differs from what is due' });
  }
  const given = left > 0n ? change : undefined;
  if (!isBearer(scrip)) {
    const expected = receiptProof(
      { challengeId: challenge.id, amount: request.amount, change: given },
      secretOf(piece.csec),
      env.crypto,
    );
    const proof = receipt.details['proof'];
    if (typeof proof !== 'string' || !equalText(proof, expected)) {
      throw new PaymentProblem('receipt-invalid', {
        detail: 'the receipt was not made by the site that got the scrip',
      });
    }
  }
  return given ? [{ ...piece, scrip: given }] : [];
}

/** Body for `{api}/scrip/release`: gives the piece back; `to` is the account that will cash the release. */
export function releaseBody(piece: ScripPiece, to: string, env: Env): JsonObject {
  return {
    scrip: piece.scrip,
    to,
    proof: releaseProof({ scrip: piece.scrip, to }, secretOf(piece.csec), env.crypto),
  };
}
