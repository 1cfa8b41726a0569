// What a person has typed but not sent, and where they were: kept while the browser runs, so that a popup that closes
// loses nothing. Only fields that ask for it are kept, and a passcode never does.

/** As `storage.session`: in memory, out of reach of websites. */
export type Area = {
  get(keys: null): Promise<Record<string, unknown>>;
  set(items: Record<string, unknown>): Promise<void>;
  remove(keys: string[]): Promise<void>;
};

export const KEPT_MS = 600_000;
const LONGEST = 500;
const FIELD = 'draft ';
const PLACE = 'place';

type Field = { readonly text: string; readonly atMs: number };
/** A screen of the popup, and the page that it was opened over. */
export type Place = { readonly hash: string; readonly over: string; readonly atMs: number };

export class Drafts {
  readonly #area: Area;
  readonly #fields = new Map<string, Field>();
  #place: Place | undefined;

  private constructor(area: Area) {
    this.#area = area;
  }

  /** Reads what is younger than ten minutes, and forgets the rest. */
  static async open(area: Area, nowMs: number): Promise<Drafts> {
    const drafts = new Drafts(area);
    const old: string[] = [];
    for (const [key, value] of Object.entries(await area.get(null))) {
      if (key !== PLACE && !key.startsWith(FIELD)) continue;
      const young = hasTime(value) && value.atMs <= nowMs && nowMs - value.atMs < KEPT_MS;
      if (young && key === PLACE && isPlace(value)) drafts.#place = value;
      else if (young && isField(value)) drafts.#fields.set(key.slice(FIELD.length), value);
      else old.push(key);
    }
    if (old.length > 0) await area.remove(old);
    return drafts;
  }

  text(name: string): string | undefined {
    return this.#fields.get(name)?.text;
  }

  /** Is on its way to the browser when this returns: a popup may close with the next event. */
  write(name: string, text: string, nowMs: number): void {
    if (text.length > LONGEST) return;
    const field = { text, atMs: nowMs };
    this.#fields.set(name, field);
    void this.#area.set({ [FIELD + name]: field }).catch(() => undefined);
  }

  /** What was sent is no draft any more. */
  drop(name: string): void {
    if (!this.#fields.delete(name)) return;
    void this.#area.remove([FIELD + name]).catch(() => undefined);
  }

  moved(hash: string, over: string, nowMs: number): void {
    this.#place = { hash, over, atMs: nowMs };
    void this.#area.set({ [PLACE]: this.#place }).catch(() => undefined);
  }

  /**
   * Where a popup that was opened without a place begins. Over another page than before it begins with that page, unless
   * something half typed waits on the old screen.
   */
  resume(over: string): string | undefined {
    if (!this.#place) return undefined;
    const { hash, over: before } = this.#place;
    const unfinished = [...this.#fields.keys()].some((name) => name.startsWith(`${screenOf(hash)} `));
    return before === over || unfinished ? hash : undefined;
  }
}

/** A field's name begins with its screen: `site/https://news.example limit-day`. */
export const screenOf = (hash: string): string => decodeURIComponent(hash.replace(/^#\/?/, ''));

const hasTime = (value: unknown): value is { atMs: number } =>
  typeof value === 'object' && value !== null && 'atMs' in value && typeof value.atMs === 'number';
const isField = (value: { atMs: number }): value is Field => 'text' in value && typeof value.text === 'string';
const isPlace = (value: { atMs: number }): value is Place =>
  'hash' in value && typeof value.hash === 'string' && 'over' in value && typeof value.over === 'string';
