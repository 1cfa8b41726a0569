// Taking a period out of the books: all of it, in order, once, whatever the size of a page, and nothing that a spreadsheet would run.
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { openDatabase } from '@farthing/node-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ledgerPath } from './books/open.ts';
import { migrations } from './ledger/schema.ts';
import { type ExportFormat, exportLines, settlement } from './operate-bulk.ts';
import { Bench } from './testing/client.ts';

const ENTRIES = 12_003;
const DAY_MS = 86_400_000;
const ALWAYS = { sinceMs: 0, untilMs: 8e15 };
const bench = new Bench();

/** So many payments of a customer to one of three sites, a thousand a day: rows alone, which no order asked for. */
beforeAll(() => {
  const db = openDatabase(ledgerPath(bench.data), migrations);
  db.exec(`WITH RECURSIVE n (seq) AS (VALUES (1) UNION ALL SELECT seq + 1 FROM n WHERE seq < ${ENTRIES})
    INSERT INTO journal SELECT seq, (seq - 1) / 1000 * ${DAY_MS}, 'pay', CASE seq WHEN 7 THEN '=1+1' WHEN 8 THEN 'a,"b"' ELSE '' END,
      NULL, NULL, randomblob(32), randomblob(32) FROM n`);
  const cur = `CASE seq % 5 WHEN 0 THEN 'eur-micro' ELSE 'usd-micro' END`;
  db.exec(`INSERT INTO posting SELECT seq, 0, 'user:anna', '', ${cur}, -(seq % 7) - 1 FROM journal`);
  db.exec(`INSERT INTO posting SELECT seq, 1, 'vendor:site' || (seq % 3), '', ${cur}, (seq % 7) + 1 FROM journal`);
  db.close();
});
afterAll(() => bench[Symbol.asyncDispose]());

async function exported(format: ExportFormat, period = ALWAYS, account?: string): Promise<string[]> {
  const out = new PassThrough();
  const all = text(out);
  await exportLines({ data: bench.data }, { period, account, format }, out);
  out.end();
  return (await all).trimEnd().split(/\r?\n/);
}

describe('an export', () => {
  test('has every line once and in order, and sums to nothing', async () => {
    const lines = (await exported('json')).map(
      (line) => JSON.parse(line) as { seq: number; n: number; amount: string },
    );
    expect(lines.map(({ seq, n }) => seq * 2 + n)).toEqual(Array.from({ length: 2 * ENTRIES }, (_, i) => i + 2));
    expect(lines.reduce((sum, { amount }) => sum + BigInt(amount), 0n)).toBe(0n);
  });

  test('of an account or of a period has that and nothing else', async () => {
    const site = await exported('json', ALWAYS, 'vendor:site1');
    // In both currencies, one line after the other.
    const seqs = Array.from({ length: ENTRIES / 3 }, (_, i) => 3 * i + 1);
    expect(site.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual(seqs);
    expect(site.every((line) => line.includes('"account":"vendor:site1"'))).toBe(true);
    const second = await exported('json', { sinceMs: DAY_MS, untilMs: 2 * DAY_MS });
    expect(second).toHaveLength(2000);
    expect(second.every((line) => line.includes('"at":"1970-01-02T'))).toBe(true);
    expect(await exported('json', ALWAYS, 'vendor:nobody')).toEqual(['']);
  });

  test('I2 as CSV is text to any spreadsheet, whatever others named', async () => {
    const [head, ...lines] = await exported('csv', { sinceMs: 0, untilMs: DAY_MS });
    expect(head).toBe('seq,n,at,kind,ref,account,sub,cur,amount');
    expect(lines.find((line) => line.startsWith('7,1,'))).toBe(
      "7,1,1970-01-01T00:00:00.000Z,pay,'=1+1,vendor:site1,,usd-micro,1",
    );
    expect(lines.find((line) => line.startsWith('8,1,'))).toContain(',"a,""b""",');
  });
});

test('a settlement names what each site earned in a period, and tells how far it is', async () => {
  const told: string[] = [];
  const { json } = await settlement({ data: bench.data }, { period: ALWAYS }, (line) => told.push(line));
  const { settlement: rows } = json as { settlement: { vnd: string; net: string; lines: number }[] };
  const linesOf = (vnd: string) => rows.filter((one) => one.vnd === vnd).reduce((sum, { lines }) => sum + lines, 0);
  expect(['site0', 'site1', 'site2'].map(linesOf)).toEqual([ENTRIES / 3, ENTRIES / 3, ENTRIES / 3]);
  expect(rows).toHaveLength(6);
  const all = Array.from({ length: ENTRIES }, (_, i) => BigInt(((i + 1) % 7) + 1)).reduce((sum, n) => sum + n, 0n);
  expect(rows.reduce((sum, { net }) => sum + BigInt(net), 0n)).toBe(all);
  expect(told.at(-1)).toBe(`${ENTRIES} of ${ENTRIES} entries`);
  const day = await settlement({ data: bench.data }, { period: { sinceMs: DAY_MS, untilMs: 2 * DAY_MS } }, () => {});
  expect((day.json as { settlement: { lines: number }[] }).settlement.reduce((sum, { lines }) => sum + lines, 0)).toBe(
    1000,
  );
});
