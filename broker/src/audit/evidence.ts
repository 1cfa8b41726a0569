// Stored orders as evidence: signed by who asked, answered under the broker's signature, stored as they were.
import type { DatabaseSync } from 'node:sqlite';
import {
  type Crypto,
  canonicalJson,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
  toBase64url,
  tryDecode,
  utf8,
  verifyObject,
} from '@farthing/protocol';
import type * as v from 'valibot';
import type { Finding, Findings } from './findings.ts';
import { rowsOf, textCell } from './tables.ts';

export type Signed = { readonly typ: string } & JsonObject;
export type Evidence = {
  readonly from: string;
  readonly rid: string;
  readonly typ: string;
  readonly order: Signed;
  /** Seconds at which the broker answered. */
  readonly at: number;
  readonly result: JsonObject;
};

/** Reads what is genuine of the orders after number `after`, in the order in which it was decided; the rest are findings. */
export function readEvidence(
  db: DatabaseSync,
  broker: { brk: string; root: string; crypto: Crypto },
  findings: Findings,
  { after, upTo }: { after: number; upTo?: number | undefined },
): Evidence[] {
  const found: Evidence[] = [];
  let next = BigInt(after) + 1n;
  const bound = upTo === undefined ? '' : `WHERE n <= ${upTo}`;
  const columns = 'n, from_key, rid, typ, hash, body, answer';
  for (const row of rowsOf(db, `SELECT ${columns} FROM stored_order ${bound} ORDER BY n`)) {
    const name = `${textCell(row, 'from_key')} ${textCell(row, 'rid')}`;
    const fault = (column: string, expected: string, what: string): void => {
      const finding: Finding = { table: 'stored_order', row: name, column, expected, found: what };
      findings.add(finding);
    };
    if (row['n'] !== next) fault('n', String(next), String(row['n']));
    next = (typeof row['n'] === 'bigint' ? row['n'] : next) + 1n;
    const body = textCell(row, 'body');
    const order = signedOf(body);
    const answer = signedOf(textCell(row, 'answer'));
    const hash = toBase64url(broker.crypto.sha256(utf8(body)));
    if (hash !== row['hash']) fault('hash', hash, textCell(row, 'hash'));
    if (!order || !isSigned(order, order['from'], broker.crypto)) {
      fault('body', 'an order signed by its sender', 'another');
      continue;
    }
    for (const [column, member] of [
      ['from_key', 'from'],
      ['rid', 'rid'],
      ['typ', 'typ'],
    ] as const) {
      if (order[member] !== row[column]) fault(column, String(order[member]), textCell(row, column));
    }
    const at = answer?.['at'];
    const result = answer?.['result'];
    const fits =
      answer &&
      answer['brk'] === broker.brk &&
      answer.typ === `${order.typ}-answer` &&
      answer['from'] === order['from'] &&
      answer['rid'] === order['rid'] &&
      isSigned(answer, broker.root, broker.crypto);
    if (!fits || typeof at !== 'number' || !isObject(result)) {
      fault('answer', 'an answer signed by this broker for this order', 'another');
      continue;
    }
    const { typ } = order;
    found.push({ from: String(order['from']), rid: String(order['rid']), typ, order, at, result });
  }
  return found;
}

/** Stored as canonical JSON, byte for byte; `undefined` for anything else. */
export function signedOf(text: string): Signed | undefined {
  const json = parseJson(text);
  return isObject(json) && isTyped(json) && canonicalJson(json) === text ? json : undefined;
}

export const isTyped = (json: JsonObject): json is Signed => typeof json['typ'] === 'string';

export function isSigned(object: Signed, key: Json | undefined, crypto: Crypto): boolean {
  const { sig } = object;
  return typeof key === 'string' && typeof sig === 'string' && verifyObject(object, key, sig, crypto);
}

/** True when both the order and its answer have these shapes. */
export function apply<Order extends v.GenericSchema, Result extends v.GenericSchema>(
  order: Order,
  result: Result,
  evidence: Pick<Evidence, 'order' | 'result'>,
  use: (order: v.InferOutput<Order>, result: v.InferOutput<Result>) => void,
): boolean {
  const asked = tryDecode(order, evidence.order);
  const answered = asked === undefined ? undefined : tryDecode(result, evidence.result);
  if (asked === undefined || answered === undefined) return false;
  use(asked, answered);
  return true;
}
