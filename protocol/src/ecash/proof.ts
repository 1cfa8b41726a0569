// What became of coins, for a third party: each coin's own key asks the broker, and the file holds question, answer and all that is
// needed to check both off line. Whoever has the keys can show that he paid, or that coins were never spent, and names no other
// coin by it.
import * as v from 'valibot';
import { fromBase64url, toBase64url, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { boundedText, id16, jsonObject, tryDecode } from '../core/decode.ts';
import type { JsonObject } from '../core/json.ts';
import { limits } from '../core/limits.ts';
import type { Currency } from '../core/money.ts';
import {
  type BrokerKeys,
  brokerKeysSchema,
  checkOrder,
  type Order,
  readAnswer,
  readBrokerKeys,
} from '../core/orders.ts';
import { PaymentProblem } from '../core/problems.ts';
import type { Rsa } from '../core/rsa.ts';
import { verifyObject } from '../core/sign.ts';
import { coinSchema, coinSetHash, isGenuine } from './coin.ts';
import { type Keyset, keysetSchema, readKeyset } from './keyset.ts';
import { ecashProveOrder, ecashProveResult } from './orders.ts';

const PROOF_TEXT_CHARS = 200;

export const coinProofSchema = v.strictObject({
  typ: v.literal('coin-proof/1'),
  /** As the broker publishes them: its id is the hash of its key. */
  broker: brokerKeysSchema,
  keysets: v.pipe(v.array(keysetSchema), v.minLength(1), v.maxLength(limits.keysets)),
  /** For whom it was made: the nonce is derived from it, so that nobody shows it to somebody else as his own. */
  for: v.exactOptional(boundedText(PROOF_TEXT_CHARS)),
  nonce: id16,
  /** All coins of one payment, or those that are shown to be unspent. */
  coins: v.pipe(
    v.array(v.strictObject({ coin: coinSchema, order: jsonObject, answer: jsonObject })),
    v.minLength(1),
    v.maxLength(limits.coinsByReference),
  ),
});
export type CoinProof = v.InferOutput<typeof coinProofSchema>;

/**
 * `payment`: as the broker's receipt says, which `coins` make up whole. Times in ms; `valueMicro`: of all coins, or what they are
 * worth as the one set that they are.
 */
export type ProvenCoins = {
  readonly brk: string;
  /** What the broker calls itself: anybody can call himself that, and `brk` cannot be copied. */
  readonly brokerName: string;
  readonly test: boolean;
  readonly state: 'unspent' | 'held' | 'paid' | 'voided' | 'swapped';
  /** When the broker said so. */
  readonly atMs: number;
  readonly for?: string;
  readonly coins: number;
  readonly valueMicro: bigint;
  readonly currency: Currency;
  readonly payment?: {
    readonly vnd: string;
    readonly challengeId: string;
    readonly amountMicro: bigint;
    readonly atMs: number;
  };
};

/** The nonce of a proof for this person or case. */
export const nonceFor = (text: string, { sha256 }: Crypto): string =>
  toBase64url(sha256(utf8(`farthing/coin-proof/1\0${text}`)).subarray(0, 16));

type Checking = { readonly crypto: Crypto; readonly rsa?: Rsa };
type Result = v.InferOutput<typeof ecashProveResult>;
type Told = Result & { readonly at: number };

const wrong = (detail: string) => new PaymentProblem('proof-invalid', { detail });

/**
 * Checks a proof off line, by signatures alone.
 * @throws {PaymentProblem} `proof-invalid`, with what does not hold
 */
export function checkCoinProof(json: unknown, { crypto, rsa }: Checking): ProvenCoins {
  const proof = tryDecode(coinProofSchema, json);
  if (!proof) throw wrong('this is no proof about coins');
  if (proof.for !== undefined && nonceFor(proof.for, crypto) !== proof.nonce) {
    throw wrong('it was made for somebody else');
  }
  const broker = brokerOf(proof.broker, crypto);
  const keysets = keysetsOf(proof, broker, crypto);
  const pks = proof.coins.map(({ coin }) => coin.pk);
  if (new Set(pks).size !== pks.length) throw wrong('a coin stands there twice');
  const told = proof.coins.map((one): Told => {
    const keyset = keysets.get(one.coin.ks);
    if (!keyset || !isGenuine(one.coin, keyset.key, rsa)) throw wrong('a coin is not of this broker');
    return answerOf(one, { nonce: proof.nonce, broker, crypto });
  });
  const [first] = told;
  const [keyset] = keysets.values();
  if (!first || !keyset) throw wrong('it names no coin');
  if (told.some(({ state }) => state !== first.state)) throw wrong('its coins have different fates');
  const values = proof.coins.map(({ coin }) => keysets.get(coin.ks)?.value ?? 0n);
  const valueMicro = worthOf(told, { pks, crypto }) ?? values.reduce((sum, value) => sum + value, 0n);
  return {
    ...{ brk: broker.brk, brokerName: broker.name, test: broker.test, state: first.state },
    atMs: Math.max(...told.map(({ at }) => at)) * 1000,
    ...(proof.for === undefined ? {} : { for: proof.for }),
    ...{ coins: values.length, valueMicro },
    currency: keyset.record.cur,
    ...paymentOf(told, { pks, broker, crypto }),
  };
}

function brokerOf(keys: BrokerKeys, crypto: Crypto): BrokerKeys {
  try {
    return readBrokerKeys(keys, fromBase64url, crypto);
  } catch {
    throw wrong('the key of the broker is not its own');
  }
}

function keysetsOf(proof: CoinProof, broker: BrokerKeys, crypto: Crypto): ReadonlyMap<string, Keyset> {
  let keysets: Keyset[];
  try {
    keysets = proof.keysets.map((record) => readKeyset(record, broker, crypto));
  } catch {
    throw wrong('a keyset is not signed by this broker');
  }
  if (new Set(keysets.map(({ record }) => record.cur)).size > 1) throw wrong('its coins are of several currencies');
  return new Map(keysets.map((keyset) => [keyset.ks, keyset]));
}

/** The coin's key asked with this nonce, and the broker answered that question. */
function answerOf(
  { coin, order, answer }: { coin: { pk: string }; order: JsonObject; answer: JsonObject },
  { nonce, broker, crypto }: { nonce: string; broker: BrokerKeys; crypto: Crypto },
): Told {
  const asked = tryDecode(ecashProveOrder, order);
  if (asked?.from !== coin.pk) throw wrong('a question is not by the key of its coin');
  if (asked.nonce !== nonce) throw wrong('a question was made for another proof');
  try {
    checkOrder(order as Order, crypto);
  } catch {
    throw wrong('a question is not signed by the key of its coin');
  }
  let result: JsonObject;
  try {
    result = readAnswer(answer, order as Order, broker, crypto);
  } catch {
    throw wrong('an answer is not signed by this broker for its question');
  }
  const read = tryDecode(ecashProveResult, result);
  if (read?.nonce !== nonce) throw wrong('an answer is to another question');
  return { ...read, at: Number(answer['at']) };
}

/** Of a voided set, none missing. */
function worthOf(
  told: readonly Told[],
  { pks, crypto }: { pks: readonly string[]; crypto: Crypto },
): bigint | undefined {
  if (told[0]?.state !== 'voided') return undefined;
  const name = setName(pks, crypto);
  const worth = told.map(({ set }) => (set?.coins === name ? set.worth : undefined));
  const [first] = worth;
  if (first === undefined || worth.some((one) => one !== first)) throw wrong('a coin of the set is missing');
  return first;
}

const setName = (pks: readonly string[], crypto: Crypto): string =>
  coinSetHash(
    pks.map((pk) => ({ pk })),
    crypto,
  );

/** The one payment that these coins made up, none missing. */
function paymentOf(
  told: readonly Told[],
  { pks, broker, crypto }: { pks: readonly string[]; broker: BrokerKeys; crypto: Crypto },
): Pick<ProvenCoins, 'payment'> {
  const [first] = told;
  if (first?.state !== 'paid' && first?.state !== 'held') return {};
  const set = setName(pks, crypto);
  for (const { deposit } of told) {
    const signed = deposit?.brk === broker.brk && verifyObject(deposit, broker.root, deposit.sig, crypto);
    if (!deposit || !signed) throw wrong('a receipt is not signed by this broker');
    if (deposit.coins !== set) throw wrong('a coin of the payment is missing, or of another one');
    if (deposit.sig !== first.deposit?.sig) throw wrong('its coins were paid at different times');
  }
  if (!first.deposit) return {};
  const { vnd, challengeId, amount, at } = first.deposit;
  return { payment: { vnd, challengeId, amountMicro: BigInt(amount), atMs: at * 1000 } };
}
