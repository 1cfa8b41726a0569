// Brokers that this one clears with: how far it trusts them, what it asked them, and coins of theirs that its sites took.

import { type Crypto, type Currency, signObject, toBase64url, verifyObject } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { int, num, type Row, text, textOrNull } from './rows.ts';
import { currencyOf } from './scrip.ts';

/** `line`: how much it may owe us, in base units; `most`: the highest line it ever had. */
export type PeerRow = {
  readonly brk: string;
  readonly cur: Currency;
  readonly root: string;
  readonly url: string;
  readonly line: bigint;
  readonly most: bigint;
  readonly state: 'live' | 'ended';
  readonly madeMs: number;
};
/** What we ask a peer, before it is numbered. `vnd`, `challenge`: empty unless it is to take a payment. */
export type NewPeerOrder = {
  readonly brk: string;
  readonly from: string;
  readonly rid: string;
  readonly vnd: string;
  readonly challenge: string;
  readonly body: string;
};
export type PeerOrderRow = NewPeerOrder & { readonly n: number; readonly answer: string | undefined };
export type PeerPaymentState = 'asked' | 'held' | 'paid' | 'void' | 'false';
/** `until`, `paidAt`: seconds, as the other broker says; 0 before. */
export type PeerPaymentRow = {
  readonly vnd: string;
  readonly challenge: string;
  readonly brk: string;
  readonly cur: Currency;
  readonly amount: bigint;
  readonly hash: string;
  readonly ask: number;
  /** The order that ended its hold; 0 before. */
  readonly endedBy: number;
  readonly state: PeerPaymentState;
  readonly until: number;
  readonly paidAt: number;
};

export function openPeers(db: Books, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const root = toBase64url(crypto.publicKey(seed));
  const get = db.prepare('SELECT * FROM peer WHERE brk = ? AND cur = ?');
  const all = db.prepare('SELECT * FROM peer ORDER BY brk, cur');
  const put = db.prepare(
    `INSERT INTO peer (brk, cur, root, url, line, most, state, made_ms, sig) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (brk, cur) DO UPDATE SET url = excluded.url, line = excluded.line, most = excluded.most,
     state = excluded.state, made_ms = excluded.made_ms, sig = excluded.sig`,
  );
  const getVendor = db.prepare('SELECT brk, pk FROM peer_vendor WHERE vnd = ?');
  const addVendor = db.prepare('INSERT INTO peer_vendor (vnd, brk, pk) VALUES (?, ?, ?)');
  const getAsk = db.prepare('SELECT * FROM peer_order WHERE n = ?');
  const askOf = db.prepare('SELECT * FROM peer_order WHERE from_key = ? AND order_rid = ? LIMIT 1', {
    rows: ['peer_order WHERE from_key = ?1 AND order_rid = ?2'],
  });
  const openAsks = db.prepare('SELECT * FROM peer_order WHERE answer IS NULL AND n > ? ORDER BY n LIMIT ?');
  const lastAsk = db.prepare('SELECT max(n) AS n FROM peer_order WHERE vnd = ? AND challenge = ?');
  const addAsk = db.prepare(
    `INSERT INTO peer_order (brk, from_key, order_rid, vnd, challenge, body, answer) VALUES (?, ?, ?, ?, ?, ?, NULL)
     RETURNING n`,
    { rows: ['peer_order ORDER BY n DESC LIMIT 1'] },
  );
  const setAnswer = db.prepare('UPDATE peer_order SET answer = ? WHERE n = ? AND answer IS NULL');
  const dropAsk = db.prepare('DELETE FROM peer_order WHERE n = ? AND answer IS NULL');
  const getPayment = db.prepare('SELECT * FROM peer_payment WHERE vnd = ? AND challenge = ?');
  const addPayment = db.prepare(
    `INSERT INTO peer_payment (vnd, challenge, brk, cur, amount, hash, ask, ended_by, state, until, paid_at, cleared)
     VALUES (?, ?, ?, ?, ?, ?, ?, 0, 'asked', 0, 0, 0)`,
  );
  const setPayment = db.prepare(
    'UPDATE peer_payment SET ask = ?, ended_by = ?, state = ?, until = ?, paid_at = ? WHERE vnd = ? AND challenge = ?',
  );
  const dropPayment = db.prepare('DELETE FROM peer_payment WHERE vnd = ? AND challenge = ?');
  const endHolds = db.prepare(
    `UPDATE peer_payment SET state = 'void', until = 0 WHERE state = 'held' AND until < ?
     AND NOT EXISTS (SELECT 1 FROM peer_order o WHERE o.brk = peer_payment.brk AND o.answer IS NULL)`,
    { rows: ["peer_payment WHERE state = 'held' AND until < ?1", 'peer_order WHERE answer IS NULL'] },
  );
  const reserved = db.prepare(
    "SELECT coalesce(sum(amount), 0) AS amount FROM peer_payment WHERE brk = ? AND cur = ? AND state IN ('asked', 'held')",
  );

  const peerOf = (row: Row): PeerRow => {
    const found = {
      ...{ brk: text(row, 'brk'), cur: currencyOf(row), root: text(row, 'root'), url: text(row, 'url') },
      ...{ line: int(row, 'line'), most: int(row, 'most') },
      state: row['state'] === 'live' ? ('live' as const) : ('ended' as const),
      madeMs: num(row, 'made_ms'),
    };
    if (!verifyObject(peerText(found), root, text(row, 'sig'), crypto)) {
      throw new Error('the row of a peer does not carry this broker’s signature');
    }
    return found;
  };

  return {
    /** @throws {Error} the row was edited: its signature does not fit */
    get(brk: string, cur: Currency): PeerRow | undefined {
      const row = get.get(brk, cur);
      return row && peerOf(row);
    },
    all: (): PeerRow[] => all.all().map(peerOf),
    /** Adds a peer, or changes its address, its line or its state. Its key never changes: its name is made of it. */
    put(wish: Omit<PeerRow, 'most'>): void {
      const before = this.get(wish.brk, wish.cur);
      const most = before && before.most > wish.line ? before.most : wish.line;
      const row = { ...wish, most };
      const sig = signObject(peerText(row), seed, crypto);
      put.run(row.brk, row.cur, row.root, row.url, row.line, most, row.state, row.madeMs, sig);
    },

    /** Whose a name of another broker's site is. */
    vendor(vnd: string): { brk: string; pk: string } | undefined {
      const row = getVendor.get(vnd);
      return row && { brk: text(row, 'brk'), pk: text(row, 'pk') };
    },
    addVendor(vnd: string, { brk, pk }: { brk: string; pk: string }): void {
      addVendor.run(vnd, brk, pk);
    },

    ask(n: number): PeerOrderRow | undefined {
      const row = getAsk.get(n);
      return row && askRow(row);
    },
    /** By the site's order in it. */
    askOf({ from, rid }: { from: string; rid: string }): PeerOrderRow | undefined {
      const row = askOf.get(from, rid);
      return row && askRow(row);
    },
    /** Those after number `after` that have no answer, oldest first. */
    openAsks: (after: number, most: number): PeerOrderRow[] => openAsks.all(after, most).map(askRow),
    addAsk({ brk, from, rid, vnd, challenge, body }: NewPeerOrder): PeerOrderRow {
      const row = addAsk.get(brk, from, rid, vnd, challenge, body);
      if (!row) throw new Error('an order to a peer was not written');
      return { brk, from, rid, vnd, challenge, body, n: num(row, 'n'), answer: undefined };
    },
    setAnswer(n: number, answer: string): void {
      setAnswer.run(answer, n);
    },
    /** It was refused: nothing was done. A payment that it should have taken is as it was before. */
    dropAsk({ n, vnd, challenge }: PeerOrderRow): void {
      if (Number(dropAsk.run(n).changes) === 0 || challenge === '') return;
      const before = lastAsk.get(vnd, challenge)?.['n'];
      const payment = this.payment(vnd, challenge);
      if (payment && typeof before === 'bigint') this.setPayment({ ...payment, ask: Number(before), state: 'void' });
      else dropPayment.run(vnd, challenge);
    },

    payment(vnd: string, challenge: string): PeerPaymentRow | undefined {
      const row = getPayment.get(vnd, challenge);
      return row && paymentRow(row);
    },
    addPayment({
      vnd,
      challenge,
      brk,
      cur,
      amount,
      hash,
      ask,
    }: Omit<PeerPaymentRow, 'endedBy' | 'state' | 'until' | 'paidAt'>): void {
      addPayment.run(vnd, challenge, brk, cur, amount, hash, ask);
    },
    setPayment({ vnd, challenge, ask, endedBy, state, until, paidAt }: PeerPaymentRow): void {
      setPayment.run(ask, endedBy, state, until, paidAt, vnd, challenge);
    },
    /** Holds whose time (seconds) was over before a moment, at peers that we wait for nothing from: they have ended there too. */
    endHolds: (before: number): void => {
      endHolds.run(before);
    },
    /** What a peer may come to owe us by payments that it was asked for or holds. */
    reserved(brk: string, cur: Currency): bigint {
      const row = reserved.get(brk, cur);
      return row ? int(row, 'amount') : 0n;
    },
  };
}

const peerText = ({ brk, cur, root, url, line, most, state, madeMs }: PeerRow) => ({
  typ: 'peer-row/1',
  ...{ brk, cur, root, url, line: line.toString(), most: most.toString(), state, at: madeMs },
});

const askRow = (row: Row): PeerOrderRow => ({
  ...{ n: num(row, 'n'), brk: text(row, 'brk'), from: text(row, 'from_key'), rid: text(row, 'order_rid') },
  ...{ vnd: text(row, 'vnd'), challenge: text(row, 'challenge'), body: text(row, 'body') },
  answer: textOrNull(row, 'answer'),
});

const states: readonly PeerPaymentState[] = ['asked', 'held', 'paid', 'void', 'false'];

const paymentRow = (row: Row): PeerPaymentRow => ({
  ...{ vnd: text(row, 'vnd'), challenge: text(row, 'challenge'), brk: text(row, 'brk'), cur: currencyOf(row) },
  ...{ amount: int(row, 'amount'), hash: text(row, 'hash'), ask: num(row, 'ask'), endedBy: num(row, 'ended_by') },
  state: states.find((state) => state === row['state']) ?? 'asked',
  ...{ until: num(row, 'until'), paidAt: num(row, 'paid_at') },
});
