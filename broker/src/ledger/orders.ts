// Orders with their answers, by (from, rid): what makes every repeat safe and every call evidence.

import { isProblemCode, type JsonObject, type Order, PaymentProblem } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { blob, text, textOrNull } from './rows.ts';

export type OrderBook = ReturnType<typeof openOrders>;

/** `body` is the canonical JSON of the whole order, signature included; `hash` its SHA-256; `signed` what the signature covers. */
export type OrderText = { readonly body: string; readonly signed: string; readonly hash: Uint8Array };

export function openOrders(db: Books) {
  const get = db.prepare(
    `SELECT hash, answer, NULL AS code, NULL AS extra FROM stored_order WHERE from_key = ?1 AND rid = ?2
     UNION ALL SELECT hash, NULL, code, extra FROM refusal WHERE from_key = ?1 AND rid = ?2 LIMIT 1`,
  );
  const add = db.prepare('INSERT INTO stored_order (from_key, rid, typ, hash, body, answer) VALUES (?, ?, ?, ?, ?, ?)');
  const addRefusal = db.prepare(
    'INSERT INTO refusal (from_key, rid, hash, code, extra, until_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const forget = db.prepare('DELETE FROM refusal WHERE until_ms < ?');

  const same = (stored: Uint8Array, asked: Uint8Array): void => {
    if (Buffer.compare(stored, asked) !== 0) throw new PaymentProblem('rid-conflict');
  };

  return {
    /**
     * The stored answer, or `undefined` for an order that was not seen.
     * @throws {PaymentProblem} `rid-conflict` for other content; the problem it was refused with
     */
    find({ from, rid }: Order, { hash }: OrderText): string | undefined {
      const row = get.get(from, rid);
      if (!row) return undefined;
      same(blob(row, 'hash'), hash);
      const code = textOrNull(row, 'code');
      if (code === undefined) return text(row, 'answer');
      if (!isProblemCode(code)) throw new Error(`refusal with an unknown code ${code}`);
      throw new PaymentProblem(code, JSON.parse(text(row, 'extra')) as PaymentProblem['extra']);
    },
    add({ from, rid, typ }: Order, { body, hash }: OrderText, answer: string): void {
      add.run(from, rid, typ, hash, body, answer);
    },
    refuse({ from, rid }: Order, { hash }: OrderText, refusal: { problem: PaymentProblem; untilMs: number }): void {
      const extra: JsonObject = { ...refusal.problem.extra };
      addRefusal.run(from, rid, hash, refusal.problem.code, JSON.stringify(extra), refusal.untilMs);
    },
    forgetRefusals: (nowMs: number): void => {
      forget.run(nowMs);
    },
  };
}
