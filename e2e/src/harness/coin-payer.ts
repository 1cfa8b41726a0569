// A customer with coins that are good everywhere, who signs them over by hand: what a wallet does, and what an attacker would.
import type { Bench, Holder } from '@farthing/broker/testing';
import { type Challenge, type JsonObject, printCredential, readChallenges, readRequest } from '@farthing/protocol';
import type { purse } from '@farthing/protocol/wallet';

/** Coins out of a purse, with outputs for what they are worth above a price. */
export type Given = Omit<purse.Taken, 'purse'>;

export class CoinPayer {
  readonly holder: Holder;
  readonly #bench: Bench;
  readonly #price: bigint;

  /** All that is bought costs `price`. */
  constructor(holder: Holder, { bench, price }: { bench: Bench; price: bigint }) {
    this.holder = holder;
    this.#bench = bench;
    this.#price = price;
  }

  /** Fresh coins of these values, and outputs of the values `back` for the change, as few as make it if absent. */
  async give(values: readonly bigint[], back?: readonly bigint[]): Promise<Given> {
    const { holder } = this;
    await holder.withdraw(values);
    const { coins } = holder.purse;
    holder.purse = { ...holder.purse, coins: coins.slice(0, -values.length) };
    const rest = values.reduce((sum, value) => sum + value, 0n) - this.#price;
    return { coins: coins.slice(-values.length), change: holder.draft(back ?? changeOf(rest)) };
  }

  /** The payload that signs coins over to a challenge of this site. */
  payload(challenge: Challenge, { coins, change }: Given, vnd = readRequest(challenge)?.recipient ?? ''): JsonObject {
    const taken = { purse: this.holder.purse, coins, change };
    const signed = this.holder.sign(taken, { vnd }, challenge.id, this.#price);
    const outputs = signed['change'];
    return {
      ...{ brk: this.#bench.public.brk, exp: Number(signed['exp']), coins: signed.coins },
      ...(outputs === undefined ? {} : { change: outputs }),
    };
  }

  /** Asks, pays, and asks again. */
  async buy(url: string, given: Given): Promise<Response> {
    const challenge = await challengeAt(url);
    return present(url, challenge, this.payload(challenge, given));
  }
}

function changeOf(rest: bigint): bigint[] {
  if (rest === 0n) return [];
  const value = [5000n, 2000n, 1000n, 500n].find((one) => one <= rest);
  if (value === undefined) throw new Error(`no change for ${rest}`);
  return [value, ...changeOf(rest - value)];
}

export async function challengeAt(url: string, method = 'GET'): Promise<Challenge> {
  const asked = await fetch(url, { method });
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  await asked.arrayBuffer();
  if (!challenge) throw new Error(`no challenge: ${asked.status}`);
  return challenge;
}

export const present = (
  url: string,
  challenge: Challenge,
  payload: JsonObject,
  { headers, ...init }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Response> =>
  fetch(url, { ...init, headers: { authorization: printCredential({ challenge, payload }), ...headers } });

/** The code of a refusal, or `page`. */
export const codeOf = async (answer: Response): Promise<unknown> =>
  answer.status === 200 ? 'page' : ((await answer.json()) as JsonObject)['code'];
