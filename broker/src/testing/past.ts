// Gives a ledger a past for measurements: rows of accounts and of pieces as years of trade leave them, written in sets. They are lawful
// and weigh what they weigh in life, but no order asked for them: an audit would say so.
import { openDatabase } from '@farthing/node-kit';
import { ledgerPath, type Place } from '../books/open.ts';
import { Line } from '../books/postgres/line.ts';
import { migrations } from '../ledger/schema.ts';

/** Rows of one statement: a server answers it before anybody gives it up. */
const PART = 20_000;
/** What each account was given, in base units. */
const GIVEN = 1_000_000;
/** As long as an order and its answer, printed. */
const PRINTED_CHARS = 300;

type Books = { readonly run: (script: string) => Promise<void>; readonly close: () => Promise<void> };

/** What the two engines write in their own ways. `random`: texts of 44 characters, and 32 bytes. */
type Words = { readonly numbers: (count: number) => string; readonly random: { text: string; bytes: string } };

/** So many customers more, each of whom was given something once. */
export async function addAccounts(place: Place, count: number): Promise<void> {
  await inParts(place, count, ({ numbers, random: { text, bytes } }, part) => {
    const printed = 'x'.repeat(PRINTED_CHARS);
    return `CREATE TEMP TABLE made AS SELECT n, ${text} AS name FROM ${numbers(part)};
      CREATE TEMP TABLE bounds AS SELECT (SELECT coalesce(max(seq), 0) FROM journal) AS seq,
        (SELECT coalesce(max(n), 0) FROM stored_order) AS n;
      INSERT INTO journal (seq, at_ms, kind, ref, from_key, rid, prev, hash)
        SELECT b.seq + m.n, ${Date.now()}, 'faucet', '', m.name, m.name, ${bytes}, ${bytes} FROM made m, bounds b;
      INSERT INTO posting (seq, n, account, sub, cur, amount)
        SELECT b.seq + m.n, 0, 'external:faucet', '', 'usd-micro', -${GIVEN} FROM made m, bounds b;
      INSERT INTO posting (seq, n, account, sub, cur, amount)
        SELECT b.seq + m.n, 1, 'user:' || m.name, '', 'usd-micro', ${GIVEN} FROM made m, bounds b;
      INSERT INTO balance (account, cur, amount) SELECT 'user:' || name, 'usd-micro', ${GIVEN} FROM made;
      UPDATE balance SET amount = amount - ${GIVEN * part} WHERE account = 'external:faucet' AND cur = 'usd-micro';
      INSERT INTO stored_order (n, from_key, rid, typ, hash, body, answer)
        SELECT b.n + m.n, m.name, m.name, 'faucet/1', ${bytes}, '${printed}', '${printed}' FROM made m, bounds b;
      DROP TABLE made; DROP TABLE bounds`;
  });
}

/** So many pieces more that were sold, spent and redeemed in full, of a thousand sites. `first`: how many there are already. */
export async function addSpent(place: Place, count: number, first: number): Promise<void> {
  let done = first;
  await inParts(place, count, ({ numbers, random: { text } }, part) => {
    const from = done;
    done += part;
    return `INSERT INTO root (vnd, root, face, cur, fee_bps, expires_ms, buyer, credited, refunded, claimable, closed)
      SELECT 'past' || ((${from} + n) % 1000) || '.example', 'k1.' || (${from} + n), 1500, 'usd-micro', 0, ${Date.now()},
        ${text}, 1500, 0, 1500, 0 FROM ${numbers(part)}`;
  });
}

async function inParts(place: Place, count: number, script: (words: Words, part: number) => string): Promise<void> {
  const { books, words } = await opened(place);
  try {
    for (let done = 0; done < count; done += PART) await books.run(script(words, Math.min(PART, count - done)));
  } finally {
    await books.close();
  }
}

async function opened({ data, database }: Place): Promise<{ books: Books; words: Words }> {
  if (database !== undefined) {
    const line = await Line.open(database);
    const run = async (script: string) => void (await line.script(`BEGIN; ${script}; COMMIT`));
    const half = 'md5(random()::text)';
    const random = { text: `${half} || substr(${half}, 1, 12)`, bytes: `decode(${half} || ${half}, 'hex')` };
    const numbers = (part: number) => `generate_series(1, ${part}) AS series (n)`;
    return { books: { run, close: () => line.close() }, words: { numbers, random } };
  }
  const db = openDatabase(ledgerPath(data), migrations);
  // Rows of accounts fall all over their tables.
  db.exec('PRAGMA cache_size=-1000000; PRAGMA wal_autocheckpoint=100000');
  const numbers = (part: number) =>
    `(WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < ${part}) SELECT n FROM series)`;
  const random = { text: 'hex(randomblob(22))', bytes: 'randomblob(32)' };
  const run = async (script: string) => db.exec(`BEGIN; ${script}; COMMIT`);
  return { books: { run, close: async () => db.close() }, words: { numbers, random } };
}
