// Chains that were sold, deals that can be claimed, and what of them was.

import { canonicalJson, parseJson } from '@farthing/protocol';
import { type payword, paywordBuyOrder } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { account, type Posting } from './journal.ts';
import { int, num, type Row, text, textOrNull } from './rows.ts';
import { currencyOf } from './scrip.ts';
import type { BatchRow } from './vendors.ts';

export type DealRow = payword.DealRow;
/** `credited`: sum over its deals. */
export type ChainRow = payword.ChainRow & { readonly credited: bigint };
/** `doc`: the deed as the broker knows it, for a third party, as canonical JSON. `feeBps` is what held when the deal came. */
export type KnownDeal = { readonly deal: DealRow; readonly feeBps: number; readonly doc: string };
export type PaywordAlarm = {
  readonly n: number;
  readonly session: string;
  readonly cum: bigint;
  readonly why: string;
  /** Canonical JSON; empty when there is none. */
  readonly deed: string;
};

export function openPayword(db: Books) {
  const addChain = db.prepare(
    `INSERT INTO chain (id, account, cur, unit, n, anchor, next, tickets, credited, refunded, exp, closed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const getChain = db.prepare('SELECT * FROM chain WHERE id = ?');
  const setChain = db.prepare(
    'UPDATE chain SET next = ?, tickets = ?, credited = ?, refunded = ?, closed = ? WHERE id = ?',
  );
  const creditChain = db.prepare('UPDATE chain SET credited = credited + ? WHERE id = ?');
  const ended = db.prepare(
    'SELECT * FROM chain WHERE credited + refunded < n * unit AND exp < ? ORDER BY exp, id LIMIT ?',
  );
  const addDeal = db.prepare(
    `INSERT INTO deal (session, funding, source, vnd, cur, fee_bps, exp, cap, claimable, credited, closed, bounds, doc)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const setDeal = db.prepare('UPDATE deal SET claimable = ?, credited = ?, closed = ?, doc = ? WHERE session = ?');
  const addLink = db.prepare(
    `INSERT INTO deal_chain (session, a, kind, id, unit, first, last, n, hi, word, y_end)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const setLink = db.prepare('UPDATE deal_chain SET hi = ?, word = ?, y_end = ? WHERE session = ? AND a = ?', {
    rows: ['deal_chain WHERE session = ?4'],
  });
  const getDeal = db.prepare('SELECT * FROM deal WHERE session = ?');
  const getLinks = db.prepare('SELECT * FROM deal_chain WHERE session = ? ORDER BY a');
  const ofChain = db.prepare("SELECT * FROM deal WHERE source = ? AND funding = 'prepaid' ORDER BY session");
  const getUsed = db.prepare('SELECT used FROM bound_used WHERE key = ?');
  const addUsed = db.prepare(
    'INSERT INTO bound_used (key, used) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET used = used + excluded.used',
  );
  const lastBatch = db.prepare('SELECT n, hash FROM payword_batch WHERE vnd = ? ORDER BY n DESC LIMIT 1');
  const addBatch = db.prepare(
    'INSERT INTO payword_batch (hash, vnd, n, prev, from_key, rid, credited, fee) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const addAlarm = db.prepare(
    'INSERT INTO payword_alarm (batch, n, vnd, session, cum, why, deed) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );

  const known = (row: Row): KnownDeal => dealOf(row, getLinks.all(text(row, 'session')));

  return {
    addChain(chain: ChainRow): void {
      const { id, cur, unit, anchor, next, tickets, credited, refunded, exp } = chain;
      const closed = chain.closed ? 1 : 0;
      const json = canonicalJson(anchor);
      addChain.run(id, chain.account, cur, unit, anchor.n, json, next, tickets, credited, refunded, exp, closed);
    },
    chain(id: string): ChainRow | undefined {
      const row = getChain.get(id);
      return row && chainOf(row);
    },
    setChain({ id, next, tickets, credited, refunded, closed }: ChainRow): void {
      setChain.run(next, tickets, credited, refunded, closed ? 1 : 0, id);
    },
    /** Chains that expired before a moment (seconds) and still hold money. */
    ended: (before: number, most: number): ChainRow[] => ended.all(before, most).map(chainOf),

    /** Adds to what was paid of a chain that was sold. */
    creditChain(id: string, amount: bigint): void {
      if (Number(creditChain.run(amount, id).changes) !== 1) throw new Error(`there is no chain ${id}`);
    },

    addDeal({ deal, feeBps, doc }: KnownDeal): void {
      const { session, funding, source, vnd, cur, exp, cap, claimable, credited } = deal;
      const bounds = canonicalJson(deal.bounds.map(({ key, limit }) => ({ key, limit: limit.toString() })));
      const row = [session, funding, source, vnd, cur, feeBps, exp, cap, claimable, credited] as const;
      addDeal.run(...row, deal.closed ? 1 : 0, bounds, doc);
      deal.chains.forEach((chain, a) => {
        const { kind, id, unit, lo, to, n, hi, at, yEnd = null } = chain;
        addLink.run(session, a, kind, id, unit, lo + 1, to, n, hi, at, yEnd);
      });
    },
    /** Names a deal that will be asked for. */
    gatherDeal(session: string): void {
      getDeal.get(session);
      getLinks.all(session);
    },
    /** A deal that is known, where it and its chains have moved on. */
    setDeal({ deal, doc }: Omit<KnownDeal, 'feeBps'>, before: DealRow): void {
      setDeal.run(deal.claimable, deal.credited, deal.closed ? 1 : 0, doc, deal.session);
      deal.chains.forEach(({ hi, at, yEnd = null }, a) => {
        if (hi !== before.chains[a]?.hi) setLink.run(hi, at, yEnd, deal.session, a);
      });
    },
    deal(session: string): KnownDeal | undefined {
      const row = getDeal.get(session);
      return row && known(row);
    },
    /** All tickets of a chain. */
    tickets: (chain: string): KnownDeal[] => ofChain.all(chain).map(known),

    used(key: string): bigint {
      const row = getUsed.get(key);
      return row ? int(row, 'used') : 0n;
    },
    use(key: string, amount: bigint): void {
      addUsed.run(key, amount);
    },

    lastBatch(vnd: string): { n: number; hash: string } {
      const row = lastBatch.get(vnd);
      return row ? { n: num(row, 'n'), hash: text(row, 'hash') } : { n: 0, hash: '' };
    },
    addBatch(batch: BatchRow, alarms: readonly PaywordAlarm[]): void {
      const { hash, vnd } = batch;
      addBatch.run(hash, vnd, batch.n, batch.prev, batch.from, batch.rid, batch.credited, batch.fee);
      for (const { n, session, cum, why, deed } of alarms) {
        addAlarm.run(hash, n, vnd, session, cum, why, deed);
      }
    },
  };
}

/** A posting on the float of one chain. */
export const onChain = ({ id, cur }: Pick<ChainRow, 'id' | 'cur'>, amount: bigint): Posting => ({
  account: account.chains,
  sub: id,
  cur,
  amount,
});

const chainOf = (row: Row): ChainRow => ({
  id: text(row, 'id'),
  account: text(row, 'account'),
  cur: currencyOf(row),
  unit: int(row, 'unit'),
  anchor: v.parse(paywordBuyOrder.entries.anchor, parseJson(text(row, 'anchor'))),
  next: num(row, 'next'),
  tickets: num(row, 'tickets'),
  credited: int(row, 'credited'),
  refunded: int(row, 'refunded'),
  exp: num(row, 'exp'),
  closed: int(row, 'closed') === 1n,
});

const boundsSchema = v.array(
  v.object({
    key: v.string(),
    limit: v.pipe(
      v.string(),
      v.transform((limit) => BigInt(limit)),
    ),
  }),
);

function dealOf(row: Row, links: readonly Row[]): KnownDeal {
  const funding = text(row, 'funding') === 'credit' ? 'credit' : 'prepaid';
  return {
    deal: {
      session: text(row, 'session'),
      funding,
      source: text(row, 'source'),
      vnd: text(row, 'vnd'),
      cur: currencyOf(row),
      exp: num(row, 'exp'),
      cap: int(row, 'cap'),
      claimable: int(row, 'claimable'),
      credited: int(row, 'credited'),
      closed: int(row, 'closed') === 1n,
      bounds: v.parse(boundsSchema, parseJson(text(row, 'bounds'))),
      chains: links.map(linkOf),
    },
    feeBps: num(row, 'fee_bps'),
    doc: text(row, 'doc'),
  };
}

function linkOf(row: Row): payword.ClaimedChain {
  const yEnd = textOrNull(row, 'y_end');
  return {
    kind: text(row, 'kind') === 'x' ? 'x' : 'payword',
    id: text(row, 'id'),
    unit: int(row, 'unit'),
    lo: num(row, 'first') - 1,
    to: num(row, 'last'),
    n: num(row, 'n'),
    hi: num(row, 'hi'),
    at: text(row, 'word'),
    ...(yEnd === undefined ? {} : { yEnd }),
  };
}
