// What is kept of hosted wallets: who may open them, never a key. Every statement is prepared once.
import type { DatabaseSync } from 'node:sqlite';
import type { DayCert, Level } from '@farthing/protocol';
import { blob, num, type Row, text } from '../ledger/rows.ts';

/** How somebody is signed in: 0 by password and code, 1 by a passkey. */
export type SessionLevel = Exclude<Level, 2>;
export type Session = { readonly account: string; readonly level: SessionLevel };

export type Password = { readonly contact: string; readonly salt: Uint8Array; readonly stretch: Uint8Array };
export type Account = {
  readonly id: string;
  readonly madeMs: number;
  /** First part of the printed code, and a hash of the whole. */
  readonly handle: string;
  readonly recovery: Uint8Array;
  readonly password?: Password;
};

export type Passkey = {
  /** As the authenticator names it, base64url. */
  readonly id: string;
  readonly account: string;
  readonly publicKey: Uint8Array;
  /** What the authenticator has counted so far; 0 for those that do not count. */
  readonly counter: number;
  readonly transports: readonly string[];
  readonly madeMs: number;
};

type CertFor = { readonly account: string; readonly vnd: string; readonly cur: string; readonly level: Level };

export type Book = ReturnType<typeof openBook>;

export function openBook(db: DatabaseSync) {
  const addAccount = db.prepare(
    'INSERT INTO account (id, made_ms, contact, salt, stretch, handle, recovery) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const byContact = db.prepare('SELECT * FROM account WHERE contact = ?');
  const byHandle = db.prepare('SELECT * FROM account WHERE handle = ?');
  const setRecovery = db.prepare('UPDATE account SET handle = ?, recovery = ? WHERE id = ?');
  const addPasskey = db.prepare(
    'INSERT INTO passkey (id, account, public_key, counter, transports, made_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const passkey = db.prepare('SELECT * FROM passkey WHERE id = ?');
  const passkeys = db.prepare('SELECT * FROM passkey WHERE account = ? ORDER BY made_ms, id');
  const count = db.prepare(
    'UPDATE passkey SET counter = ?2 WHERE id = ?1 AND (counter < ?2 OR (counter = 0 AND ?2 = 0))',
  );
  const removePasskey = db.prepare(
    'DELETE FROM passkey WHERE id = ?1 AND account = ?2 AND (SELECT count(*) FROM passkey WHERE account = ?2) > 1',
  );
  const addSession = db.prepare('INSERT INTO session (hash, account, level, until_ms) VALUES (?, ?, ?, ?)');
  const session = db.prepare('SELECT * FROM session WHERE hash = ? AND until_ms > ?');
  const endSession = db.prepare('DELETE FROM session WHERE hash = ?');
  const endSessions = db.prepare('DELETE FROM session WHERE account = ?');
  const forgetSessions = db.prepare('DELETE FROM session WHERE until_ms <= ?');
  const cert = db.prepare('SELECT doc FROM cert WHERE account = ? AND vnd = ? AND cur = ? AND level = ?');
  const putCert = db.prepare(
    `INSERT INTO cert (account, vnd, cur, level, doc) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (account, vnd, cur, level) DO UPDATE SET doc = excluded.doc`,
  );
  const page = db.prepare('SELECT after FROM page WHERE account = ? AND cur = ?');
  const setPage = db.prepare(
    `INSERT INTO page (account, cur, after) VALUES (?, ?, ?)
     ON CONFLICT (account, cur) DO UPDATE SET after = max(after, excluded.after)`,
  );
  const tries = db.prepare('SELECT count, until_ms FROM tries WHERE what = ?');
  const putTries = db.prepare(
    `INSERT INTO tries (what, count, until_ms) VALUES (?, ?, ?)
     ON CONFLICT (what) DO UPDATE SET count = excluded.count, until_ms = excluded.until_ms`,
  );
  const endTries = db.prepare('DELETE FROM tries WHERE what = ?');
  const forgetTries = db.prepare('DELETE FROM tries WHERE until_ms <= ?');

  return {
    addAccount({ id, madeMs, handle, recovery, password }: Account): void {
      const { contact = null, salt = null, stretch = null } = password ?? {};
      addAccount.run(id, madeMs, contact, salt, stretch, handle, recovery);
    },
    /** @param contact hashed, as it was kept */
    byContact: (contact: string): Account | undefined => accountOf(byContact.get(contact)),
    byHandle: (handle: string): Account | undefined => accountOf(byHandle.get(handle)),
    setRecovery({ id, handle, recovery }: Pick<Account, 'id' | 'handle' | 'recovery'>): void {
      setRecovery.run(handle, recovery, id);
    },
    addPasskey({ id, account, publicKey, counter, transports, madeMs }: Passkey): void {
      addPasskey.run(id, account, publicKey, counter, JSON.stringify(transports), madeMs);
    },
    passkey(id: string): Passkey | undefined {
      const row = passkey.get(id);
      return row && passkeyOf(row);
    },
    passkeys: (account: string): Passkey[] => passkeys.all(account).map(passkeyOf),
    /** False for a counter that does not go on: the passkey was copied, or this is an old answer of it. */
    count: (id: string, counter: number): boolean => Number(count.run(id, counter).changes) === 1,
    /** False for the last one, and for another account's. */
    removePasskey: (id: string, account: string): boolean => Number(removePasskey.run(id, account).changes) === 1,
    /** @param hash of the token that the browser has */
    addSession(hash: Uint8Array, { account, level, untilMs }: Session & { untilMs: number }): void {
      addSession.run(hash, account, level, untilMs);
    },
    session(hash: Uint8Array, nowMs: number): Session | undefined {
      const row = session.get(hash, nowMs);
      return row && { account: text(row, 'account'), level: num(row, 'level') === 1 ? 1 : 0 };
    },
    endSession(hash: Uint8Array): void {
      endSession.run(hash);
    },
    endSessions(account: string): void {
      endSessions.run(account);
    },
    cert({ account, vnd, cur, level }: CertFor): DayCert | undefined {
      const row = cert.get(account, vnd, cur, level);
      // As the broker signed it and this file kept it.
      return row && (JSON.parse(text(row, 'doc')) as DayCert);
    },
    putCert({ account, vnd, cur, level }: CertFor, doc: DayCert): void {
      putCert.run(account, vnd, cur, level, JSON.stringify(doc));
    },
    /** Number of the entry after which the last movements of an account lie; never less than before. */
    pageAfter(account: string, cur: string): number {
      const row = page.get(account, cur);
      return row ? num(row, 'after') : 0;
    },
    setPageAfter(account: string, cur: string, after: number): void {
      setPage.run(account, cur, after);
    },
    tries(what: string): { count: number; untilMs: number } {
      const row = tries.get(what);
      return row ? { count: num(row, 'count'), untilMs: num(row, 'until_ms') } : { count: 0, untilMs: 0 };
    },
    setTries(what: string, { count: made, untilMs }: { count: number; untilMs: number }): void {
      putTries.run(what, made, untilMs);
    },
    endTries(what: string): void {
      endTries.run(what);
    },
    /** What has ended, a day after it counts no more. */
    forget(nowMs: number, dayMs: number): void {
      forgetSessions.run(nowMs);
      forgetTries.run(nowMs - dayMs);
    },
  };
}

function accountOf(row: Row | undefined): Account | undefined {
  if (!row) return undefined;
  const { contact } = row;
  return {
    id: text(row, 'id'),
    madeMs: num(row, 'made_ms'),
    handle: text(row, 'handle'),
    recovery: blob(row, 'recovery'),
    ...(typeof contact === 'string'
      ? { password: { contact, salt: blob(row, 'salt'), stretch: blob(row, 'stretch') } }
      : {}),
  };
}

const passkeyOf = (row: Row): Passkey => ({
  id: text(row, 'id'),
  account: text(row, 'account'),
  publicKey: blob(row, 'public_key'),
  counter: num(row, 'counter'),
  transports: JSON.parse(text(row, 'transports')) as string[],
  madeMs: num(row, 'made_ms'),
});
