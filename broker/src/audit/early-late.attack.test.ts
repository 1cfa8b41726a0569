// Pieces that are sold early and claimed late, with so much in between that the audit has put them away: what somebody moves from one
// to the other is named.
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ledgerPath } from '../start.ts';
import { Bench, Person, Site } from '../testing/client.ts';
import { auditEdited, hashAnew } from '../testing/edits.ts';

const bench = new Bench();
let site: Site;
/** Sold first and claimed last. */
let early: string[];
let between: string[];

beforeAll(async () => {
  await bench.start();
  site = await new Site(bench).open();
  const anna = new Person(bench);
  await anna.faucet(100_000n);
  const buy = async () => {
    const { pieces } = await anna.buy(site.vnd, 10n, { count: 20 });
    return pieces.map(({ scrip }) => scrip.root);
  };
  early = await buy();
  between = [...(await buy()), ...(await buy())];
  for (const cum of [3n, 7n]) for (const root of between) await site.redeem([{ root, cum }]);
  for (const root of early) await site.redeem([{ root, cum: 6n }]);
  await bench.stop();
});
afterAll(() => bench[Symbol.asyncDispose]());

const audited = (edit: (db: DatabaseSync) => void) =>
  auditEdited({ path: ledgerPath(bench.data), root: bench.public.root }, edit);

test('an honest ledger of that kind is clean', () => {
  expect(audited(() => undefined)).toMatchObject({ ok: true, findings: [], pieces: early.length + between.length });
});

test('a late payment is moved from one early piece to another, and the journal hashed anew', () => {
  const [one = '', two = ''] = early;
  const { findings } = audited((db) => {
    const move = db.prepare('UPDATE posting SET sub = ? WHERE sub = ? AND amount < 0');
    move.run(`${site.vnd}/${two}`, `${site.vnd}/${one}`);
    db.prepare('UPDATE root SET credited = ? WHERE root = ?').run(0, one);
    db.prepare('UPDATE root SET credited = ? WHERE root = ?').run(12, two);
    hashAnew(db);
  });
  expect(findings.map(({ table, column }) => `${table} ${column ?? ''}`)).toEqual(
    expect.arrayContaining(['journal postings', 'posting ', 'root credited']),
  );
});

test('what an early piece has left is moved to one that was sold after it', () => {
  const [one = '', two = ''] = [early.at(-1), between.at(-1)];
  const { findings } = audited((db) => {
    const add = db.prepare('UPDATE root SET credited = credited + ? WHERE root = ?');
    add.run(1, one);
    add.run(-1, two);
  });
  expect(findings).toEqual([
    { table: 'root', row: `${site.vnd}/${one}`, column: 'credited', expected: '6', found: '7' },
    { table: 'root', row: `${site.vnd}/${two}`, column: 'credited', expected: '7', found: '6' },
  ]);
});

test('an early piece is gone, or is there under another name', () => {
  const [one = ''] = early;
  const gone = audited((db) => db.prepare('DELETE FROM root WHERE root = ?').run(one));
  expect(gone.findings).toEqual([{ table: 'root', row: `${site.vnd}/${one}`, expected: 'a row', found: 'none' }]);
  const other = audited((db) => db.prepare('UPDATE root SET root = ? WHERE root = ?').run(`${one}0`, one));
  expect(other.findings).toHaveLength(2);
});

test('an early order is given the answer of a later one, which its sender signed as well', () => {
  const { findings } = audited((db) => {
    const late = db
      .prepare("SELECT answer FROM stored_order WHERE typ = 'scrip-redeem/1' ORDER BY n DESC LIMIT 1")
      .get();
    const first = "SELECT n FROM stored_order WHERE typ = 'scrip-redeem/1' ORDER BY n LIMIT 1";
    db.prepare(`UPDATE stored_order SET answer = ? WHERE n = (${first})`).run(String(late?.['answer']));
  });
  expect(findings[0]).toMatchObject({ table: 'stored_order', column: 'answer' });
});
