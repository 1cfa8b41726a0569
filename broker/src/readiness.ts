// Whether orders should be sent here. A process that says no still answers what it must: repeats get their answers, reads are read.

/** `database`: no transaction can be made; `schema`: a newer program has taken the ledger over; `laws`: the books do not add up. */
export type Unready = 'database' | 'schema' | 'laws' | 'draining';

/** How the parts of a broker stand, as they tell it. */
export class Readiness {
  isDraining = false;
  /** Set by who watches the laws. */
  isLawful: () => boolean = () => true;
  /** Set by who opened the tables: whether they are those of this program. */
  isCurrent: () => boolean = () => true;
  readonly #transact: () => Promise<unknown>;

  /** @param transact makes an empty transaction */
  constructor(transact: () => Promise<unknown>) {
    this.#transact = transact;
  }

  /** Why not; empty: ready. */
  async reasons(): Promise<Unready[]> {
    const works = await this.#transact().then(
      () => true,
      () => false,
    );
    const said: [Unready, boolean][] = [
      ['database', !works],
      ['schema', works && !this.isCurrent()],
      ['laws', !this.isLawful()],
      ['draining', this.isDraining],
    ];
    return said.flatMap(([reason, isSo]) => (isSo ? [reason] : []));
  }
}
