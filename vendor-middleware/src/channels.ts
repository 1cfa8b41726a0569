// How the claims of each method go to the broker: its own route, orders and answers. The redeemer does the rest.
import { decode, type Json, type JsonObject, limits } from '@farthing/protocol';
import {
  chequeRedeemResult,
  chequeSettleResult,
  ecashCaptureResult,
  ecashRedeemResult,
  paywordRedeemResult,
  redeemResult,
} from '@farthing/protocol/vendor';
import type { ClaimDue } from './store/port.ts';

export type Channel = {
  /** The start of the keys of these claims, up to the first colon (with it). */
  readonly kind: string;
  /** Prefix of its documents in the store. */
  readonly docs: string;
  readonly path: string;
  readonly typ: string;
  /** Each claim is one payment: nothing is added to it later. */
  readonly once?: true;
  /** Claims in one batch, and what they may weigh where the broker takes more than usual. */
  readonly most: number;
  readonly bytes?: number;
  /** A batch is in one currency. */
  currencyOf(due: ClaimDue): string | undefined;
  claim(due: ClaimDue): Json;
  /** Members of an order beside the site's name. `prev`: the batch before, by its hash. */
  members(claims: readonly Json[], batch: { prev: string; cur: string }): JsonObject;
  /** Without a redemption batches are not linked. @throws {PaymentProblem} `broker-untrusted` */
  read(result: JsonObject): { redemption?: Redemption; told: readonly Told[] };
};

const linked = (claims: readonly Json[], { prev }: { prev: string }): JsonObject => ({ prev, claims });

export type Redemption = {
  readonly brk: string;
  readonly vnd: string;
  readonly batch: string;
  readonly prev: string;
  readonly at: number;
  readonly sig: string;
};

/** `later`: it was not looked at, and is to be claimed again. */
type Told = { readonly key: string; readonly alarm?: string; readonly later?: boolean };

/** @param currencyOf of the licence that a root was made under */
export const scripChannel = (currencyOf: (root: string) => string | undefined): Channel => ({
  kind: '',
  docs: 'redeem',
  path: '/v1/scrip/redeem',
  typ: 'scrip-redeem/1',
  most: limits.redeemClaims,
  currencyOf: ({ key }) => currencyOf(key),
  claim: ({ key, total }) => ({ root: key, cum: total.toString() }),
  members: linked,
  read(result) {
    const { redemption, roots } = decode(redeemResult, result, 'broker-untrusted');
    return { redemption, told: roots.map(({ root, alarm }) => ({ key: root, ...(alarm ? { alarm } : {}) })) };
  },
});

const PAYWORD = 'payword:';

/** Each claim shows the highest words, and what the session rests on: the broker may see it for the first time. */
export const paywordChannel: Channel = {
  kind: PAYWORD,
  docs: 'redeem:payword',
  path: '/v1/payword/redeem',
  typ: 'payword-redeem/1',
  most: limits.paywordClaims,
  currencyOf: ({ deed }) => textIn(deed?.['commitment'], 'cur') ?? textIn(deed?.['ticket'], 'cur'),
  claim: ({ key, total, evidence, deed }) => ({
    session: key.slice(PAYWORD.length),
    cum: total.toString(),
    last: evidence?.proof['last'] ?? [],
    ...(deed ? { deed } : {}),
  }),
  members: linked,
  read(result) {
    const { redemption, sessions } = decode(paywordRedeemResult, result, 'broker-untrusted');
    const told = sessions.map(({ session, alarm, later = false }) => ({
      key: `${PAYWORD}${session}`,
      later,
      ...(alarm ? { alarm } : {}),
    }));
    return { redemption, told };
  },
};

/** A claim of one coin takes over 600 bytes of an order's 64 KB. */
const COIN_CLAIMS = 100;

/**
 * One claim is one payment, with its coins as they were accepted: the broker sees them for the first time. Each broker has a
 * channel of its own, because nobody else pays for its coins.
 */
export function ecashChannel(brk: string): Channel {
  const kind = `ecash.${brk}:`;
  return {
    kind,
    docs: `redeem:ecash.${brk}`,
    path: '/v1/ecash/redeem',
    once: true,
    typ: 'ecash-redeem/1',
    most: COIN_CLAIMS,
    currencyOf: ({ evidence }) => textIn(evidence?.proof, 'cur'),
    claim: ({ total, evidence }) => ({ ...evidence?.proof, amount: total.toString() }),
    members: linked,
    read(result) {
      const { redemption, payments } = decode(ecashRedeemResult, result, 'broker-untrusted');
      const told = payments.map(({ challengeId, alarm }) => ({
        key: `${kind}${challengeId}`,
        ...(alarm ? { alarm } : {}),
      }));
      return { redemption, told };
    },
  };
}

/** A quarter of what a broker takes at once: what signing and sending take of the event loop stays about a millisecond. */
const CHEQUE_CLAIMS = 250;

/** One claim is one cheque that was served, in its customer's own words. */
export function chequeChannel(brk: string): Channel {
  const kind = `cheque.${brk}:`;
  return {
    kind,
    docs: `redeem:cheque.${brk}`,
    path: '/v1/cheque/redeem',
    once: true,
    typ: 'cheque-redeem/1',
    most: CHEQUE_CLAIMS,
    bytes: limits.chequeBatchBytes,
    currencyOf: ({ evidence }) => textIn(evidence?.proof['cheque'], 'cur'),
    claim: ({ evidence }) => ({ ...evidence?.proof }),
    members: linked,
    read(result) {
      const { redemption, cheques } = decode(chequeRedeemResult, result, 'broker-untrusted');
      const told = cheques.map(({ epoid, alarm }) => ({ key: `${kind}${epoid}`, ...(alarm ? { alarm } : {}) }));
      return { redemption, told };
    },
  };
}

/** Payments that the broker holds until it hears that they were delivered. `issuer`: another one, which made their coins. */
export function heldCoinsChannel(brk: string, issuer = brk): Channel {
  const kind = `ecash-held.${issuer}:`;
  const named = issuer === brk ? {} : { issuer };
  return {
    kind,
    docs: `redeem:ecash-held.${issuer}`,
    path: '/v1/ecash/capture',
    typ: 'ecash-capture/1',
    once: true,
    most: limits.redeemClaims,
    currencyOf: ({ evidence }) => textIn(evidence?.proof, 'cur'),
    claim: ({ key }) => key.slice(kind.length),
    members: (held, { cur }) => ({ held, cur, ...named }),
    read(result) {
      const { gone } = decode(ecashCaptureResult, result, 'broker-untrusted');
      return { told: gone.map((challengeId) => ({ key: `${kind}${challengeId}`, alarm: 'its hold has ended' })) };
    },
  };
}

/** Cheques that the broker holds until it hears that their pages were delivered. */
export function heldChequesChannel(brk: string): Channel {
  const kind = `cheque-held.${brk}:`;
  return {
    kind,
    docs: `redeem:cheque-held.${brk}`,
    path: '/v1/cheque/settle',
    typ: 'cheque-settle/1',
    most: limits.redeemClaims,
    currencyOf: ({ evidence }) => textIn(evidence?.proof, 'cur'),
    claim: ({ key }) => key.slice(kind.length),
    members: (capture, { cur }) => ({ capture, void: [], cur }),
    read(result) {
      const { gone } = decode(chequeSettleResult, result, 'broker-untrusted');
      return { told: gone.map((epoid) => ({ key: `${kind}${epoid}`, alarm: 'its hold has ended' })) };
    },
  };
}

function textIn(value: unknown, name: string): string | undefined {
  const member = typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name) : [];
  return typeof member?.[1] === 'string' ? member[1] : undefined;
}
