// The connection to PostgreSQL: transactions, statements that are parsed once, and integers as they are, because nothing that is
// money passes through a float.
import pg from 'pg';

export type Cells = Readonly<Record<string, unknown>>;
/** Text, or a column of many rows. */
type Value = string | Buffer;
export type Answer = { readonly rows: readonly Cells[]; readonly count: number };

/** Statements go one after the other. */
export interface Tx {
  /** Parsed once on each connection: for texts of which there are few. */
  run(text: string, ...values: readonly Value[]): Promise<Answer>;
  /** Several statements, without values. */
  script(text: string): Promise<void>;
}

const CONNECTIONS = 5;
/** A server that does not answer is as good as one that is away. */
const CONNECT_MS = 5_000;
const ANSWER_MS = 30_000;

/** Names of texts, on whichever connection. */
const names = new Map<string, string>();
function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `farthing_${names.size}`;
  names.set(text, name);
  return name;
}

export class Db {
  readonly #pool: pg.Pool;

  /** Connects with the first statement. */
  constructor(url: string) {
    this.#pool = new pg.Pool({
      connectionString: url,
      max: CONNECTIONS,
      application_name: 'farthing',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      keepAlive: true,
      types: {
        getTypeParser: (oid: number, format) =>
          oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format),
      },
    });
    // A connection that breaks while nobody uses it is made anew by whoever needs one.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => void client.on('error', () => {}));
  }

  run(text: string, ...values: readonly Value[]): Promise<Answer> {
    return run(this.#pool, text, values);
  }

  /**
   * All of `work`, or nothing of it. What it throws comes out.
   * @throws {Error} the server is away, or undid it; when the connection broke at the end it may stand all the same
   */
  async begin<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect();
    let isBroken = true;
    try {
      await client.query('BEGIN');
      const result = await work({
        run: (text, ...values) => run(client, text, values),
        script: async (text) => void (await client.query(text)),
      });
      await client.query('COMMIT');
      isBroken = false;
      return result;
    } catch (error) {
      isBroken = await client.query('ROLLBACK').then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(isBroken);
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

async function run(at: pg.Pool | pg.PoolClient, text: string, values: readonly Value[]): Promise<Answer> {
  const { rows, rowCount } = await at.query({ name: nameOf(text), text, values: [...values] });
  return { rows, count: rowCount ?? 0 };
}
