// What this broker publishes of others: whose coins its sites can take, and the keysets by which they know them.
import { isObject, type JsonObject, PaymentProblem, signObject } from '@farthing/protocol';
import type { PeerRow } from '../ledger/peers.ts';
import type { PeerDesk } from './peer-desk.ts';
import { secondsOf } from './seconds.ts';
import type { Step } from './step.ts';

/** Live ones that may owe us something. */
const takenFrom = ({ ledger }: Step): PeerRow[] =>
  ledger.peers.all().filter(({ state, line }) => state === 'live' && line > 0n);

/** `GET /v1/ecash/peers`. One whose keysets cannot be read now is left out. */
export async function ecashPeers(desk: PeerDesk): Promise<JsonObject> {
  const { taken, keys, env } = await desk.look((step) => ({ ...step, taken: takenFrom(step) }));
  const all = Map.groupBy(taken, ({ brk }) => brk);
  const read = [...all].map(async ([brk, [first, ...more]]) => {
    if (!first) return [];
    const mint = await desk.mint(first).catch(() => undefined);
    const { root, url } = first;
    return mint ? [{ brk, root, url, list: mint.hash, cur: [first, ...more].map(({ cur }) => cur) }] : [];
  });
  const unsigned = {
    typ: 'ecash-peers/1' as const,
    brk: keys.brk,
    peers: (await Promise.all(read)).flat(),
    at: secondsOf(env.nowMs),
  };
  return { ...unsigned, sig: signObject(unsigned, keys.seed, env.crypto) };
}

/** `GET /v1/ecash/peers/:brk/keysets` @throws {PaymentProblem} `not-found`, `unavailable`, `broker-untrusted` */
export async function peerKeysets(brk: string, desk: PeerDesk): Promise<JsonObject> {
  const peer = (await desk.look(takenFrom)).find((one) => one.brk === brk);
  if (!peer) throw new PaymentProblem('not-found', { detail: 'no such peer' });
  const { records } = await desk.mint(peer);
  if (!isObject(records)) throw new PaymentProblem('unavailable');
  return records;
}
