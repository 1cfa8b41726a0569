// What operations ask for, by name: what of it is here, what is missing, and what the next batch will ask for again.
import type { Row, Value } from '../port.ts';
import type { Load } from './reach.ts';

/** Rows that are needed, or an answer (`table` empty), for these values of the parameters that the load uses. */
export type Need = { readonly name: string; readonly load: Load; readonly values: readonly Value[] };

/** Rows of operations are not here yet: nothing that was decided counts. */
export class Missing extends Error {
  override name = 'Missing';
}

/** Thrown for each operation of a batch: where it comes from tells nothing, and looking for that takes as long as all the rest. */
export const MISSING = new Missing();

export class Needs {
  /** That were met, by name. */
  readonly #here = new Map<string, Need>();
  /** Of them, those that the batch which is under way asked for; then those of the last one; then those of the last two. */
  #used = new Map<string, Need>();
  #usedBefore: ReadonlyMap<string, Need> = new Map();
  #steady: readonly Need[] = [];
  readonly #answers = new Map<string, Row[]>();
  /** Short names of loads, by their text. */
  readonly #loads = new Map<string, number>();
  #missing = new Map<string, Need>();

  /** Asked for since the pass began, and not here. */
  get missing(): ReadonlyMap<string, Need> {
    return this.#missing;
  }

  /** Nothing is here. */
  get isEmpty(): boolean {
    return this.#here.size === 0;
  }

  /** Before it is asked for. */
  know({ sql }: Load): void {
    if (!this.#loads.has(sql)) this.#loads.set(sql, this.#loads.size);
  }

  begin(): void {
    this.#missing = new Map();
  }

  /** Whether it is here; else it is missing from now on. @param all of the parameters of the statement */
  isHere(load: Load, all: readonly Value[]): boolean {
    const values = used(load, all);
    const name = this.#nameOf(load, values);
    const need = this.#here.get(name);
    if (need) {
      this.#used.set(name, need);
      return true;
    }
    this.#missing.set(name, { name, load, values });
    return false;
  }

  answer(load: Load, all: readonly Value[]): Row[] {
    return this.#answers.get(this.#nameOf(load, used(load, all))) ?? [];
  }

  /** All that there is for a need was brought. */
  met(need: Need, answer?: Row[]): void {
    this.#here.set(need.name, need);
    if (answer) this.#answers.set(need.name, answer);
  }

  /** What the last batches asked for each time, and the next one will, beside what it has missed already. */
  steady(missing: readonly Need[]): readonly Need[] {
    const named = new Set(missing.map(({ name }) => name));
    return this.#steady.filter(({ name }) => !this.#here.has(name) && !named.has(name));
  }

  /** The batch is over: answers, and pages of rows, were of its moment. */
  commit(): void {
    this.#answers.clear();
    for (const [name, { load }] of this.#here) if (!load.lasts || load.table === '') this.#here.delete(name);
    this.#steady = [...this.#used.values()].filter(({ name, load }) => load.table !== '' && this.#usedBefore.has(name));
    this.#usedBefore = this.#used;
    this.#used = new Map();
  }

  clear(): void {
    this.#here.clear();
    this.#answers.clear();
    this.#used.clear();
  }

  /** Strings of other lengths cannot be taken for each other. */
  #nameOf({ sql }: Load, values: readonly Value[]): string {
    let name = String(this.#loads.get(sql));
    for (const value of values) {
      const part = namedBy(value);
      name += ` ${part.length} ${part}`;
    }
    return name;
  }
}

const used = ({ params }: Load, values: readonly Value[]): Value[] => params.map((n) => values[n - 1] ?? null);

const namedBy = (value: Value): string =>
  value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : String(value);
