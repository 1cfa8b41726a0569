// Coins of another broker, for a site of ours: what taking such a payment and ending its hold have in common. The site is paid on
// the other broker's signed answer alone: nothing is owed to a site for what that one has not said that it owes us.
import { type Currency, canonicalJson, limits, makeOrder, PaymentProblem, utf8 } from '@farthing/protocol';
import { account } from '../ledger/journal.ts';
import type { PeerOrderRow } from '../ledger/peers.ts';
import type { OrderStep, PeerSaid, Step } from './step.ts';
import { ownVendor, vendorRecord } from './vendors.ts';

export type Foreign<T> = T & { readonly issuer: string };
export type Answered = Extract<PeerSaid, { kind: 'answered' }>;

/** Does the order speak of coins that another broker made? */
export const isForeign = <T extends { readonly issuer?: string }>(
  order: T,
  { keys }: Pick<Step, 'keys'>,
): order is Foreign<T> => order.issuer !== undefined && order.issuer !== keys.brk;

/**
 * Writes down the site's order as we hand it on. `vnd`, `challenge`: empty unless a payment is to be taken.
 * @throws {PaymentProblem} `body-too-large`
 */
export function addAsk(about: Omit<PeerOrderRow, 'n' | 'body' | 'answer'>, step: OrderStep): PeerOrderRow {
  const { ledger, keys, env, order } = step;
  const site = ownVendor(about.vnd === '' ? String(order['vnd']) : about.vnd, order.from, ledger);
  const members = { vendor: vendorRecord(site, step), order };
  const body = canonicalJson(makeOrder('peer-forward/1', members, keys.seed, env));
  if (utf8(body).length > limits.bodyBytes) throw new PaymentProblem('body-too-large');
  return ledger.peers.addAsk({ ...about, body });
}

/** Inside a transaction: what the other broker signed is not an answer to what was asked. It is kept. */
export function keepFalse({ ask, answer }: Answered, { ledger: { peers }, log }: Step): void {
  peers.setAnswer(ask.n, answer);
  const row = ask.challenge === '' ? undefined : peers.payment(ask.vnd, ask.challenge);
  if (row?.ask === ask.n) peers.setPayment({ ...row, state: 'false', until: 0, paidAt: 0 });
  log.error({ broker: ask.brk, order: ask.n }, 'ALARM: another broker signed something else than it was asked');
}

export const falsehood = (): PaymentProblem =>
  new PaymentProblem('broker-untrusted', {
    detail: 'the broker of these coins signed something else',
    consumed: 'unknown',
  });

/** @throws {PaymentProblem} what the other broker refused with */
export function saidTo({ ahead }: OrderStep): Answered | undefined {
  if (ahead?.peer?.kind === 'refused') throw ahead.peer.problem;
  return ahead?.peer;
}

/** The site is paid, and the other broker owes it to us. Its line was kept when it was asked. */
export function owe(
  { vnd, issuer }: Foreign<{ readonly vnd: string }>,
  { kind, amount, cur }: { kind: string; amount: bigint; cur: Currency },
  { ledger, env, order: { from, rid } }: OrderStep,
): void {
  const peer = account.peer(issuer);
  const most = ledger.peers.get(issuer, cur)?.most ?? 0n;
  ledger.journal.post({
    atMs: env.nowMs,
    kind,
    ref: vnd,
    order: { from, rid },
    postings: [
      { account: peer, cur, amount: -amount },
      { account: account.vendor(vnd), cur, amount },
    ],
    overdraft: new Map([[peer, most]]),
  });
}
