// One durable step over typed documents: everything a step reads is named first, everything it puts is written at once.
import type { Json } from '@farthing/protocol';
import { type Doc, type DocKind, needDoc, readDoc, toJson } from './documents.ts';
import type { WalletStore } from './ports.ts';

export class Transaction {
  readonly #before: ReadonlyMap<string, Json | undefined>;
  readonly #put = new Map<string, Json | undefined>();

  constructor(keys: readonly string[], docs: readonly (Json | undefined)[]) {
    this.#before = new Map(keys.map((key, index) => [key, docs[index]]));
  }

  get<Kind extends DocKind>(kind: Kind, key: string): Doc<Kind> | undefined {
    return readDoc(kind, this.#value(key));
  }

  /** @throws {PaymentProblem} `storage-fault` */
  need<Kind extends DocKind>(kind: Kind, key: string): Doc<Kind> {
    return needDoc(kind, this.#value(key));
  }

  /** `kind` only lets the compiler check the shape. */
  put<Kind extends DocKind>(_kind: Kind, key: string, doc: Doc<Kind>): void {
    this.#put.set(key, toJson(doc));
  }

  /** An entry whose presence is all that it says. */
  mark(key: string): void {
    this.#put.set(key, {});
  }

  has(key: string): boolean {
    return this.#value(key) !== undefined;
  }

  drop(key: string): void {
    this.#put.set(key, undefined);
  }

  changes(): Record<string, Json | undefined> {
    return Object.fromEntries(this.#put);
  }

  #value(key: string): Json | undefined {
    if (!this.#before.has(key)) throw new Error(`${key} is not part of this step`);
    return this.#put.has(key) ? this.#put.get(key) : this.#before.get(key);
  }
}

/** Runs `step` on what is stored; a throw writes nothing. `step` may run more than once. */
export function transact<Result>(
  store: WalletStore,
  keys: readonly string[],
  step: (tx: Transaction) => Result,
): Promise<Result> {
  const unique = [...new Set(keys)];
  return store.update(unique, (docs) => {
    const tx = new Transaction(unique, docs);
    const result = step(tx);
    return { put: tx.changes(), result };
  });
}

export async function readOne<Kind extends DocKind>(
  store: WalletStore,
  kind: Kind,
  key: string,
): Promise<Doc<Kind> | undefined> {
  const [value] = await store.read([key]);
  return readDoc(kind, value);
}

export async function listDocs<Kind extends DocKind>(
  store: WalletStore,
  kind: Kind,
  prefix: string,
  options: { limit?: number; reverse?: boolean; before?: string } = {},
): Promise<{ key: string; doc: Doc<Kind> }[]> {
  const rows = await store.list(prefix, options);
  return rows.map(({ key, value }) => ({ key, doc: needDoc(kind, value) }));
}
