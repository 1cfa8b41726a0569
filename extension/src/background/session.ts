// What must survive the worker but not the browser: tab views, open approvals, paths that can be paid ahead.
import { pack, unpack } from '../codec.ts';
import { sessionArea } from '../session-area.ts';

/** A named map in session storage, read once and written with each change. */
export class SessionMap<Value> {
  readonly #name: string;
  readonly #most: number;
  readonly #entries = new Map<string, Value>();
  readonly ready: Promise<void>;
  #dirty = false;

  /** Above `most` entries the oldest go. Only this worker writes the name, so what it reads is what it wrote. */
  constructor(name: string, most: number) {
    this.#name = name;
    this.#most = most;
    this.ready = this.#load();
  }

  async #load(): Promise<void> {
    const stored = unpack((await sessionArea.get([this.#name]))[this.#name]);
    if (typeof stored !== 'object' || stored === null) return;
    for (const [key, value] of Object.entries(stored))
      if (!this.#entries.has(key)) this.#entries.set(key, value as Value);
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }
  values(): Value[] {
    return [...this.#entries.values()];
  }
  entries(): [string, Value][] {
    return [...this.#entries];
  }
  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value ?? '');
    this.#save();
  }
  delete(key: string): boolean {
    const had = this.#entries.delete(key);
    if (had) this.#save();
    return had;
  }

  #save(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    // Once a turn: a worker may be stopped at any time, and what it did not write it has not known.
    void this.ready.then(() => {
      this.#dirty = false;
      return sessionArea.set({ [this.#name]: pack(Object.fromEntries(this.#entries)) });
    });
  }
}
