// The vendor's side of cheques: names, amounts, dates and signatures are checked here; who is asked, and when, depends on how
// the customer wants the cheque to be captured.

import { fromBase64url, utf8 } from '../../core/bytes.ts';
import type { DayCert } from '../../core/daycert.ts';
import { decode, isObject } from '../../core/decode.ts';
import type { JsonObject } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import type { Price, Proof, VendorEnv, VendorRole, Verified, VerifyInput } from '../../core/method.ts';
import { PaymentProblem } from '../../core/problems.ts';
import type { Goods } from '../../core/sealed.ts';
import { signingText, verifyObject } from '../../core/sign.ts';
import { checkDates, checkNames } from '../checks.ts';
import { besideCertSchema, type Capture, type Cheque, type ChequePayload, isSigned, payloadSchema } from '../wire.ts';
import { asked } from './asked.ts';
import type { ChequeKeys } from './keys.ts';
import { served } from './served.ts';

export const chequeVendor: VendorRole<ChequeKeys> = {
  method: 'cheque',
  intents: ['charge'],
  details,
  verify,
  services: {},
};

function details(keys: ChequeKeys, price: Price): JsonObject | undefined {
  const { api, brokers, currencies, offlineMax, minLevel } = keys;
  const captures = capturesOf(keys, price);
  if (!currencies.includes(price.currency) || brokers.length === 0 || captures.length === 0) return undefined;
  return {
    api,
    brokers: brokers.map(({ id, url }) => ({ id, url })),
    captures,
    auths: ['ed25519'],
    minLevel,
    offlineMax: offlineMax.toString(),
  };
}

/** The key of sealed goods goes through the broker, and nobody is let spend more than `offlineMax` unseen. */
const capturesOf = ({ captures, offlineMax }: ChequeKeys, { amount, goods }: Price): Capture[] =>
  captures.filter((capture) => capture === 'now' || (goods === undefined && amount <= offlineMax));

/** `isKnown`: the certificate was found genuine before, and is not even read again. @throws {PaymentProblem} `payload-invalid` */
function read(payload: JsonObject, { genuine }: ChequeKeys): { paid: ChequePayload; isKnown: boolean } {
  const { cert: shown, ...beside } = payload;
  const cert = genuine && isObject(shown) ? genuine.get(JSON.stringify(shown)) : undefined;
  if (!cert) return { paid: decode(payloadSchema, payload, 'payload-invalid'), isKnown: false };
  return { paid: { ...decode(besideCertSchema, beside, 'payload-invalid'), cert }, isKnown: true };
}

function verify({ challenge, payload, price, key }: VerifyInput, keys: ChequeKeys, env: VendorEnv): Verified {
  const { paid, isKnown } = read(payload, keys);
  const { cheque, cert, approvals } = paid;
  const broker = keys.brokers.find(({ id }) => id === cheque.brk);
  if (!broker) throw new PaymentProblem('broker-unknown');
  if (cheque.epoid !== challenge.id) throw new PaymentProblem('cheque-foreign');
  const isAsked = cheque.capture === 'now';
  if (!capturesOf(keys, price).includes(cheque.capture) || (approvals && !isAsked)) {
    throw new PaymentProblem('payload-invalid', { detail: 'the offer names how cheques are captured here' });
  }
  checkAmount(cheque, price);
  checkGoods(cheque, price);
  checkDates(paid, env.nowMs);
  if (cert.level < keys.minLevel) throw new PaymentProblem('level-too-low');
  checkNames(paid, { vnd: keys.vnd, brk: broker.id });
  if (!isKnown) {
    if (!verifyObject(cert, broker.root, cert.sig, env.crypto)) throw new PaymentProblem('cert-forged');
    keys.genuine?.set(JSON.stringify(payload['cert']), cert);
  }
  if (!env.checksProofs && !isSigned(cheque, cert.pk, env.crypto)) throw new PaymentProblem('cheque-forged');
  const untilMs = cert.exp * 1000 + limits.clockSkewMs;
  const text = signingText(cheque);
  return {
    spends: [{ key: `cheque:${cheque.epoid}`, untilMs, code: 'cheque-conflict' }],
    untilMs,
    // As `chequeHash`: the text that was signed is made once.
    reference: env.crypto.hashText(text),
    ...(env.checksProofs ? { proofs: [proofOf(text, cheque, cert)] } : {}),
    ...(isAsked ? asked(paid, { broker, key: keyFor(price, key, env), env }) : served(paid, keys)),
  };
}

function checkAmount({ amount, cur }: Cheque, price: Price): void {
  if (cur !== price.currency)
    throw new PaymentProblem('cheque-foreign', { detail: 'the cheque is in another currency' });
  const short = price.amount - BigInt(amount);
  if (short > 0n) throw new PaymentProblem('amount-short', { members: { shortBy: short.toString() } });
  if (short < 0n) throw new PaymentProblem('change-not-asked', { detail: 'a cheque is written for the price exactly' });
}

/** Exactly what was promised, or nothing where nothing is sealed. */
function checkGoods({ goods }: Cheque, price: Price): void {
  const same = (one: Goods | undefined) => one && `${one.ct} ${one.kc} ${one.pt}`;
  if (same(goods) !== same(price.goods))
    throw new PaymentProblem('cheque-foreign', { detail: 'the cheque is for other goods' });
}

/** @throws {PaymentProblem} `site-not-ready`: a host that asks nobody, or that has no key to what it sells */
function keyFor({ goods }: Price, key: string | undefined, { asksBroker }: VendorEnv): string | undefined {
  if (asksBroker && (goods === undefined) === (key === undefined)) return key;
  throw new PaymentProblem('site-not-ready', { detail: 'this site cannot ask the broker' });
}

/** The customer's signature, for hosts that check it elsewhere. */
const proofOf = (text: string, cheque: Cheque, cert: DayCert): Proof => ({
  scheme: 'ed25519',
  key: fromBase64url(cert.pk) ?? new Uint8Array(),
  message: utf8(text),
  signature: fromBase64url(cheque.sig) ?? new Uint8Array(),
  code: 'cheque-forged',
});
