// What was settled with other brokers: signed by both, in order, and exactly the payments that the books say were open then.
import type { DatabaseSync } from 'node:sqlite';
import {
  type ClaimsTotal,
  type Crypto,
  canonicalJson,
  clearOrder,
  clearResult,
  type PeerClaim,
  totalOfClaims,
  tryDecode,
  verifyObject,
} from '@farthing/protocol';
import type * as v from 'valibot';
import type { EcashModel } from './ecash-model.ts';
import { isSigned, signedOf } from './evidence.ts';
import { type Cells, compare, type Findings } from './findings.ts';
import { type PeerFacts, readReply } from './peer-facts.ts';
import type { PeerModel } from './peer-model.ts';
import { intCell, keyed, rowsOf, textCell } from './tables.ts';

type Auditor = { root: string; crypto: Crypto; findings: Findings };
type Figures = v.InferOutput<typeof clearOrder>;

/** `atMs`: when it was booked; 0 while it is only proposed. */
export type ClearingFacts = { readonly brk: string; readonly figures: Figures; readonly atMs: bigint };

/** False for a ledger that an older version wrote. */
const hasClearing = (db: DatabaseSync): boolean =>
  db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'clearing'").get() !== undefined;

/** Those that this broker asked for. */
export function readClearings(
  db: DatabaseSync,
  peers: ReadonlyMap<string, PeerFacts>,
  { root, crypto, findings }: Auditor,
): ClearingFacts[] {
  if (!hasClearing(db)) return [];
  return [...rowsOf(db, 'SELECT * FROM clearing WHERE ours <> 0')].flatMap((row) => {
    const brk = textCell(row, 'brk');
    const [cur, period, atMs] = [textCell(row, 'cur'), Number(row['period']), intCell(row, 'at_ms')];
    const doc = signedOf(textCell(row, 'doc'));
    const figures = tryDecode(clearOrder, doc);
    const peer = peers.get(brk);
    const isIts = figures?.cur === cur && figures.period === period && figures.from === root && row['ours'] === 1n;
    const fault = (column: string, expected: string) =>
      findings.add({ table: 'clearing', row: `${brk} ${cur} ${period}`, column, expected, found: 'something else' });
    if (!doc || !figures || !peer || !isIts || !isSigned(doc, root, crypto)) {
      fault('doc', 'figures that this broker has signed, for a peer');
      return [];
    }
    const isOpen = row['answer'] === '';
    if (isOpen && (atMs !== 0n || row['sig'] !== '')) fault('at_ms', 'nothing booked before there is an answer');
    if (isOpen) return [{ brk, figures, atMs: 0n }];
    const result = tryDecode(clearResult, readReply(textCell(row, 'answer'), doc, { brk, root: peer.root, crypto }));
    const isSame = result?.cur === cur && result.period === period && result.net === figures.net;
    if (!isSame) fault('answer', 'the same figures, signed by the peer');
    const signed = { typ: 'clearing-row/1', brk, cur, period, at: Number(atMs) };
    if (!verifyObject(signed, root, textCell(row, 'sig'), crypto)) fault('sig', 'the signature of this broker');
    return [{ brk, figures, atMs }];
  });
}

type Models = { readonly ecash: EcashModel; readonly peers: PeerModel; readonly asked: readonly ClearingFacts[] };

/** The table, and for each clearing the payments that are marked with it. */
export function checkClearings(db: DatabaseSync, { ecash, peers, asked }: Models, { crypto, findings }: Auditor): void {
  if (!hasClearing(db)) return;
  const expected = new Map<string, Cells>();
  for (const { brk, figures } of asked) expected.set(nameOf(brk, figures), { ours: 1n });
  for (const [name, { doc }] of peers.clearings) {
    expected.set(name, { ours: 0n, doc, answer: '', at_ms: 0n, sig: '' });
  }
  compare(findings, 'clearing', { expected, actual: keyed(db, 'SELECT * FROM clearing', ['brk', 'cur', 'period']) });

  const all = [
    ...asked.map(({ brk, figures, atMs }) => ({ brk, figures, isOpen: atMs === 0n, ours: true })),
    ...[...peers.clearings.values()].map(({ brk, figures }) => ({ brk, figures, isOpen: false, ours: false })),
  ];
  const owing = marked(db, 'coin_payment', (name) => {
    const payment = ecash.coins.payments.peek(name);
    return payment && { ...payment, brk: payment.via, challengeId: payment.challenge };
  });
  const owed = marked(db, 'peer_payment', (name) => {
    const payment = peers.payments.get(name);
    const [vnd = '', challengeId = ''] = name.split(' ');
    return payment && { ...payment, vnd, challengeId };
  });
  for (const { brk, figures, ours } of all) {
    const name = nameOf(brk, figures);
    const [theirs, mine] = [owed.get(name) ?? [], owing.get(name) ?? []];
    owed.delete(name);
    owing.delete(name);
    const there = {
      owed: totalOfClaims(ours ? theirs : mine, crypto),
      owing: totalOfClaims(ours ? mine : theirs, crypto),
    };
    const isRight = same(there.owed, figures.owed) && same(there.owing, figures.owing);
    const isOnTime = [...theirs, ...mine].every(({ at }) => at < figures.before);
    if (isRight && isOnTime) continue;
    findings.add({
      table: 'clearing',
      row: name,
      expected: 'the payments that both have signed',
      found: 'others are marked',
    });
  }
  for (const row of [...owed.keys(), ...owing.keys()]) {
    findings.add({ table: 'clearing', row, expected: 'a clearing of the payments marked with it', found: 'none' });
  }
  checkPeriods(all, findings);
}

const nameOf = (brk: string, { cur, period }: Pick<Figures, 'cur' | 'period'>): string => `${brk} ${cur} ${period}`;
const same = (a: ClaimsTotal, b: ClaimsTotal): boolean => canonicalJson({ ...a }) === canonicalJson({ ...b });

type Paid = {
  brk: string;
  cur: string;
  vnd: string;
  challengeId: string;
  amount: bigint;
  paidAt: number;
  state: string;
};

/** Claims that were settled, by peer, currency and period, in the order of site and challenge. */
function marked(
  db: DatabaseSync,
  table: 'coin_payment' | 'peer_payment',
  find: (name: string) => Paid | undefined,
): Map<string, PeerClaim[]> {
  const groups = new Map<string, PeerClaim[]>();
  for (const row of rowsOf(
    db,
    `SELECT vnd, challenge, cleared FROM ${table} WHERE cleared <> 0 ORDER BY vnd, challenge`,
  )) {
    const paid = find(`${textCell(row, 'vnd')} ${textCell(row, 'challenge')}`);
    if (!paid) continue;
    const { brk, cur, vnd, challengeId, amount, paidAt, state } = paid;
    const name = `${brk} ${cur} ${String(row['cleared'])}`;
    // One that is not paid has no place in any of them: it makes the sum another.
    const claim = { vnd, challengeId, amount: state === 'paid' ? amount.toString() : '0', at: paidAt };
    groups.set(name, [...(groups.get(name) ?? []), claim]);
  }
  return groups;
}

/** From 1 without a gap; only the last may wait for its answer. */
function checkPeriods(all: readonly { brk: string; figures: Figures; isOpen: boolean }[], findings: Findings): void {
  for (const [pair, group] of Map.groupBy(all, ({ brk, figures }) => `${brk} ${figures.cur}`)) {
    const inOrder = group.toSorted((a, b) => a.figures.period - b.figures.period);
    const isRight = inOrder.every(
      ({ figures, isOpen }, i) => figures.period === i + 1 && (!isOpen || i === inOrder.length - 1),
    );
    if (!isRight)
      findings.add({ table: 'clearing', row: pair, expected: 'one period after the other', found: 'a gap' });
  }
}
