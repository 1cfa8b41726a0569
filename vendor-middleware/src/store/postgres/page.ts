// The rows that one transaction of the PostgreSQL store reads and changes, as books that the steps of payments are made on.
import type { ClaimStep, Deed, Json } from '@farthing/protocol';
import { limits } from '@farthing/protocol';
import type { OpenState, SessionRow, TallySum } from '../batch.ts';
import type { Books, Standing } from '../books.ts';
import { type Line, printSteps, readSteps, STATES, type Steps } from '../lines.ts';
import type { PaidClaim } from '../paid.ts';
import type { Stored } from '../port.ts';
import type { Tx } from './db.ts';
import { type Cell, Overtaken, type Shape, Table } from './table.ts';

export type Quota = { readonly used: bigint; readonly untilMs: number };

/** Whole milliseconds: the future ends later, never sooner. */
const ms = (value: number): bigint => BigInt(Math.ceil(value));
const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new Error('the store holds a value that is not text');
  return value;
};
export const integer = (value: unknown): bigint => {
  if (typeof value !== 'bigint') throw new Error('the store holds a value that is not an integer');
  return value;
};

/** As it began, and as it is when it has its verdict. */
export const payments: Shape<Line> = {
  name: 'payments',
  key: 'id',
  columns: {
    ...{ credential: 'text', target: 'text', owner: 'text', at_ms: 'bigint', until_ms: 'bigint' },
    ...{ outcome: 'text', steps: 'text' },
  },
  toCells: ({ credential, target, owner, atMs, untilMs, outcome, steps }): Cell[] => [
    ...[credential, target, owner, ms(atMs), ms(untilMs)],
    ...[outcome, printSteps({ state: 'committed', steps })],
  ],
  fromCells: (cells) => ({
    id: text(cells['id']),
    credential: text(cells['credential']),
    target: text(cells['target']),
    owner: text(cells['owner']),
    atMs: Number(integer(cells['at_ms'])),
    untilMs: Number(integer(cells['until_ms'])),
    state: 'committed',
    outcome: text(cells['outcome']),
    steps: stepsIn(cells),
  }),
};

/** What differs while it has no verdict. */
type Open = Pick<Line, 'owner' | 'atMs' | 'state' | 'steps'>;

export const open: Shape<Open> = {
  name: 'open',
  key: 'payment',
  columns: {
    ...{ owner: 'text', at_ms: 'bigint', state: 'smallint', steps: 'text' },
    ...{ claim: 'text', total: 'bigint', until_ms: 'bigint' },
  },
  toCells: ({ owner, atMs, state, steps }): Cell[] => {
    const [claim, more] = steps.claims;
    const isSum = claim && !more && !claim.once && !claim.evidence && BigInt(claim.add) <= limits.sumMax;
    const sum = isSum ? [claim.key, BigInt(claim.add), ms(claim.untilMs)] : [null, null, null];
    return [owner, ms(atMs), BigInt(STATES.indexOf(state)), printSteps({ state, steps }), ...sum];
  },
  fromCells: (cells) => ({
    owner: text(cells['owner']),
    atMs: Number(integer(cells['at_ms'])),
    state: STATES[Number(cells['state'])] ?? 'reserved',
    steps: stepsIn(cells),
  }),
};

export const stepsIn = (cells: Readonly<Record<string, unknown>>): Steps => readSteps(text(cells['steps']));

export const spends: Shape<string> = {
  name: 'spends',
  key: 'key',
  columns: { payment: 'text' },
  toCells: (payment) => [payment],
  fromCells: (cells) => text(cells['payment']),
};

const tallies: Shape<TallySum> = {
  name: 'tallies',
  key: 'key',
  columns: { total: 'bigint', until_ms: 'bigint' },
  toCells: ({ sum, untilMs }) => [sum, untilMs === undefined ? null : ms(untilMs)],
  fromCells: (cells) => ({
    sum: integer(cells['total']),
    untilMs: cells['until_ms'] === null ? undefined : Number(integer(cells['until_ms'])),
  }),
};

const claims: Shape<PaidClaim> = {
  name: 'claims',
  key: 'key',
  columns: { kind: 'text', total: 'bigint', paid: 'bigint', until_ms: 'bigint', evidence: 'text' },
  toCells: ({ total, paid, untilMs, evidence }, key) => [
    ...[kindOf(key), total, paid, ms(untilMs)],
    evidence ? JSON.stringify(evidence) : null,
  ],
  fromCells: (cells) => ({
    total: integer(cells['total']),
    paid: integer(cells['paid']),
    untilMs: Number(integer(cells['until_ms'])),
    ...(cells['evidence'] === null ? {} : { evidence: JSON.parse(text(cells['evidence'])) }),
  }),
};

/** The start of a claim's key up to the first colon, with it. */
const kindOf = (key: string): string => key.slice(0, key.indexOf(':') + 1);

const bodies = <Row extends { readonly untilMs: number }>(
  name: string,
  body: (row: Row) => Json,
  row: (body: Json, untilMs: number) => Row,
): Shape<Row> => ({
  name,
  key: 'key',
  columns: { body: 'text', until_ms: 'bigint' },
  toCells: (one) => [JSON.stringify(body(one)), ms(one.untilMs)],
  fromCells: (cells) => row(JSON.parse(text(cells['body'])), Number(integer(cells['until_ms']))),
});

export const sessions = bodies<SessionRow>(
  'sessions',
  ({ row }) => row,
  (row, untilMs) => ({ row, untilMs }),
);
type StoredDeed = { readonly deed: Json; readonly untilMs: number };
const deeds = bodies<StoredDeed>(
  'deeds',
  ({ deed }) => deed,
  (deed, untilMs) => ({ deed, untilMs }),
);

const docs: Shape<string> = {
  name: 'docs',
  key: 'key',
  columns: { value: 'text' },
  toCells: (value) => [value],
  fromCells: (cells) => text(cells['value']),
};

const leases: Shape<bigint> = {
  name: 'leases',
  key: 'key',
  columns: { next: 'bigint' },
  toCells: (next) => [next],
  fromCells: (cells) => integer(cells['next']),
};

const quotas: Shape<Quota> = {
  name: 'quotas',
  key: 'key',
  columns: { used: 'bigint', until_ms: 'bigint' },
  toCells: ({ used, untilMs }) => [used, ms(untilMs)],
  fromCells: (cells) => ({ used: integer(cells['used']), untilMs: Number(integer(cells['until_ms'])) }),
};

export class Page implements Books {
  readonly #payments: Table<Line>;
  readonly #open: Table<Open>;
  readonly spends: Table<string>;
  readonly tallies: Table<TallySum>;
  readonly claims: Table<PaidClaim>;
  readonly sessions: Table<SessionRow>;
  readonly docs: Table<string>;
  readonly leases: Table<bigint>;
  readonly quotas: Table<Quota>;
  readonly #deeds: Table<StoredDeed>;
  readonly #tables: readonly Table<never>[];
  readonly state: Standing;

  constructor(schema: string) {
    this.#payments = new Table(payments, schema);
    this.#open = new Table(open, schema);
    this.spends = new Table(spends, schema);
    this.tallies = new Table(tallies, schema);
    this.claims = new Table(claims, schema);
    this.sessions = new Table(sessions, schema);
    this.docs = new Table(docs, schema);
    this.leases = new Table(leases, schema);
    this.quotas = new Table(quotas, schema);
    this.#deeds = new Table(deeds, schema);
    // Always in this order, for the same reason as their rows.
    const tables = [this.spends, this.#payments, this.#open, this.sessions, this.tallies, this.claims, this.#deeds];
    this.#tables = [...tables, this.docs, this.leases, this.quotas] as unknown as readonly Table<never>[];
    this.state = {
      sessions: this.sessions,
      tallies: this.tallies,
      claims: {
        get: (key) => this.claims.get(key),
        set: (key, sum) => {
          const { paid = 0n, evidence } = this.claims.get(key) ?? {};
          this.claims.set(key, { ...(evidence ? { evidence } : {}), ...sum, paid });
        },
      },
      open: (id) => this.#opened(id),
      put: (line) => this.#put(line),
      update: (id, now) => this.#update(id, now),
      close: (id) => this.#open.drop(id),
      release: (id) => this.#release(id),
    };
  }

  wantPayment(id: string): void {
    this.#payments.want(id);
    this.#open.want(id);
  }

  find(id: string): Stored | undefined {
    const line = this.#line(id);
    return line && storedOf(line);
  }

  /** @throws {Overtaken} */
  holder(key: string): Stored | undefined {
    const id = this.spends.get(key);
    const holder = id === undefined ? undefined : this.find(id);
    // Its payment was looked for before the instrument was, and not there: it came in between.
    if (id !== undefined && !holder) throw new Overtaken();
    return holder;
  }

  change(run: (state: Standing) => void): void {
    run(this.state);
  }

  keepDeed({ key, deed, untilMs }: Deed): void {
    this.#deeds.set(key, { deed, untilMs });
  }

  keepEvidence(steps: readonly ClaimStep[]): void {
    for (const { key, untilMs, evidence, once } of steps) {
      if (!once || !evidence || (this.claims.get(key)?.total ?? 0n) > 0n) continue;
      this.claims.set(key, { total: 0n, paid: 0n, untilMs, evidence });
    }
  }

  dropEvidence(steps: readonly Pick<ClaimStep, 'key' | 'once'>[]): void {
    for (const { key, once } of steps) if (once && this.claims.get(key)?.total === 0n) this.claims.drop(key);
  }

  get isComplete(): boolean {
    return this.#tables.every(({ isComplete }) => isComplete);
  }

  reset(): void {
    for (const table of this.#tables) table.reset();
  }

  async load(tx: Tx): Promise<void> {
    for (const table of this.#tables) await table.load(tx);
  }

  async write(tx: Tx): Promise<void> {
    for (const table of this.#tables) await table.write(tx);
  }

  #line(id: string): Line | undefined {
    this.wantPayment(id);
    const line = this.#payments.get(id);
    return line && { ...line, ...this.#open.get(id) };
  }

  #opened(id: string): (Line & { line: Line }) | undefined {
    const line = this.#line(id);
    return line && line.state !== 'committed' ? { ...line, line } : undefined;
  }

  #put(line: Line): void {
    const { id, owner, atMs, state, steps } = line;
    this.#payments.set(id, line);
    if (state !== 'committed') this.#open.set(id, { owner, atMs, state, steps });
    for (const key of steps.spends) this.spends.set(key, id);
  }

  #update(id: string, now: Partial<Omit<OpenState, 'id'>>): void {
    const was = this.#open.get(id);
    if (was) this.#open.set(id, { ...was, ...now });
  }

  #release(id: string): void {
    const line = this.#payments.get(id);
    this.#payments.drop(id);
    this.#open.drop(id);
    for (const key of line?.steps.spends ?? []) this.spends.drop(key);
  }
}

export const storedOf = ({ id, credential, target, owner, atMs, outcome, state }: Line): Stored => ({
  ...{ id, credential, target, owner, atMs, outcome, state },
});
