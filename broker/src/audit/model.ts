// What the evidence, replayed from the first order to the last, says that every table must hold.
import {
  balanceResult,
  type Crypto,
  faucetOrder,
  toBase64url,
  utf8,
  vendorOrder,
  vendorResult,
  voucherOrder,
  voucherResult,
} from '@farthing/protocol';
import type { Licence } from '@farthing/protocol/broker';
import type * as v from 'valibot';
import { ChequeBills } from './cheque-bills.ts';
import { ChequeModel, type Payment } from './cheque-model.ts';
import type { ClearingFacts } from './clearing.ts';
import type { KeysetFacts } from './ecash-coins.ts';
import { type BookCoins, EcashModel } from './ecash-model.ts';
import { apply, type Evidence } from './evidence.ts';
import type { Cells, Findings } from './findings.ts';
import { refill } from './kept.ts';
import { NoteModel, type NoteRow } from './notes.ts';
import { type Own, PaywordModel } from './payword-model.ts';
import type { AskFacts, PeerFacts } from './peer-facts.ts';
import { clearingMove, PeerModel } from './peer-model.ts';
import { type Piece, ScripModel, tally, told } from './scrip-model.ts';
import type { Shelves } from './shelves.ts';

export type Move = {
  kind: string;
  ref: string;
  at: number;
  /** account|sub|currency → amount */
  sums: Map<string, bigint>;
  /** What the answer said of an account after it, if it said so. */
  balance?: { account: string; cur: string; amount: bigint };
};

export class Model {
  /** Of orders that no entry was seen for yet. */
  readonly moves = new Map<string, Move>();
  readonly vendors = new Map<string, Cells & { pk: string }>();
  /** By hash of the code. */
  readonly vouchers = new Map<string, Cells>();
  readonly invites = new Map<string, Cells>();
  readonly scrip: ScripModel;
  readonly payword: PaywordModel;
  readonly ecash: EcashModel;
  readonly peers: PeerModel;
  readonly cheques: ChequeModel;
  readonly notes: NoteModel;
  readonly bills: ChequeBills;
  /** Orders of the broker itself to its peers that were booked. */
  readonly #cleared = new Set<string>();
  readonly #own: ReadonlySet<string>;
  readonly #shelves: Shelves;
  readonly #crypto: Crypto;
  readonly #findings: Findings;

  /** `own`: what the broker did by itself, which no order asked for: licences, and the terms and invoices of PayWord. */
  constructor(
    broker: { brk: string; crypto: Crypto; shelves: Shelves },
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
    const { shelves } = broker;
    this.#crypto = broker.crypto;
    this.#findings = findings;
    this.#shelves = shelves;
    this.scrip = new ScripModel({ ...broker, certified: own.certified }, shelves, findings);
    this.bills = new ChequeBills(shelves);
    const about = { ...broker, findings, bills: this.bills };
    this.payword = new PaywordModel(own, about);
    this.ecash = new EcashModel(own.keysets, about);
    this.peers = new PeerModel(broker, own, findings);
    this.#own = new Set(own.clearings.map(({ figures: { from, rid } }) => `${from} ${rid}`));
    for (const { brk, figures, atMs } of own.clearings) {
      const { from, rid, net } = figures;
      if (atMs > 0n) this.#move({ from, rid, at: Number(atMs / 1000n) }, clearingMove(brk, figures, BigInt(net)));
    }
    this.notes = new NoteModel(own.notes, this.bills, findings);
    const terms = {
      feeBps: () => this.payword.feeBps,
      paid: (payment: Payment) => {
        this.payword.invoices.buy(payment);
        this.notes.sell(payment);
      },
    };
    this.cheques = new ChequeModel(terms, about);
    for (const licence of own.licences) this.scrip.grant(licence);
  }

  /** What a replay from here on has to know beside the shelves. */
  get kept() {
    const { vendors, vouchers, invites, scrip, payword, ecash, peers, cheques, notes } = this;
    return {
      ...{ vendors, vouchers, invites, cleared: this.#cleared, scrip: scrip.kept },
      ...{ payword: payword.kept, ecash: ecash.kept, peers: peers.kept, cheques: cheques.kept, notes: notes.kept },
    };
  }

  /** Goes on from what another model has kept. @throws {Error} it is of another shape */
  goOn(kept: unknown): void {
    const mine = this.kept;
    refill(mine, kept);
    for (const piece of mine.scrip.pieces) this.scrip.certify(piece);
    for (const name of this.#cleared) this.moves.delete(name);
  }

  /** Call it after each entry: nobody holds anything of the model then. */
  settle(): void {
    this.#shelves.settle();
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
    this.#shelves.settle();
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
      this.scrip.take(evidence, this.#book) ||
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

  readonly #book = (at: Evidence, move: Omit<Move, 'at'>): void => this.#move(at, move);

  readonly #bookCoins: BookCoins = (at, { kind, ref, sums, told: balance }) => {
    this.#move(at, { kind, ref, sums, ...(balance ? { balance } : {}) });
  };

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

  #odd(table: string, row: string, expected: string): void {
    this.#findings.add({ table, row, expected, found: 'signed evidence of something else' });
  }
}
