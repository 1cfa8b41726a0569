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
import type { Cells, Findings } from './findings.ts';
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

/** `evidence` is absent where it is not genuine. */
export type Read = { readonly n: bigint; readonly evidence: Evidence | undefined };

/** Reads the orders after number `after` one by one, in the order in which they were decided; what is not genuine is a finding. */
export function* readEvidence(
  db: DatabaseSync,
  broker: { brk: string; root: string; crypto: Crypto },
  findings: Findings,
  { after, upTo }: { after: number; upTo?: number | undefined },
): Generator<Read> {
  let next = BigInt(after) + 1n;
  const bound = upTo === undefined ? '' : `WHERE n <= ${upTo}`;
  const columns = 'n, from_key, rid, typ, hash, body, answer';
  for (const row of rowsOf(db, `SELECT ${columns} FROM stored_order ${bound} ORDER BY n`)) {
    if (row['n'] !== next) {
      const at = { table: 'stored_order', row: nameOf(row), column: 'n' };
      findings.add({ ...at, expected: String(next), found: String(row['n']) });
    }
    const n = typeof row['n'] === 'bigint' ? row['n'] : next;
    next = n + 1n;
    yield { n, evidence: genuine(row, broker, findings) };
  }
}

const nameOf = (row: Cells): string => `${textCell(row, 'from_key')} ${textCell(row, 'rid')}`;

function genuine(
  row: Cells,
  broker: { brk: string; root: string; crypto: Crypto },
  findings: Findings,
): Evidence | undefined {
  const fault = (column: string, expected: string, found: string): undefined => {
    findings.add({ table: 'stored_order', row: nameOf(row), column, expected, found });
  };
  const body = textCell(row, 'body');
  const order = signedOf(body);
  const answer = signedOf(textCell(row, 'answer'));
  const hash = toBase64url(broker.crypto.sha256(utf8(body)));
  if (hash !== row['hash']) fault('hash', hash, textCell(row, 'hash'));
  if (!order || !isSigned(order, order['from'], broker.crypto)) {
    return fault('body', 'an order signed by its sender', 'another');
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
    return fault('answer', 'an answer signed by this broker for this order', 'another');
  }
  const { typ } = order;
  return { from: String(order['from']), rid: String(order['rid']), typ, order, at, result };
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

/** An order and its answer. */
export type Asked<Order extends v.GenericSchema, Result extends v.GenericSchema> = {
  readonly o: v.InferOutput<Order>;
  readonly r: v.InferOutput<Result>;
};

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
