// Requests as a scene needs them: paid ones that were kept, and what a site says to those that it refuses.
import { strict as assert } from 'node:assert';
import { type Challenge, type Receipt, readChallenges, readReceipt } from '@farthing/protocol';
import { type Ask, type Payment, payingFetch, siteAnswer, type Wallet } from '@farthing/wallet';

/** Reads a page that the wallet's rule allows to pay. @throws {Error} it was not served */
export async function read(wallet: Wallet, url: string): Promise<{ text: string; receipt: Receipt }> {
  const answer = await payingFetch(fetch, wallet)(url);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const receipt = readReceipt(answer.headers.get('payment-receipt') ?? '');
  assert.ok(receipt);
  return { text, receipt };
}

/** The first of what a page asks for. */
export async function challengeOf(url: string): Promise<Challenge> {
  const asked = await fetch(url);
  await asked.arrayBuffer();
  const [challenge] = readChallenges([asked.headers.get('www-authenticate') ?? '']);
  assert.ok(challenge, `${url} asks for nothing: ${asked.status}`);
  return challenge;
}

/** A payment that is ready and not sent: money of the site is in the purse then. */
export async function prepare(wallet: Wallet, url: string): Promise<Payment> {
  const asked = await fetch(url);
  const { challenges = [] } = await siteAnswer(asked);
  await asked.arrayBuffer();
  const ask: Ask = { url, method: 'GET', site: new URL(url).origin, challenges };
  const decision = await wallet.decide(ask);
  assert.equal(decision.kind, 'pay');
  const { challengeId, amountMicro } = decision.offer;
  return wallet.pay(ask, { challengeId, maxMicro: amountMicro, by: 'rule' });
}

export const present = ({ header }: Pick<Payment, 'header'>, url: string): Promise<Response> =>
  fetch(url, { headers: { [header.name]: header.value } });

/** What a site says no with. @throws {Error} it said yes */
export async function refusal(answer: Promise<Response>): Promise<string> {
  const response = await answer;
  const text = await response.text();
  assert.ok(response.status >= 400, `${response.status}: ${text.slice(0, 200)}`);
  const { code }: { code?: unknown } = JSON.parse(text);
  return String(code);
}

/** What a broker says no with. @throws {Error} it did as it was asked */
export async function refused(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  assert.ok(error instanceof Error);
  return /"code":"([a-z-]+)"/.exec(error.message)?.[1] ?? error.message;
}
