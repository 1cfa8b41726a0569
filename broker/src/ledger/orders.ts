// Orders with their answers, by (from, rid): what makes every repeat safe and every call evidence.

import { isProblemCode, type JsonObject, type Order, PaymentProblem } from '@farthing/protocol';
import type { Books } from '../books/port.ts';
import { blob, text } from './rows.ts';

/** It has the highest number. */
export const LAST_ORDER = 'stored_order ORDER BY n DESC LIMIT 1';
export const LAST_ENTRY = 'journal ORDER BY seq DESC LIMIT 1';

export type OrderBook = ReturnType<typeof openOrders>;

/** `body` is the canonical JSON of the whole order, signature included; `hash` its SHA-256; `signed` what the signature covers. */
export type OrderText = { readonly body: string; readonly signed: string; readonly hash: Uint8Array };

export function openOrders(db: Books) {
  const get = db.prepare('SELECT hash, answer FROM stored_order WHERE from_key = ? AND rid = ?');
  const getRefusal = db.prepare('SELECT hash, code, extra FROM refusal WHERE from_key = ? AND rid = ?');
  const last = db.prepare('SELECT n FROM stored_order ORDER BY n DESC LIMIT 1');
  const add = db.prepare(
    'INSERT INTO stored_order (from_key, rid, typ, hash, body, answer) VALUES (?, ?, ?, ?, ?, ?)',
    {
      rows: [LAST_ORDER],
    },
  );
  const addRefusal = db.prepare(
    'INSERT INTO refusal (from_key, rid, hash, code, extra, until_ms) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const forget = db.prepare('DELETE FROM refusal WHERE until_ms < ?');

  const same = (stored: Uint8Array, asked: Uint8Array): void => {
    if (Buffer.compare(stored, asked) !== 0) throw new PaymentProblem('rid-conflict');
  };

  /** With the place of its answer, which else would be looked for when all is done. */
  const foresee = ({ from, rid }: Order): void => {
    get.get(from, rid);
    getRefusal.get(from, rid);
    last.get();
  };

  return {
    /** Names what `find` and `add` ask for. */
    foresee,
    /**
     * The stored answer, or `undefined` for an order that was not seen.
     * @throws {PaymentProblem} `rid-conflict` for other content; the problem it was refused with
     */
    find(order: Order, { hash }: OrderText): string | undefined {
      const { from, rid } = order;
      db.foresee(() => foresee(order));
      const row = get.get(from, rid);
      const refusal = getRefusal.get(from, rid);
      if (row) {
        same(blob(row, 'hash'), hash);
        return text(row, 'answer');
      }
      if (!refusal) return undefined;
      same(blob(refusal, 'hash'), hash);
      const code = text(refusal, 'code');
      if (!isProblemCode(code)) throw new Error(`refusal with an unknown code ${code}`);
      throw new PaymentProblem(code, JSON.parse(text(refusal, 'extra')) as PaymentProblem['extra']);
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
