// A customer in the world of tests: a wallet with money, and a browser that does what a host does with a 402.
import type { ProblemCode } from '@farthing/protocol';
import { MemoryStore } from '../memory-store.ts';
import { siteAnswer } from '../paying-fetch.ts';
import type { WalletStore } from '../ports.ts';
import type { Approval, Ask, Payment, Rule, Settled } from '../types.ts';
import { Wallet } from '../wallet.ts';
import type { World } from './world.ts';

export const AUTO: Rule = { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 500_000n };

export async function makeCustomer(world: World, options: { topUpMicro?: bigint; store?: WalletStore } = {}) {
  const { topUpMicro = 1_000_000n, store = new MemoryStore() } = options;
  const wallet = await Wallet.open({ store, fetch: world.fetch, env: world.env });
  await wallet.init({ brokerUrl: world.broker.url });
  if (topUpMicro > 0n) await wallet.topUp({ amountMicro: topUpMicro });
  return { wallet, store };
}

export const reopen = (world: World, store: WalletStore): Promise<Wallet> =>
  Wallet.open({ store, fetch: world.fetch, env: world.env });

/** Asks without paying; the 402 as the wallet gets it. */
export async function askFor(world: World, url: string, method = 'GET'): Promise<Ask> {
  const response = await world.fetch(url, { method });
  const challenges = [response.headers.get('www-authenticate') ?? ''];
  return { url, method, site: new URL(url).origin, challenges };
}

/** Decides and pays by the rule, or by a person where one is asked. */
export async function payFor(wallet: Wallet, ask: Ask, by?: Approval['by']): Promise<Payment> {
  const decision = await wallet.decide(ask);
  if (decision.kind === 'again') return decision.payment;
  if (decision.kind === 'refuse') throw new Refused(decision.reason);
  if (decision.kind === 'ask' && by === undefined) throw new Refused(decision.reason);
  const { challengeId, amountMicro: maxMicro } = decision.offer;
  return wallet.pay(ask, { challengeId, maxMicro, by: by ?? 'rule' });
}

export class Refused extends Error {
  readonly reason: ProblemCode;
  constructor(reason: ProblemCode) {
    super(reason);
    this.reason = reason;
  }
}

/** Sends a payment and reports what came. */
export async function send(
  world: World,
  wallet: Wallet,
  payment: Payment,
): Promise<{ settled: Settled; status: number; text: string }> {
  let response: Response;
  try {
    response = await world.fetch(payment.url, {
      method: payment.method,
      headers: { [payment.header.name]: payment.header.value },
    });
  } catch {
    return { settled: await wallet.settle(payment.id, { status: 0 }), status: 0, text: '' };
  }
  const settled = await wallet.settle(payment.id, await siteAnswer(response));
  return { settled, status: response.status, text: await response.text() };
}

/** The whole visit of one page. */
export async function visit(world: World, wallet: Wallet, url: string, by?: Approval['by']) {
  const payment = await payFor(wallet, await askFor(world, url), by);
  return { payment, ...(await send(world, wallet, payment)) };
}

/** Law L5, and that the broker agrees on the account. */
export async function drift(wallet: Wallet): Promise<bigint> {
  return (await wallet.conservation()).reduce((sum, { driftMicro }) => sum + driftMicro, 0n);
}
