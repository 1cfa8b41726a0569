// The operator's jobs that belong to other brokers: whom to clear with, and up to what.
import { callBroker, nodeEnv } from '@farthing/node-kit';
import { fromBase64url, limits, type Money, readBrokerKeys } from '@farthing/protocol';
import type { Place } from './books/open.ts';
import { openKeys } from './keys.ts';
import { account } from './ledger/journal.ts';
import { int, text } from './ledger/rows.ts';
import { currencyOf } from './ledger/scrip.ts';
import { type Outcome, read, shown, write } from './operate.ts';

export type NewPeer = {
  readonly url: string;
  /** How much it may owe us. With nothing it takes our coins, and we none of its. */
  readonly limit: Money;
  /** Its id, as its operator told it. */
  readonly fingerprint: string | undefined;
  /** This broker is in test mode, and clears with others that are. */
  readonly test: boolean;
};

/**
 * Takes up another broker, or changes its limit. The id of a broker is the hash of its root key: who has compared it with
 * what the other operator says has pinned the key.
 * @throws {Error} it does not answer, or is another broker than was expected
 */
export async function addPeer(place: Place, { url, limit, fingerprint, test }: NewPeer): Promise<Outcome> {
  const env = nodeEnv();
  const { status, json } = await callBroker(url, '/v1/keys').catch(() => {
    throw new Error(`no broker answers at ${url}`);
  });
  if (status !== 200) throw new Error(`${url} answers with ${status} where a broker tells its keys`);
  const peer = readBrokerKeys(json, fromBase64url, env.crypto);
  if (peer.brk === openKeys(place.data, env).brk) throw new Error(`${url} is this broker itself`);
  if (!peer.currencies.includes(limit.currency)) throw new Error(`${peer.name} does not carry ${limit.currency}`);
  if (peer.test && !test) {
    throw new Error(`${peer.name} is in test mode, its money is worth nothing: add --test if that is so here too`);
  }
  if (fingerprint === undefined) {
    const asked = `The broker at ${url} is "${peer.name}". Its fingerprint: ${peer.brk}`;
    const next = `Compare it with what its operator tells you by another way, then repeat with --fingerprint ${peer.brk}`;
    return { lines: [asked, next], json: { brk: peer.brk, name: peer.name, added: false }, status: 1 };
  }
  if (fingerprint !== peer.brk) throw new Error(`expected broker ${fingerprint} at ${url}, and found ${peer.brk}`);
  const row = { brk: peer.brk, cur: limit.currency, root: peer.root, url, line: limit.amount };
  await write(place, ({ ledger }) => {
    const known = new Set(ledger.peers.all().map(({ brk }) => brk));
    if (known.add(peer.brk).size > limits.peers) throw new Error(`a broker clears with ${limits.peers} others at most`);
    ledger.peers.put({ ...row, state: 'live', madeMs: env.nowMs });
  });
  const about = { brk: peer.brk, name: peer.name, added: true, limit: limit.amount.toString(), cur: limit.currency };
  return { lines: [`${peer.brk}\tmay owe ${shown(limit.amount, limit.currency)}`], json: about, status: 0 };
}

/**
 * Nothing new is taken from it or asked of it; what is under way is finished, and what is owed can be cleared.
 * @throws {Error} there is no such peer
 */
export async function removePeer(place: Place, brk: string): Promise<void> {
  const env = nodeEnv();
  await write(place, ({ ledger }) => {
    const rows = ledger.peers.all().filter((peer) => peer.brk === brk);
    if (rows.length === 0) throw new Error(`there is no peer ${brk}: peers list shows them`);
    for (const row of rows) ledger.peers.put({ ...row, state: 'ended', madeMs: env.nowMs });
  });
}

/** What each owes us, or we owe it, and what may come to that. */
export async function listPeers(place: Place): Promise<Outcome> {
  const rows = await read(
    place,
    `SELECT p.brk, p.cur, p.url, p.line, p.state, coalesce(b.amount, 0) AS balance,
       (SELECT coalesce(sum(amount), 0) FROM peer_payment y
        WHERE y.brk = p.brk AND y.cur = p.cur AND y.state IN ('asked', 'held')) AS reserved,
       (SELECT count(*) FROM peer_order o WHERE o.brk = p.brk AND o.answer IS NULL) AS open
     FROM peer p LEFT JOIN balance b ON b.account = '${account.peer('')}' || p.brk AND b.cur = p.cur
     ORDER BY p.brk, p.cur`,
  );
  const all = rows.map((row) => ({
    ...{ brk: text(row, 'brk'), cur: currencyOf(row), url: text(row, 'url'), state: text(row, 'state') },
    ...{
      limit: int(row, 'line'),
      balance: int(row, 'balance'),
      reserved: int(row, 'reserved'),
      open: int(row, 'open'),
    },
  }));
  const lines = all.map(({ brk, cur, url, state, limit, balance, reserved, open }) => {
    const owes = balance < 0n ? `owes ${shown(-balance, cur)}` : `is owed ${shown(balance, cur)}`;
    const under = `${shown(reserved, cur)} under way, ${open} unanswered`;
    return [brk, owes, `of ${shown(limit, cur)}`, under, state, url].join('\t');
  });
  const json = all.map(({ limit, balance, reserved, open, ...rest }) => ({
    ...rest,
    ...{ limit: limit.toString(), balance: balance.toString(), reserved: reserved.toString(), open: Number(open) },
  }));
  return { lines: lines.length > 0 ? lines : ['This broker clears with nobody.'], json: { peers: json }, status: 0 };
}
