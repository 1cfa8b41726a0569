// The store on PostgreSQL: for sites that run on several machines. Every process reads and writes the same rows; nothing is
// remembered between transactions.
import { arrayOf } from '@farthing/node-kit';
import { limits } from '@farthing/protocol';
import { atStart, StoreAway } from '../away.ts';
import { paidOut } from '../paid.ts';
import { changeSession, takeOver } from '../payments.ts';
import type { ClaimDue, VendorStore } from '../port.ts';
import { fold } from './additions.ts';
import { Batches } from './batches.ts';
import { type Cells, Db } from './db.ts';
import { integer, open, type Page, payments, sessions, stepsIn, storedOf } from './page.ts';
import { migrate, needDurable } from './schema.ts';

/**
 * `schema`: the schema of the tables, made if it is not there; one for each site that shares the database.
 * `acceptLoss`: takes a server that may lose what it acknowledged when it crashes. Payments could then be taken twice.
 */
export type PostgresOptions = { readonly schema?: string; readonly acceptLoss?: boolean };

/**
 * Connects, and makes the tables or brings them up to date.
 * @param url such as postgres://user:password@host/database
 * @throws {SetupError} `store-unreachable`
 * @throws {Error} settings of the server that lose writes; tables of a newer program
 */
export async function postgres(
  url: string,
  { schema = 'farthing', acceptLoss = false }: PostgresOptions = {},
): Promise<VendorStore> {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) {
    throw new TypeError(`schema: expected a plain identifier such as farthing, got ${JSON.stringify(schema)}`);
  }
  const db = new Db(url);
  try {
    if (!acceptLoss) await needDurable(db);
    await migrate(db, schema);
  } catch (error) {
    await db.end();
    throw atStart(error, { name: 'PostgreSQL', urls: [url] });
  }
  return storeOn(db, schema);
}

function storeOn(db: Db, schema: string): VendorStore {
  const batches = new Batches(db, schema);
  const read: Read = async (text, ...values) => {
    try {
      return (await db.run(text.replaceAll('$schema', schema), ...values)).rows;
    } catch (error) {
      throw new StoreAway(error);
    }
  };
  const folded: Read = async (text, ...values) => {
    await batches.fold();
    return read(text, ...values);
  };
  return {
    reserve: (entry) => batches.reserve(entry),
    find: async (id) => {
      const [cells] = await read(
        `SELECT p.id, p.credential, p.target, p.until_ms, p.outcome, coalesce(o.owner, p.owner) AS owner,
           coalesce(o.at_ms, p.at_ms) AS at_ms, o.state, coalesce(o.steps, p.steps) AS steps
         FROM $schema.payments p LEFT JOIN $schema.open o ON o.payment = p.id WHERE p.id = $1`,
        id,
      );
      return (
        cells && storedOf({ ...payments.fromCells(cells), ...(cells['state'] === null ? {} : open.fromCells(cells)) })
      );
    },
    unsettled: async (limit) => {
      const rows = await read('SELECT payment, steps FROM $schema.open LIMIT $1', String(limit));
      return rows.map((cells) => ({ id: String(cells['payment']), mints: [...stepsIn(cells).mints] }));
    },
    takeOver: (id, take) =>
      batches.run(
        (page) => page.wantPayment(id),
        (page) => takeOver(page, id, take),
      ),
    settle: (id, owner, verdict, undo) => batches.settle({ id, owner, verdict }, undo),
    readSession: async (key) => {
      const [cells] = await read('SELECT * FROM $schema.sessions WHERE key = $1', key);
      return cells && sessions.fromCells(cells).row;
    },
    changeSession: (key, change) =>
      batches.run(
        (page) => page.sessions.want(key),
        (page) => changeSession(page, key, change),
      ),
    claimsDue: async (limit, kind = '') => {
      const rows = await folded(
        `SELECT c.key, c.total, c.evidence, d.body FROM $schema.claims c LEFT JOIN $schema.deeds d ON d.key = c.key
         WHERE c.total > c.paid AND c.kind = $1 ORDER BY c.seq LIMIT $2`,
        kind,
        String(limit),
      );
      return rows.map(due);
    },
    countDue: async (atMost, kind) => {
      const some = (where: string) =>
        `SELECT count(*) AS n FROM (SELECT 1 FROM $schema.claims WHERE total > paid ${where} LIMIT $1) AS first`;
      const rows =
        kind === undefined
          ? await folded(some(''), String(atMost))
          : await folded(some('AND kind = $2'), String(atMost), kind);
      return Number(integer(rows[0]?.['n']));
    },
    ...documents(batches, read),
    sweep: (nowMs, limit) => sweep(db, schema, { nowMs, limit }),
    close: async () => {
      await batches.close();
      await db.end();
    },
  };
}

type Plain = Pick<VendorStore, 'claimsPaid' | 'lease' | 'take' | 'readDoc' | 'listDocs' | 'swapDoc'>;
type Read = (text: string, ...values: string[]) => Promise<readonly Cells[]>;

function documents(batches: Batches, read: Read): Plain {
  const put = (page: Page, key: string, value: string | undefined) => {
    if (value === undefined) page.docs.drop(key);
    else page.docs.set(key, value);
  };
  return {
    claimsPaid: (paid, { key, was, put: writes }) =>
      batches.run(
        (page) => {
          for (const name of [key, ...Object.keys(writes)]) page.docs.want(name);
          for (const claim of paid) page.claims.want(claim.key);
        },
        (page) => {
          if (page.docs.get(key) !== was) return false;
          for (const claim of paid) {
            const was = page.claims.get(claim.key);
            if (was) page.claims.set(claim.key, paidOut(was, claim));
          }
          for (const [name, value] of Object.entries(writes)) put(page, name, value);
          return true;
        },
      ),
    lease: (name, count) =>
      batches.run(
        (page) => page.leases.want(name),
        (page) => {
          const first = page.leases.get(name) ?? 1n;
          page.leases.set(name, first + count);
          return first;
        },
      ),
    take: (key, limit, untilMs) =>
      batches.run(
        (page) => page.quotas.want(key),
        (page) => {
          const used = (page.quotas.get(key)?.used ?? 0n) + 1n;
          if (used > BigInt(limit)) return false;
          page.quotas.set(key, { used, untilMs });
          return true;
        },
      ),
    readDoc: async (key) => {
      const [row] = await read('SELECT value FROM $schema.docs WHERE key = $1', key);
      return row && String(row['value']);
    },
    listDocs: async (prefix) => {
      const rows = await read(
        'SELECT key, value FROM $schema.docs WHERE substr(key, 1, $2::int) = $1 ORDER BY key COLLATE "C"',
        prefix,
        String(prefix.length),
      );
      return rows.map((row) => ({ key: String(row['key']), value: String(row['value']) }));
    },
    swapDoc: (key, was, value) =>
      batches.run(
        (page) => page.docs.want(key),
        (page) => {
          if (page.docs.get(key) !== was) return false;
          put(page, key, value);
          return true;
        },
      ),
  };
}

/** Rows that another process holds are left for the next step. */
async function sweep(db: Db, schema: string, { nowMs, limit }: { nowMs: number; limit: number }): Promise<number> {
  // A claim that was added to lives on.
  await fold(db, schema);
  const endMs = Math.floor(nowMs - limits.retentionMs);
  return db.begin(async (tx) => {
    const { rows } = await tx.run(
      `DELETE FROM ${schema}.payments WHERE id IN
         (SELECT id FROM ${schema}.payments WHERE until_ms < $1 ORDER BY until_ms LIMIT $2 FOR UPDATE SKIP LOCKED)
       RETURNING id, steps`,
      String(endMs - limits.clockSkewMs),
      String(limit),
    );
    const keys = rows.flatMap((cells) => [...stepsIn(cells).spends]).sort();
    if (keys.length > 0)
      await tx.run(`DELETE FROM ${schema}.spends WHERE key = ANY($1::text[])`, arrayOf('text', keys));
    const ids = rows.map(({ id }) => String(id));
    if (ids.length > 0)
      await tx.run(`DELETE FROM ${schema}.open WHERE payment = ANY($1::text[])`, arrayOf('text', ids));
    await tx.run(`DELETE FROM ${schema}.quotas WHERE until_ms < $1`, String(Math.floor(nowMs)));
    for (const table of ['sessions', 'tallies', 'claims', 'deeds']) {
      await tx.run(`DELETE FROM ${schema}.${table} WHERE until_ms < $1`, String(endMs));
    }
    return rows.length;
  });
}

const due = (cells: Cells): ClaimDue => ({
  key: String(cells['key']),
  total: integer(cells['total']),
  ...(typeof cells['evidence'] === 'string' ? { evidence: JSON.parse(cells['evidence']) } : {}),
  ...(typeof cells['body'] === 'string' ? { deed: JSON.parse(cells['body']) } : {}),
});
