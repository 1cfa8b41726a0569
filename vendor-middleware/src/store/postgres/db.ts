// The connection to PostgreSQL, with integers as they are: nothing that is money passes through a float.
import connect, { type Sql, type TransactionSql } from 'postgres';

type Types = { bigint: bigint };
export type Db = Sql<Types>;
export type Tx = TransactionSql<Types>;

const CONNECTIONS = 4;

/** Connects with the first statement. */
export const open = (url: string): Db =>
  connect(url, {
    max: CONNECTIONS,
    types: { bigint: connect.BigInt },
    connection: { application_name: 'farthing' },
    // Seconds: a server that restarts is found again at once.
    backoff: (tries: number) => Math.min(0.05 * 2 ** tries, 1),
    onnotice: () => {},
  });
