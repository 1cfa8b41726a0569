// What the file holds of other brokers that no order of theirs asked for: who they are, as the operator pinned them, and what
// this broker asked them, with their signed answers.
import type { DatabaseSync } from 'node:sqlite';
import {
  brokerId,
  type Crypto,
  fromBase64url,
  isObject,
  type JsonObject,
  peerForwardOrder,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import { isSigned, isTyped, type Signed, signedOf } from './evidence.ts';
import type { Findings } from './findings.ts';
import { intCell, rowsOf, textCell } from './tables.ts';

type Auditor = { brk: string; root: string; crypto: Crypto; findings: Findings };

/** `most`, by currency: how far the account of the peer may be below zero. */
export type PeerFacts = { readonly root: string; readonly most: ReadonlyMap<string, bigint> };

/** `order`: of a site, as it signed it. `result`: what the peer signed, if it answered. */
export type AskFacts = {
  readonly n: number;
  readonly brk: string;
  readonly order: Signed;
  readonly result: JsonObject | undefined;
  readonly vnd: string;
  readonly challenge: string;
};

/** False for a ledger that an older version wrote. */
export const hasPeers = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'peer'").get() !== undefined;

export function readPeers(db: DatabaseSync, { root, crypto, findings }: Auditor): Map<string, PeerFacts> {
  const peers = new Map<string, PeerFacts>();
  if (!hasPeers(db)) return peers;
  for (const row of rowsOf(db, 'SELECT * FROM peer')) {
    const [brk, cur, key] = [textCell(row, 'brk'), textCell(row, 'cur'), textCell(row, 'root')];
    const signed = {
      typ: 'peer-row/1',
      ...{ brk, cur, root: key, url: textCell(row, 'url'), line: String(row['line']), most: String(row['most']) },
      ...{ state: textCell(row, 'state'), at: Number(row['made_ms']) },
    };
    const isGenuine =
      verifyObject(signed, root, textCell(row, 'sig'), crypto) &&
      brokerId(fromBase64url(key) ?? new Uint8Array(), crypto) === brk;
    if (!isGenuine) {
      findings.add({ table: 'peer', row: `${brk} ${cur}`, expected: 'signed by this broker', found: 'not' });
      continue;
    }
    const most = new Map([...(peers.get(brk)?.most ?? []), [cur, intCell(row, 'most')]]);
    peers.set(brk, { root: key, most });
  }
  return peers;
}

/** How far accounts of peers may be below zero, by account and currency. */
export const peerLines = (peers: ReadonlyMap<string, PeerFacts>): [string, bigint][] =>
  [...peers].flatMap(([brk, { most }]) =>
    [...most].map(([cur, amount]): [string, bigint] => [`peer:${brk} ${cur}`, amount]),
  );

/** Those that are genuine, in the order in which they were written; the rest are findings. */
export function readAsks(db: DatabaseSync, peers: ReadonlyMap<string, PeerFacts>, auditor: Auditor): AskFacts[] {
  const asks: AskFacts[] = [];
  if (!hasPeers(db)) return asks;
  const { brk: self, root, crypto, findings } = auditor;
  for (const row of rowsOf(db, 'SELECT * FROM peer_order ORDER BY n')) {
    const name = String(row['n']);
    const fault = (column: string, expected: string) =>
      findings.add({ table: 'peer_order', row: name, column, expected, found: textCell(row, column).slice(0, 100) });
    const brk = textCell(row, 'brk');
    const asked = readAsk(textCell(row, 'body'), { self, root, crypto });
    const peer = peers.get(brk);
    if (!asked || !peer) {
      fault(peer ? 'body' : 'brk', peer ? 'an order of a site, handed on by this broker' : 'a peer');
      continue;
    }
    const { body, order } = asked;
    const isDeposit = order.typ === 'ecash-deposit/1';
    const vnd = isDeposit ? String(order['vnd']) : '';
    const challenge = isDeposit ? String(order['challengeId']) : '';
    const columns = { brk: order['issuer'], from_key: order['from'], order_rid: order['rid'], vnd, challenge };
    for (const [column, value] of Object.entries(columns)) {
      if (row[column] !== value) fault(column, String(value));
    }
    const result =
      row['answer'] === null ? undefined : readReply(textCell(row, 'answer'), body, { brk, root: peer.root, crypto });
    if (row['answer'] !== null && !result) fault('answer', 'an answer that the peer signed to this order');
    asks.push({ n: Number(row['n']), brk, order, result, vnd, challenge });
  }
  return asks;
}

function readAsk(
  text: string,
  { self, root, crypto }: { self: string; root: string; crypto: Crypto },
): { body: Signed; order: Signed } | undefined {
  const body = signedOf(text);
  const read = body && tryDecode(peerForwardOrder, body);
  const order = read && isTyped(read.order) ? read.order : undefined;
  if (!body || !read || !order || body['from'] !== root || !isSigned(body, root, crypto)) return undefined;
  const { vendor } = read;
  const isVouched = vendor.brk === self && verifyObject(vendor, root, vendor.sig, crypto);
  const isOfSite = order['from'] === vendor.pk && order['vnd'] === vendor.vnd && isSigned(order, vendor.pk, crypto);
  return isVouched && isOfSite ? { body, order } : undefined;
}

/** The result of an answer that the peer signed to this order. */
export function readReply(
  text: string,
  body: Signed,
  { brk, root, crypto }: { brk: string; root: string; crypto: Crypto },
): JsonObject | undefined {
  const answer = signedOf(text);
  const fits =
    answer &&
    answer.typ === `${body.typ}-answer` &&
    answer['brk'] === brk &&
    answer['from'] === body['from'] &&
    answer['rid'] === body['rid'] &&
    isSigned(answer, root, crypto);
  const result = fits ? answer['result'] : undefined;
  return isObject(result) ? result : undefined;
}
