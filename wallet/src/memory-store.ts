// A wallet's storage in memory: for tests and for programs that keep no money. The model of the other stores.
import type { Json } from '@farthing/protocol';
import type { Change, WalletStore } from './ports.ts';

export class MemoryStore implements WalletStore {
  readonly #docs = new Map<string, string>();

  async read(keys: readonly string[]): Promise<(Json | undefined)[]> {
    return keys.map((key) => this.#get(key));
  }

  async update<Result>(
    keys: readonly string[],
    change: (docs: readonly (Json | undefined)[]) => Change<Result>,
  ): Promise<Result> {
    const { put, result } = change(keys.map((key) => this.#get(key)));
    const entries = Object.entries(put);
    for (const [key] of entries) if (!keys.includes(key)) throw new TypeError(`${key} was put but not read`);
    for (const [key, value] of entries) {
      if (value === undefined) this.#docs.delete(key);
      else this.#docs.set(key, JSON.stringify(value));
    }
    return result;
  }

  async list(
    prefix: string,
    options: { limit?: number; reverse?: boolean; before?: string } = {},
  ): Promise<{ key: string; value: Json }[]> {
    const { limit, reverse = false, before } = options;
    const keys = [...this.#docs.keys()]
      .filter((key) => key.startsWith(prefix) && (before === undefined || !reverse || key < before))
      .sort();
    if (reverse) keys.reverse();
    return keys.slice(0, limit).flatMap((key) => {
      const value = this.#get(key);
      return value === undefined ? [] : [{ key, value }];
    });
  }

  #get(key: string): Json | undefined {
    const text = this.#docs.get(key);
    return text === undefined ? undefined : (JSON.parse(text) as Json);
  }
}
