// What the signed orders say of scrip: licences, pieces that were sold, what was paid for them and what went back.
import { type Crypto, objectHash } from '@farthing/protocol';
import {
  buyOrder,
  type Licence,
  licenceOrder,
  licenceResult,
  redeemOrder,
  redeemResult,
  refundOrder,
  renewOrder,
  type Scrip,
  scripResult,
  splitId,
} from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { type Asked, apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import type { Move } from './model.ts';
import type { Codec, Shelf, Shelves } from './shelves.ts';

export type Root = {
  vnd: string;
  kid: string;
  face: bigint;
  cur: string;
  feeBps: bigint;
  expiresMs: bigint;
  buyer: string | null;
  credited: bigint;
  refunded: bigint;
  claimable: bigint;
  closed: boolean;
};
/** A list takes a fifth of the time that members with names take, and each claim reads and writes one. */
const rootCodec: Codec<Root> = {
  print({ vnd, kid, face, cur, feeBps, expiresMs, buyer, credited, refunded, claimable, closed }) {
    const sums = [face, feeBps, expiresMs, credited, refunded, claimable].map(String);
    return JSON.stringify([vnd, kid, cur, buyer, closed, ...sums]);
  },
  read(text) {
    const [vnd, kid, cur, buyer, closed, ...sums] = JSON.parse(text) as RootCells;
    const [face, feeBps, expiresMs, credited, refunded, claimable] = sums.map(BigInt) as Six<bigint>;
    return { vnd, kid, face, cur, feeBps, expiresMs, buyer, credited, refunded, claimable, closed };
  },
};
type Six<Value> = [Value, Value, Value, Value, Value, Value];
type RootCells = [string, string, string, string | null, boolean, ...Six<string>];

export type Grant = { licence: Licence; roots: bigint; changes: bigint; sold: bigint };
export type Piece = { scrip: Scrip; csec: string | undefined };
type BookScrip = (evidence: Evidence, move: Omit<Move, 'at'>) => void;

/** `certified` is told of each piece that was sold. */
type Broker = { readonly brk: string; readonly crypto: Crypto; readonly certified: (piece: Piece) => void };

export class ScripModel {
  /** Pieces by site and root. */
  readonly roots: Shelf<Root>;
  readonly batches: Shelf<Cells>;
  readonly alarms: Shelf<Cells>;
  readonly spent: Shelf<Cells>;
  readonly grants = new Map<string, Grant>();
  /** One that was sold of each key of scrip, with its secret if any was: it shows that it is the key. */
  readonly pieces = new Map<string, Piece>();
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  readonly #broker: Broker;
  readonly #findings: Findings;

  constructor(broker: Broker, shelves: Shelves, findings: Findings) {
    this.#broker = broker;
    this.#findings = findings;
    this.roots = shelves.add('root', rootCodec);
    this.batches = shelves.add('batch');
    this.alarms = shelves.add('alarm');
    this.spent = shelves.add('spent');
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    return { grants: this.grants, last: this.#last, pieces: [...this.pieces.values()] };
  }

  /** @returns whether it is an order about scrip */
  take(evidence: Evidence, book: BookScrip): boolean {
    return (
      apply(licenceOrder, licenceResult, evidence, (_, r) => this.grant(r.licence)) ||
      apply(buyOrder, scripResult, evidence, (o, r) => this.#buy(evidence, { o, r }, book)) ||
      apply(refundOrder, scripResult, evidence, (o, r) => this.#release(evidence, { o, r }, book)) ||
      apply(renewOrder, scripResult, evidence, (o, r) => this.#release(evidence, { o, r }, book)) ||
      apply(redeemOrder, redeemResult, evidence, (o, r) => this.#redeem(evidence, { o, r }, book))
    );
  }

  /** What the broker did by itself: the rest of an expired piece went back. */
  residue(sub: string, amount: bigint): Root | undefined {
    const root = this.roots.get(sub);
    if (!root) return undefined;
    Object.assign(root, { refunded: root.refunded + amount, claimable: root.credited, closed: true });
    return root;
  }

  grant(licence: Licence): void {
    const key = `${licence.vnd} ${licence.kid}`;
    if (this.grants.has(key)) this.#odd('licence', key, 'a key id that is granted once');
    this.grants.set(key, { licence, roots: 0n, changes: 0n, sold: 0n });
  }

  #buy(evidence: Evidence, { o, r }: Asked<typeof buyOrder, typeof scripResult>, book: BookScrip): void {
    const total = o.val * BigInt(o.count);
    const { funds, from, rid } = o;
    const sums = this.#made(r.pieces, { buyer: funds ? null : from, count: o.count, val: o.val, vnd: o.vnd });
    if (funds) {
      const { vnd, root, id } = funds.scrip;
      const payer = this.roots.get(`${vnd}/${root}`);
      if (payer) payer.credited += total;
      add(sums, `float:scrip|${vnd}/${root}|${o.cur}`, -total);
      this.spent.set(id, { id, from_key: from, rid, change_id: r.change?.id ?? null });
      if (r.change) {
        const grant = this.grants.get(`${vnd} ${splitId(r.change.id).kid}`);
        if (grant) grant.changes += 1n;
        this.certify({ scrip: r.change, csec: undefined });
      }
    } else add(sums, `user:${from}||${o.cur}`, -total);
    book(evidence, { kind: 'scrip-buy', ref: o.vnd, sums, ...told(`user:${from}`, r) });
  }

  #release(
    evidence: Evidence,
    { o, r }: Asked<typeof refundOrder | typeof renewOrder, typeof scripResult>,
    book: BookScrip,
  ): void {
    const { release, from } = o;
    const left = BigInt(release.left);
    const name = `${release.vnd}/${release.root}`;
    const root = this.roots.get(name);
    if (!root || root.closed) this.#odd('root', name, 'a piece that was sold here and is released once');
    else Object.assign(root, { refunded: root.refunded + left, claimable: root.face - left, closed: true });
    const vnd = o.typ === 'scrip-renew/1' ? release.vnd : this.#broker.brk;
    const asScrip = left > 0n && (o.typ === 'scrip-renew/1' || o.as === 'scrip');
    const sums = this.#made(r.pieces, { buyer: from, count: asScrip ? 1 : 0, val: left, vnd });
    add(sums, `float:scrip|${name}|${r.cur}`, -left);
    if (!asScrip) add(sums, `user:${from}||${r.cur}`, left);
    const kind = o.typ === 'scrip-renew/1' ? 'scrip-renew' : 'scrip-refund';
    book(evidence, { kind, ref: release.vnd, sums, ...told(`user:${from}`, r) });
  }

  /** New pieces: their roots, and what they put on the float. */
  #made(
    pieces: v.InferOutput<typeof scripResult>['pieces'],
    ask: { buyer: string | null; count: number; val: bigint; vnd: string },
  ): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    if (pieces.length !== ask.count) this.#odd('stored_order', ask.vnd, `${ask.count} pieces`);
    for (const { scrip, csec } of pieces) {
      const { vnd, root, cur, exp } = scrip;
      const { kid } = splitId(root);
      const face = BigInt(scrip.val);
      const grant = this.grants.get(`${vnd} ${kid}`);
      const name = `${vnd}/${root}`;
      if (!grant || vnd !== ask.vnd || face !== ask.val || this.roots.has(name) || scrip.id !== root) {
        this.#odd('root', name, 'a new piece, as it was ordered, under a licence');
        continue;
      }
      grant.roots += 1n;
      grant.sold += face;
      this.certify({ scrip, csec });
      const expiresMs = BigInt(exp) * 1000n;
      const feeBps = BigInt(grant.licence.feeBps);
      const blank = { credited: 0n, refunded: 0n, claimable: face, closed: false };
      this.roots.set(name, { vnd, kid, face, cur, feeBps, expiresMs, buyer: ask.buyer, ...blank });
      add(sums, `float:scrip|${name}|${cur}`, face);
    }
    return sums;
  }

  #redeem(evidence: Evidence, { o, r }: Asked<typeof redeemOrder, typeof redeemResult>, book: BookScrip): void {
    const { vnd, from, rid, prev } = o;
    const hash = objectHash(evidence.order, this.#broker.crypto);
    const last = this.#last.get(vnd) ?? { n: 0n, hash: '' };
    const { credited, fee } = r.redemption;
    if (prev !== last.hash || r.redemption.batch !== hash) this.#odd('batch', hash, 'the batch after the last one');
    this.#last.set(vnd, { n: last.n + 1n, hash });
    this.batches.set(hash, { hash, vnd, n: last.n + 1n, prev, from_key: from, rid, credited, fee });
    const sums = tally([`vendor:${vnd}||${r.cur}`, credited], [`fees||${r.cur}`, fee]);
    let fees = 0n;
    o.claims.forEach(({ root: id, cum }, n) => {
      const line = r.roots[n];
      const name = `${vnd}/${id}`;
      const root = this.roots.get(name);
      const increase = line?.credited ?? 0n;
      if (line?.root !== id) this.#odd('stored_order', hash, 'an answer for each claim');
      if (line?.alarm !== undefined) {
        this.alarms.set(`${hash} ${n}`, { batch: hash, n: BigInt(n), vnd, root: id, cum, why: line.alarm });
      }
      if (increase === 0n) return;
      if (!root || root.credited + increase > cum || root.credited + increase > root.claimable) {
        this.#odd('root', name, 'no more paid than was sold, claimed and not released');
        return;
      }
      const bps = root.feeBps;
      fees += ((root.credited + increase) * bps) / 10_000n - (root.credited * bps) / 10_000n;
      root.credited += increase;
      add(sums, `float:scrip|${name}|${r.cur}`, -increase);
    });
    if (fees !== fee) this.#odd('batch', hash, `a fee of ${fees}`);
    book(evidence, { kind: 'scrip-redeem', ref: hash, sums, ...told(`vendor:${vnd}`, r) });
  }

  certify(piece: Piece): void {
    this.#broker.certified(piece);
    const name = `${piece.scrip.vnd} ${splitId(piece.scrip.id).kid}`;
    // Change has no secret with it: a piece that has one shows both keys.
    if (piece.csec !== undefined || this.pieces.get(name)?.csec === undefined) this.pieces.set(name, piece);
  }

  #odd(table: string, row: string, expected: string): void {
    this.#findings.add({ table, row, expected, found: 'signed evidence of something else' });
  }
}

export const told = (account: string, { balance, cur }: { balance: bigint; cur: string }) => ({
  balance: { account, cur, amount: balance },
});

function add(sums: Map<string, bigint>, name: string, amount: bigint): void {
  sums.set(name, (sums.get(name) ?? 0n) + amount);
}

export function tally(...lines: readonly [string, bigint][]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const [name, amount] of lines) add(sums, name, amount);
  return sums;
}
