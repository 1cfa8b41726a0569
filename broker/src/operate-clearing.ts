// The operator's job of settling with other brokers: proposes the figures, sends them, books what the other has signed, and
// says who has to pay whom. Where the books differ it says in which claims.
import { callBroker, nodeEnv, statedProblem } from '@farthing/node-kit';
import {
  type Currency,
  claimsResult,
  decode,
  isObject,
  type Json,
  limits,
  makeOrder,
  type Order,
  type PeerClaim,
  readAnswer,
} from '@farthing/protocol';
import type { Place } from './books/open.ts';
import { openKeys } from './keys.ts';
import type { PeerRow } from './ledger/peers.ts';
import { type Outcome, shown, write } from './operate.ts';
import { propose, settle } from './services/clearing.ts';

/** `before`: claims from before that moment, in seconds; default a minute ago, for clocks differ. `brk`: default all peers. */
export type Clearing = { readonly before?: number; readonly brk?: string | undefined };

/**
 * Clears with every peer, or one. A proposal whose answer was lost is sent again first.
 * @throws {Error} there is no such peer
 */
export async function clearWithPeers(place: Place, { before, brk }: Clearing = {}): Promise<Outcome> {
  const peers = await write(place, ({ ledger }) => ledger.peers.all());
  const wanted = peers.filter((peer) => brk === undefined || peer.brk === brk);
  if (brk !== undefined && wanted.length === 0) throw new Error(`there is no peer ${brk}: peers list shows them`);
  const ended: Ended[] = [];
  for (const peer of wanted) {
    const at = before ?? Math.floor((nodeEnv().nowMs - limits.clockSkewMs) / 1000);
    ended.push(await clearWith(place, peer, at));
  }
  const status = ended.every(({ isSettled }) => isSettled) ? 0 : 1;
  const lines = ended.flatMap((one) => one.lines);
  return {
    lines: lines.length > 0 ? lines : ['This broker clears with nobody.'],
    json: { clearings: ended.map(({ json }) => json) },
    status,
  };
}

type Ended = { readonly lines: readonly string[]; readonly json: Json; readonly isSettled: boolean };

async function clearWith(place: Place, peer: PeerRow, before: number): Promise<Ended> {
  const { brk, cur } = peer;
  const order = await write(place, (desk) => propose(peer, before, desk));
  const about = { brk, cur };
  if (!order) return { lines: [`${brk}\tnothing to clear`], json: { ...about, settled: null }, isSettled: true };
  const reply = await callBroker(peer.url, '/v1/exchange/clear', JSON.stringify(order)).catch(() => undefined);
  if (reply?.status === 200) {
    await write(place, (desk) => settle(order, reply.json, { ...desk, peer }));
    return settled(order, about);
  }
  const code = reply && reply.status < 500 ? statedProblem(reply)?.code : undefined;
  if (code === undefined || code === 'rate-limit') {
    const line = `${brk}\tno answer: the proposal stands, clear again`;
    return { lines: [line], json: { ...about, settled: false, code: 'unavailable' }, isSettled: false };
  }
  await write(place, ({ ledger }) => ledger.clearing.drop({ brk, cur, period: Number(order['period']) }));
  const found = await differences(place, peer, Number(order['before']));
  const lines = found.map(({ side, claim, what }) => `\t${side}\t${claim.vnd} ${claim.challengeId}\t${what}`);
  return {
    lines: [`${brk}\trefused: ${code}`, ...lines],
    json: { ...about, settled: false, code, differences: found.map((one) => ({ ...one, claim: { ...one.claim } })) },
    isSettled: false,
  };
}

function settled(order: Order, { brk, cur }: { brk: string; cur: Currency }): Ended {
  const { period, net, owed, owing } = order;
  const sum = BigInt(String(net));
  const transfer = sum < 0n ? `we pay ${shown(-sum, cur)}` : `it pays ${shown(sum, cur)}`;
  const count = (side: Json | undefined) => (isObject(side) ? `${String(side['count'])} claims` : '');
  const json = {
    brk,
    cur,
    settled: true,
    period: period ?? null,
    net: net ?? null,
    owed: owed ?? null,
    owing: owing ?? null,
  };
  return {
    lines: [`${brk}\tperiod ${String(period)}: ${count(owed)} of ours, ${count(owing)} of its: ${transfer}`],
    json,
    isSettled: true,
  };
}

// ── what differs ────────────────────────────────────────────────────────────────────────────────────────────────────

/** `side`: `owed` to us, or `owing`. `proof`: number of the order to the peer whose signed answer shows that it owes this. */
type Difference = {
  readonly side: 'owed' | 'owing';
  readonly claim: PeerClaim;
  readonly what: 'only here' | 'only there' | 'another amount or time there';
  readonly proof?: number;
};

async function differences(place: Place, peer: PeerRow, before: number): Promise<Difference[]> {
  const found: Difference[] = [];
  for (const side of ['owed', 'owing'] as const) {
    const there = await readClaims(place, peer, { before, side }).catch(() => undefined);
    if (!there) continue;
    await write(place, ({ ledger }) => {
      const here = side === 'owed' ? ledger.clearing.owed(peer, before) : ledger.clearing.owing(peer, before);
      const theirs = new Map(there.map((claim) => [nameOf(claim), claim]));
      for (const claim of here) {
        const other = theirs.get(nameOf(claim));
        theirs.delete(nameOf(claim));
        if (other && other.amount === claim.amount && other.at === claim.at) continue;
        const payment = ledger.peers.payment(claim.vnd, claim.challengeId);
        const proof = payment && { proof: payment.endedBy || payment.ask };
        found.push({
          side,
          claim,
          what: other ? 'another amount or time there' : 'only here',
          ...(side === 'owed' ? proof : {}),
        });
      }
      for (const claim of theirs.values()) found.push({ side, claim, what: 'only there' });
    });
  }
  return found;
}

const nameOf = ({ vnd, challengeId }: PeerClaim): string => `${vnd} ${challengeId}`;

/** Most pages that are read: what differs is in the first of them, or the books have nothing in common. */
const PAGES = 500;

async function readClaims(
  place: Place,
  peer: PeerRow,
  { before, side }: { before: number; side: 'owed' | 'owing' },
): Promise<PeerClaim[]> {
  const env = nodeEnv();
  const { seed } = openKeys(place.data, env);
  const all: PeerClaim[] = [];
  for (let page = 0; page < PAGES; page++) {
    const last = all.at(-1);
    const after = last ? { after: { vnd: last.vnd, challengeId: last.challengeId } } : {};
    const order = makeOrder('exchange-claims/1', { cur: peer.cur, before, side, ...after }, seed, env);
    const { json } = await callBroker(peer.url, '/v1/exchange/claims', JSON.stringify(order));
    const { claims, more } = decode(claimsResult, readAnswer(json, order, peer, env.crypto), 'broker-untrusted');
    all.push(...claims);
    if (!more || claims.length === 0) break;
  }
  return all;
}
