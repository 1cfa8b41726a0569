// What the broker lends and on which terms: rows that no order asked for carry its signature. Day certificates and polls.

import { type Crypto, type Currency, parseJson, signObject, toBase64url, verifyObject } from '@farthing/protocol';
import { type payword, paywordCertResult } from '@farthing/protocol/broker';
import * as v from 'valibot';
import type { Books } from '../books/port.ts';
import { LAST_ORDER } from './orders.ts';
import { blob, int, num, type Row, text } from './rows.ts';

/** `line`: how far the account may be below zero. `perSite`: the largest certificate. Base units. */
export type CreditRow = {
  readonly account: string;
  readonly cur: Currency;
  readonly line: bigint;
  readonly most: bigint;
  readonly perSite: bigint;
  readonly madeMs: number;
};
/** `pollMicro`: a site reports one payment in so many base units. */
export type Terms = { readonly feeBps: number; readonly pollMicro: bigint };

export type CertRow = payword.CertRow;
export type PollRow = payword.PollRow;

export function openCredit(db: Books, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const root = toBase64url(crypto.publicKey(seed));
  const lastTerms = db.prepare('SELECT * FROM payword_terms ORDER BY n DESC LIMIT 1');
  const lastOrder = db.prepare('SELECT max(n) AS n FROM stored_order', { rows: [LAST_ORDER] });
  const addTerms = db.prepare('INSERT INTO payword_terms (n, after_n, fee_bps, poll, sig) VALUES (?, ?, ?, ?, ?)');
  const getLine = db.prepare('SELECT * FROM credit_line WHERE account = ? AND cur = ?');
  const putLine = db.prepare(
    `INSERT INTO credit_line (account, cur, line, most, per_site, made_ms, sig) VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (account, cur) DO UPDATE SET line = excluded.line, most = excluded.most, per_site = excluded.per_site,
     made_ms = excluded.made_ms, sig = excluded.sig`,
  );
  const putKey = db.prepare(
    `INSERT INTO payword_key (vnd, key, rid, sig) VALUES (?, ?, ?, ?)
     ON CONFLICT (vnd) DO UPDATE SET key = excluded.key, rid = excluded.rid, sig = excluded.sig`,
  );
  const getKey = db.prepare('SELECT * FROM payword_key WHERE vnd = ?');
  const addCert = db.prepare('INSERT INTO daycert (sub, exp, account, doc) VALUES (?, ?, ?, ?)');
  const getCert = db.prepare('SELECT * FROM daycert WHERE sub = ? AND exp = ?');
  const newest = db.prepare('SELECT * FROM daycert WHERE sub = ? ORDER BY exp DESC LIMIT 1');
  const getPoll = db.prepare('SELECT day, guess FROM poll WHERE account = ? AND cur = ?');
  const putPoll = db.prepare(
    `INSERT INTO poll (account, cur, day, guess) VALUES (?, ?, ?, ?)
     ON CONFLICT (account, cur) DO UPDATE SET day = excluded.day, guess = excluded.guess`,
  );

  const readTerms = (): Terms | undefined => {
    const row = lastTerms.get();
    return row && { feeBps: num(row, 'fee_bps'), pollMicro: int(row, 'poll') };
  };

  return {
    /** @throws {Error} the broker has not started on these books yet */
    terms(): Terms {
      const terms = readTerms();
      if (!terms) throw new Error('no terms were set');
      return terms;
    },
    /** What orders from now on are dealt with by. */
    setTerms({ feeBps, pollMicro }: Terms): void {
      const before = readTerms();
      if (before?.feeBps === feeBps && before.pollMicro === pollMicro) return;
      const row = lastTerms.get();
      const n = row ? num(row, 'n') + 1 : 1;
      const after = lastOrder.get()?.['n'] ?? 0n;
      const signed = { typ: 'payword-terms-row/1', n, after: String(after), feeBps, poll: pollMicro.toString() };
      addTerms.run(n, after, feeBps, pollMicro, signObject(signed, seed, crypto));
    },
    /** @throws {Error} the row was edited: its signature does not fit */
    line(name: string, cur: Currency): CreditRow | undefined {
      const row = getLine.get(name, cur);
      if (!row) return undefined;
      const found = {
        account: name,
        cur,
        line: int(row, 'line'),
        most: int(row, 'most'),
        perSite: int(row, 'per_site'),
        madeMs: num(row, 'made_ms'),
      };
      if (!verifyObject(lineText(found), root, text(row, 'sig'), crypto)) {
        throw new Error('a credit line does not carry this broker’s signature');
      }
      return found;
    },
    /** Grants, raises or lowers a line; lowering it does not ask back what is owed. */
    setLine(wish: Omit<CreditRow, 'most'>): void {
      const before = this.line(wish.account, wish.cur);
      const most = before && before.most > wish.line ? before.most : wish.line;
      const row = { ...wish, most };
      const sig = signObject(lineText(row), seed, crypto);
      putLine.run(row.account, row.cur, row.line, most, row.perSite, row.madeMs, sig);
    },
    putKey(vnd: string, { key, rid }: { key: Uint8Array; rid: string }): void {
      const signed = { typ: 'payword-key-row/1', vnd, rid, hash: toBase64url(crypto.sha256(key)) };
      putKey.run(vnd, key, rid, signObject(signed, seed, crypto));
    },
    key(vnd: string): Uint8Array | undefined {
      const row = getKey.get(vnd);
      return row && blob(row, 'key');
    },
    addCert({ cert, account }: CertRow): void {
      addCert.run(cert.sub, cert.exp, account, JSON.stringify(cert));
    },
    cert(sub: string, exp: number): CertRow | undefined {
      const row = getCert.get(sub, exp);
      return row && certOf(row);
    },
    /** The newest one of a pseudonym. */
    certOf(sub: string): CertRow | undefined {
      const row = newest.get(sub);
      return row && certOf(row);
    },
    poll(name: string, cur: Currency): PollRow | undefined {
      const row = getPoll.get(name, cur);
      return row && { account: name, day: num(row, 'day'), estimate: int(row, 'guess') };
    },
    setPoll({ account, day, estimate }: PollRow, cur: Currency): void {
      putPoll.run(account, cur, day, estimate);
    },
  };
}

const lineText = ({ account, cur, line, most, perSite, madeMs }: CreditRow) => ({
  typ: 'credit-line-row/1',
  account,
  cur,
  line: line.toString(),
  most: most.toString(),
  perSite: perSite.toString(),
  at: madeMs,
});

const certOf = (row: Row): CertRow => ({
  cert: v.parse(paywordCertResult.entries.cert, parseJson(text(row, 'doc'))),
  account: text(row, 'account'),
});
