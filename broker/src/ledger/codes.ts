// Voucher and invite codes: stored hashed and signed by the broker, used once.

import { type Crypto, type Currency, signObject, toBase64url, utf8, verifyObject } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { int, num, text } from './rows.ts';
import { currencyOf } from './scrip.ts';

/** Crockford's base 32: no I, L, O, U, so that a code survives handwriting. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** 80 random bits as four groups of four letters. */
export function newCode(random: (length: number) => Uint8Array): string {
  // One byte a letter: 256 is a multiple of 32, so the lowest five bits are even.
  const letters = [...random(16)].map((byte) => LETTERS.charAt(byte & 31)).join('');
  return (letters.match(/.{4}/g) ?? []).join('-');
}

export type VoucherRow = { amount: bigint; cur: Currency; used: boolean };
export type Codes = ReturnType<typeof openCodes>;

export function openCodes(db: Books, { crypto, seed }: { crypto: Crypto; seed: Uint8Array }) {
  const root = toBase64url(crypto.publicKey(seed));
  const addVoucher = db.prepare('INSERT INTO voucher (hash, amount, cur, made_ms, sig) VALUES (?, ?, ?, ?, ?)');
  const getVoucher = db.prepare('SELECT * FROM voucher WHERE hash = ?');
  const useVoucher = db.prepare(
    'UPDATE voucher SET used_from = ?, used_rid = ?, used_ms = ? WHERE hash = ? AND used_ms IS NULL',
  );
  const addInvite = db.prepare('INSERT INTO invite (hash, made_ms, sig) VALUES (?, ?, ?)');
  const useInvite = db.prepare('UPDATE invite SET used_vnd = ?, used_at = ? WHERE hash = ? AND used_at IS NULL');

  const voucherText = (hash: string, { amount, cur, madeMs }: { amount: bigint; cur: Currency; madeMs: number }) => ({
    typ: 'voucher-row/1',
    hash,
    amount: amount.toString(),
    cur,
    at: madeMs,
  });

  return {
    addVoucher(code: string, made: { amount: bigint; cur: Currency; madeMs: number }): void {
      const hash = codeHash(code, crypto);
      const sig = signObject(voucherText(hash, made), seed, crypto);
      addVoucher.run(hash, made.amount, made.cur, made.madeMs, sig);
    },
    /** @throws {Error} the row was edited: its signature does not fit */
    voucher(code: string): VoucherRow | undefined {
      const hash = codeHash(code, crypto);
      const row = getVoucher.get(hash);
      if (!row) return undefined;
      const found = { amount: int(row, 'amount'), cur: currencyOf(row), madeMs: num(row, 'made_ms') };
      if (!verifyObject(voucherText(hash, found), root, text(row, 'sig'), crypto)) {
        throw new Error('a voucher row does not carry this broker’s signature');
      }
      return { ...found, used: row['used_ms'] !== null };
    },
    /** The update says who won. */
    useVoucher: (code: string, by: { from: string; rid: string; atMs: number }): boolean =>
      Number(useVoucher.run(by.from, by.rid, by.atMs, codeHash(code, crypto)).changes) === 1,
    addInvite(code: string, madeMs: number): void {
      const hash = codeHash(code, crypto);
      const row = { typ: 'invite-row/1', hash, at: madeMs };
      addInvite.run(hash, madeMs, signObject(row, seed, crypto));
    },
    useInvite: (code: string, by: { vnd: string; at: number }): boolean =>
      Number(useInvite.run(by.vnd, by.at, codeHash(code, crypto)).changes) === 1,
  };
}

const codeHash = (code: string, crypto: Crypto): string =>
  toBase64url(crypto.sha256(utf8(`farthing/code/1\0${code.toUpperCase()}`)));
