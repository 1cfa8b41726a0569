// Operations of one turn of the event loop go to a server as one batch. Others are under way meanwhile, so that one is decided or synced
// while the next is gathered.

export type LanesOptions<Member> = {
  /** The most members of a batch. */
  readonly most: number;
  /** Batches under way at once. */
  readonly lanes: number;
  /** Fewer than that wait for the batches that are under way; more are shared among the lanes that are free. */
  readonly enough?: number;
  /** Gives every member its answer, or adds it again; never throws. */
  readonly carry: (batch: Member[]) => Promise<void>;
};

export class Lanes<Member> {
  readonly #options: LanesOptions<Member>;
  #waiting: Member[] = [];
  #busy = 0;
  #scheduled = false;
  #idle: PromiseWithResolvers<void> | undefined;
  #closed = false;

  constructor(options: LanesOptions<Member>) {
    this.#options = options;
  }

  /** @throws {Error} the store is closed */
  add(member: Member): void {
    if (this.#closed) throw new Error('the store is closed');
    this.addAgain(member);
  }

  /** A member of a batch that is under way: a store that closes waits for it. */
  addAgain(member: Member): void {
    this.#waiting.push(member);
    this.#schedule();
  }

  /** Those that wait: whoever takes them answers them. */
  takeWaiting(): Member[] {
    return this.#waiting.splice(0);
  }

  /** Lets what waits finish. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#busy === 0 && this.#waiting.length === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #schedule(): void {
    const { lanes, enough = 1 } = this.#options;
    if (this.#scheduled || this.#busy >= lanes || (this.#busy > 0 && this.#waiting.length < enough)) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const most = this.#share();
      const batch = this.#waiting.length <= most ? this.#waiting : this.#waiting.splice(0, most);
      if (batch === this.#waiting) this.#waiting = [];
      if (batch.length > 0) void this.#run(batch);
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  /** All in one batch would leave the others idle: who waits for the same answer asks again at the same moment. */
  #share(): number {
    const { most, lanes, enough } = this.#options;
    if (enough === undefined) return most;
    return Math.min(most, Math.max(enough, Math.ceil(this.#waiting.length / (lanes - this.#busy))));
  }

  async #run(batch: Member[]): Promise<void> {
    this.#busy++;
    await this.#options.carry(batch);
    this.#busy--;
    if (this.#waiting.length > 0) this.#schedule();
    else if (this.#busy === 0) this.#idle?.resolve();
  }
}
