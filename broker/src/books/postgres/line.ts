// One connection to PostgreSQL: statements that are parsed once, integers as they are, and errors sorted by what they leave open.
import pg from 'pg';
import type { Row } from '../port.ts';

export type Answer = { readonly rows: Row[]; readonly count: number };

/** The server is away, or a connection to it broke: what was asked last may have been done. */
export class Away extends Error {
  override name = 'Away';
  readonly code = 'AWAY';
}

/** The server undid the transaction for the sake of another one: done again it may stand. */
export class Undone extends Error {
  override name = 'Undone';
}

/** Where the broker's tables are. */
export const SCHEMA = 'farthing_broker';

const CONNECT_MS = 5_000;
/** A server that does not answer is as good as one that is away. */
const ANSWER_MS = 30_000;
/** Nobody waits longer for the turn of a process that has stopped in the middle of a transaction. */
const IDLE_MS = 10_000;
/** First in a transaction that thinks for long between its questions, as one that audits what it wrote. */
export const UNHURRIED = 'SET LOCAL idle_in_transaction_session_timeout = 0';

export class Line {
  readonly #client: pg.Client;
  readonly #names = new Map<string, string>();
  #isBroken = false;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** @param options.lockMs how long a statement waits for a lock; without it as long as for an answer
   * @throws {Away} @throws {Error} the server refuses us */
  static async open(url: string, { lockMs = 0 }: { lockMs?: number } = {}): Promise<Line> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'farthing-broker',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      // What is asked before an answer has come is sent at once: a set of statements is one journey.
      pipeline: true,
      options: `-c search_path=${SCHEMA} -c idle_in_transaction_session_timeout=${IDLE_MS} -c lock_timeout=${lockMs}`,
      types: {
        getTypeParser: (oid: number, format) =>
          oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format),
      },
    });
    const line = new Line(client);
    client.on('error', () => {
      line.#isBroken = true;
    });
    try {
      await client.connect();
      return line;
    } catch (error) {
      throw line.#sorted(error);
    }
  }

  get isBroken(): boolean {
    return this.#isBroken;
  }

  /**
   * For texts of which there are few: each is parsed once. Those that are not waited for one by one go over together, in order.
   * @param values texts, or bytes as the type has them in binary
   */
  async run(text: string, ...values: readonly (Buffer | string)[]): Promise<Answer> {
    const name = this.#names.get(text) ?? `farthing_${this.#names.size}`;
    this.#names.set(text, name);
    try {
      const { rows, rowCount } = await this.#client.query({ name, text, values: [...values] });
      return { rows, count: rowCount ?? 0 };
    } catch (error) {
      throw this.#sorted(error);
    }
  }

  /** Several statements in one journey, without values. @returns rows of the last one */
  async script(text: string): Promise<Row[]> {
    try {
      const results: unknown = await this.#client.query(text);
      const last: unknown = Array.isArray(results) ? results.at(-1) : results;
      return (last as pg.QueryResult<Row>).rows;
    } catch (error) {
      throw this.#sorted(error);
    }
  }

  async close(): Promise<void> {
    this.#isBroken = true;
    await this.#client.end().catch(() => undefined);
  }

  #sorted(error: unknown): Error {
    const { code, severity } = error as { code?: unknown; severity?: unknown };
    const isSaid = typeof severity === 'string' && typeof code === 'string';
    if (!isSaid || severity === 'FATAL' || AWAY.test(code)) {
      this.#isBroken = true;
      return isSaid && REFUSED.test(code) ? (error as Error) : new Away(String(error));
    }
    return UNDONE.has(code) ? new Undone(String(error)) : (error as Error);
  }
}

/** Connection exceptions, a server that stops or starts, too many connections. */
const AWAY = /^(08|57P0|53)/;
/** Wrong password or role, no such database: asked again it says the same. What else ends a connection may pass. */
const REFUSED = /^(28|3D)/;
/** Serialisation failure, deadlock, lock not available. */
const UNDONE: ReadonlySet<string> = new Set(['40001', '40P01', '55P03']);
