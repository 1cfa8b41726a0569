// What a row of the table of orders is.
import { decode, type JsonObject, limits, type ProblemCode } from '@farthing/protocol';
import type * as v from 'valibot';
import type { Ledger } from '../ledger/ledger.ts';
import type { AheadStep } from '../services/ahead-step.ts';
import type { Ahead, OrderStep } from '../services/step.ts';

export type OrderRoute = {
  readonly path: string;
  readonly typ: string;
  readonly summary: string;
  readonly order: v.GenericSchema;
  readonly result: v.GenericSchema;
  /** False for reads, which are answered afresh. */
  readonly stored: boolean;
  /** Of the body; more than one request usually has only where it says so. */
  readonly bodyBytes: number;
  /** The order comes in the header Farthing-Order, and the body is something else. */
  readonly orderInHeader: boolean;
  /** What it may refuse with, beside what every order may. */
  readonly problems: readonly ProblemCode[];
  /** Decodes strictly, and says what to do. @throws {PaymentProblem} `request-malformed` */
  prepare(json: unknown): Prepared;
};

export type Prepared = {
  /** Work that needs no transaction, and that others should not wait for. */
  readonly ahead?: (step: AheadStep) => Promise<Ahead>;
  /** Names rows that `run` will ask for, so that they are brought together. What is left out costs a journey of its own. */
  readonly foresee?: ((ledger: Ledger) => void) | undefined;
  /** Inside the transaction. */
  readonly run: (step: OrderStep) => JsonObject;
};

type OrderSchema = v.GenericSchema & { readonly entries: { readonly typ: { readonly literal: string } } };

type Definition<Order extends OrderSchema> = {
  path: string;
  summary: string;
  order: Order;
  result: v.GenericSchema;
  read?: true;
  bodyBytes?: number;
  orderInHeader?: true;
  problems?: readonly ProblemCode[];
  ahead?(order: v.InferOutput<Order>, step: AheadStep): Promise<Ahead>;
  foresee?(order: v.InferOutput<Order>, ledger: Ledger): void;
  run(order: v.InferOutput<Order>, step: OrderStep): JsonObject;
};

export function route<Order extends OrderSchema>(definition: Definition<Order>): OrderRoute {
  const { path, summary, order, result, ahead, foresee, run } = definition;
  return {
    path,
    typ: order.entries.typ.literal,
    summary,
    order,
    result,
    stored: definition.read !== true,
    bodyBytes: definition.bodyBytes ?? limits.bodyBytes,
    orderInHeader: definition.orderInHeader === true,
    problems: definition.problems ?? [],
    prepare(json) {
      const decoded = decode(order, json, 'request-malformed');
      return {
        ...(ahead ? { ahead: (step) => ahead(decoded, step) } : {}),
        ...(foresee ? { foresee: (ledger) => foresee(decoded, ledger) } : {}),
        run: (step) => run(decoded, step),
      };
    },
  };
}
