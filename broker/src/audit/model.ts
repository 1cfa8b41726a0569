// What the evidence, replayed from the first order to the last, says that every table must hold.
import {
  balanceResult,
  type Crypto,
  faucetOrder,
  objectHash,
  toBase64url,
  utf8,
  vendorOrder,
  vendorResult,
  voucherOrder,
  voucherResult,
} from '@farthing/protocol';
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
import { ChequeModel, type Payment } from './cheque-model.ts';
import type { ClearingFacts } from './clearing.ts';
import { type BookCoins, EcashModel, type KeysetFacts } from './ecash-model.ts';
import { apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import { refill } from './kept.ts';
import { NoteModel, type NoteRow } from './notes.ts';
import { type Own, PaywordModel } from './payword-model.ts';
import type { AskFacts, PeerFacts } from './peer-facts.ts';
import { clearingMove, PeerModel } from './peer-model.ts';

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
export type Grant = { licence: Licence; roots: bigint; changes: bigint; sold: bigint };
export type Move = {
  kind: string;
  ref: string;
  at: number;
  /** account|sub|currency → amount */
  sums: Map<string, bigint>;
  /** What the answer said of an account after it, if it said so. */
  balance?: { account: string; cur: string; amount: bigint };
};

export type Piece = { scrip: Scrip; csec: string | undefined };

export class Model {
  readonly roots = new Map<string, Root>();
  readonly grants = new Map<string, Grant>();
  /** Of orders that no entry was seen for yet. */
  readonly moves = new Map<string, Move>();
  readonly vendors = new Map<string, Cells & { pk: string }>();
  readonly batches = new Map<string, Cells>();
  readonly alarms = new Map<string, Cells>();
  readonly spent = new Map<string, Cells>();
  /** By hash of the code. */
  readonly vouchers = new Map<string, Cells>();
  readonly invites = new Map<string, Cells>();
  /** One that was sold of each key of scrip, with its secret if any was: it shows that it is the key. */
  readonly pieces = new Map<string, Piece>();
  readonly payword: PaywordModel;
  readonly ecash: EcashModel;
  readonly peers: PeerModel;
  readonly cheques: ChequeModel;
  readonly notes: NoteModel;
  readonly #last = new Map<string, { n: bigint; hash: string }>();
  /** Orders of the broker itself to its peers that were booked. */
  readonly #cleared = new Set<string>();
  readonly #own: ReadonlySet<string>;
  readonly #certified: (piece: Piece) => void;
  readonly #brk: string;
  readonly #crypto: Crypto;
  readonly #findings: Findings;

  /** `own`: what the broker did by itself, which no order asked for: licences, and the terms and invoices of PayWord. */
  constructor(
    broker: { brk: string; crypto: Crypto },
    own: Own & {
      licences: readonly Licence[];
      keysets: ReadonlyMap<string, KeysetFacts>;
      peers: ReadonlyMap<string, PeerFacts>;
      asks: readonly AskFacts[];
      clearings: readonly ClearingFacts[];
      notes: readonly NoteRow[];
      certified: (piece: Piece) => void;
    },
    findings: Findings,
  ) {
    this.#brk = broker.brk;
    this.#crypto = broker.crypto;
    this.#findings = findings;
    this.#certified = own.certified;
    this.payword = new PaywordModel(own, broker.crypto, findings);
    this.ecash = new EcashModel(own.keysets, broker.crypto, findings);
    this.peers = new PeerModel(broker, own, findings);
    this.#own = new Set(own.clearings.map(({ figures: { from, rid } }) => `${from} ${rid}`));
    for (const { brk, figures, atMs } of own.clearings) {
      const { from, rid, net } = figures;
      if (atMs > 0n) this.#move({ from, rid, at: Number(atMs / 1000n) }, clearingMove(brk, figures, BigInt(net)));
    }
    this.notes = new NoteModel(own.notes, findings);
    const terms = {
      feeBps: () => this.payword.feeBps,
      paid: (payment: Payment) => {
        this.payword.invoices.buy(payment);
        this.notes.sell(payment);
      },
    };
    this.cheques = new ChequeModel(terms, broker.crypto, findings);
    for (const licence of own.licences) this.#grant(licence);
  }

  /** What a replay from here on has to know. */
  get kept() {
    const { roots, grants, vendors, batches, alarms, spent, vouchers, invites } = this;
    const { payword, ecash, peers, cheques, notes } = this;
    return {
      ...{
        roots,
        grants,
        vendors,
        batches,
        alarms,
        spent,
        vouchers,
        invites,
        last: this.#last,
        cleared: this.#cleared,
      },
      ...{ payword: payword.kept, ecash: ecash.kept, peers: peers.kept, cheques: cheques.kept, notes: notes.kept },
      pieces: [...this.pieces.values()],
    };
  }

  /** Goes on from what another model has kept. @throws {Error} it is of another shape */
  goOn(kept: unknown): void {
    const mine = this.kept;
    refill(mine, kept);
    for (const piece of mine.pieces) this.#certify(piece);
    for (const name of this.#cleared) this.moves.delete(name);
  }

  /** There is an entry for this order. */
  booked(name: string): void {
    this.moves.delete(name);
    if (this.#own.has(name)) this.#cleared.add(name);
  }

  /** Papers that were made by then. */
  papers(orders: number, seq: bigint): void {
    this.payword.invoices.before(orders + 1, this.payword.deals, seq);
    this.notes.before(orders + 1, seq);
  }

  /** `number`: which order it is, from 1. */
  take(evidence: Evidence, number: number): void {
    const { order, result, typ } = evidence;
    this.notes.before(number);
    const done =
      apply(faucetOrder, balanceResult, evidence, (o, r) => {
        const sums = tally([`external:faucet||${o.cur}`, -o.amount], [`user:${o.from}||${o.cur}`, o.amount]);
        this.#move(evidence, { kind: 'faucet', ref: '', sums, ...told(`user:${o.from}`, r) });
      }) ||
      apply(voucherOrder, voucherResult, evidence, (o, r) => {
        const sums = tally([`external:voucher||${r.cur}`, -r.credited], [`user:${o.from}||${r.cur}`, r.credited]);
        this.#move(evidence, { kind: 'voucher', ref: '', sums, ...told(`user:${o.from}`, r) });
        const { amount, cur } = { amount: r.credited, cur: r.cur };
        this.vouchers.set(this.codeHash(o.code), { amount, cur, used_from: o.from, used_rid: o.rid });
      }) ||
      apply(vendorOrder, vendorResult, evidence, (o, r) => this.#vendor(o, r, evidence.at)) ||
      apply(licenceOrder, licenceResult, evidence, (_, r) => this.#grant(r.licence)) ||
      apply(buyOrder, scripResult, evidence, (o, r) => this.#buy(evidence, o, r)) ||
      apply(refundOrder, scripResult, evidence, (o, r) => this.#release(evidence, o, r, 'scrip-refund')) ||
      apply(renewOrder, scripResult, evidence, (o, r) => this.#release(evidence, o, r, 'scrip-renew')) ||
      apply(redeemOrder, redeemResult, evidence, (o, r) => this.#redeem(evidence, o, r)) ||
      this.payword.take(evidence, number, (at, { kind, ref, sums, account, cur, balance }) => {
        this.#move(at, { kind, ref, sums, balance: { account, cur, amount: balance } });
      }) ||
      this.peers.take(evidence, this.#bookCoins) ||
      this.peers.takeClearing(evidence, this.#bookCoins) ||
      this.peers.takeHandedOn(evidence, this.ecash, this.#bookCoins) ||
      this.ecash.take(evidence, this.#bookCoins) ||
      this.cheques.take(evidence, this.#bookCoins);
    if (!done) {
      const row = `${evidence.from} ${evidence.rid}`;
      const shapes = `members ${Object.keys(order).length}, ${Object.keys(result).length}`;
      this.#findings.add({ table: 'stored_order', row, expected: `an order and answer of ${typ}`, found: shapes });
    }
  }

  readonly #bookCoins: BookCoins = (at, { kind, ref, sums, told: balance }) => {
    this.#move(at, { kind, ref, sums, ...(balance ? { balance } : {}) });
  };

  /** What the broker did by itself: the rest of an expired piece went back. */
  residue(sub: string, amount: bigint): Root | undefined {
    const root = this.roots.get(sub);
    if (!root) return undefined;
    Object.assign(root, { refunded: root.refunded + amount, claimable: root.credited, closed: true });
    return root;
  }

  codeHash(code: string): string {
    return toBase64url(this.#crypto.sha256(utf8(`farthing/code/1\0${code.toUpperCase()}`)));
  }

  #move({ from, rid, at }: Pick<Evidence, 'from' | 'rid' | 'at'>, move: Omit<Move, 'at'>): void {
    for (const [name, sum] of move.sums) if (sum === 0n) move.sums.delete(name);
    if (move.sums.size > 0) this.moves.set(`${from} ${rid}`, { ...move, at });
  }

  #vendor(o: v.InferOutput<typeof vendorOrder>, r: v.InferOutput<typeof vendorResult>, at: number): void {
    const { vnd, name, origins } = o;
    const known = this.vendors.get(vnd);
    if (known && known.pk !== o.from) this.#odd('vendor', vnd, 'a change by the key that registered it');
    if (r.vendor.pk !== o.from || r.vendor.vnd !== vnd) this.#odd('stored_order', vnd, 'a record of what was asked');
    const code = known || o.invite === undefined ? undefined : this.codeHash(o.invite);
    // Where registration is open, a code that was used before is ignored.
    if (code !== undefined && !this.invites.has(code)) this.invites.set(code, { used_vnd: vnd, used_at: BigInt(at) });
    this.vendors.set(vnd, { vnd, pk: o.from, name, origins: JSON.stringify(origins), at: BigInt(at) });
  }

  #grant(licence: Licence): void {
    const key = `${licence.vnd} ${licence.kid}`;
    if (this.grants.has(key)) this.#odd('licence', key, 'a key id that is granted once');
    this.grants.set(key, { licence, roots: 0n, changes: 0n, sold: 0n });
  }

  #buy(evidence: Evidence, o: v.InferOutput<typeof buyOrder>, r: v.InferOutput<typeof scripResult>): void {
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
        this.#certify({ scrip: r.change, csec: undefined });
      }
    } else add(sums, `user:${from}||${o.cur}`, -total);
    this.#move(evidence, { kind: 'scrip-buy', ref: o.vnd, sums, ...told(`user:${from}`, r) });
  }

  #release(
    evidence: Evidence,
    o: v.InferOutput<typeof refundOrder> | v.InferOutput<typeof renewOrder>,
    r: v.InferOutput<typeof scripResult>,
    kind: string,
  ): void {
    const { release, from } = o;
    const left = BigInt(release.left);
    const name = `${release.vnd}/${release.root}`;
    const root = this.roots.get(name);
    if (!root || root.closed) this.#odd('root', name, 'a piece that was sold here and is released once');
    else Object.assign(root, { refunded: root.refunded + left, claimable: root.face - left, closed: true });
    const vnd = o.typ === 'scrip-renew/1' ? release.vnd : this.#brk;
    const asScrip = left > 0n && (o.typ === 'scrip-renew/1' || o.as === 'scrip');
    const sums = this.#made(r.pieces, { buyer: from, count: asScrip ? 1 : 0, val: left, vnd });
    add(sums, `float:scrip|${name}|${r.cur}`, -left);
    if (!asScrip) add(sums, `user:${from}||${r.cur}`, left);
    this.#move(evidence, { kind, ref: release.vnd, sums, ...told(`user:${from}`, r) });
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
      this.#certify({ scrip, csec });
      const expiresMs = BigInt(exp) * 1000n;
      const feeBps = BigInt(grant.licence.feeBps);
      const blank = { credited: 0n, refunded: 0n, claimable: face, closed: false };
      this.roots.set(name, { vnd, kid, face, cur, feeBps, expiresMs, buyer: ask.buyer, ...blank });
      add(sums, `float:scrip|${name}|${cur}`, face);
    }
    return sums;
  }

  #redeem(evidence: Evidence, o: v.InferOutput<typeof redeemOrder>, r: v.InferOutput<typeof redeemResult>): void {
    const { vnd, from, rid, prev } = o;
    const hash = objectHash(evidence.order, this.#crypto);
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
    this.#move(evidence, { kind: 'scrip-redeem', ref: hash, sums, ...told(`vendor:${vnd}`, r) });
  }

  #certify(piece: Piece): void {
    this.#certified(piece);
    const name = `${piece.scrip.vnd} ${splitId(piece.scrip.id).kid}`;
    // Change has no secret with it: a piece that has one shows both keys.
    if (piece.csec !== undefined || this.pieces.get(name)?.csec === undefined) this.pieces.set(name, piece);
  }

  #odd(table: string, row: string, expected: string): void {
    this.#findings.add({ table, row, expected, found: 'signed evidence of something else' });
  }
}

const told = (account: string, { balance, cur }: { balance: bigint; cur: string }) => ({
  balance: { account, cur, amount: balance },
});

function add(sums: Map<string, bigint>, name: string, amount: bigint): void {
  sums.set(name, (sums.get(name) ?? 0n) + amount);
}

function tally(...lines: readonly [string, bigint][]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const [name, amount] of lines) add(sums, name, amount);
  return sums;
}
