// What a log of everything, read by somebody who should not, tells of customers and sites: nothing.
import { DatabaseSync } from 'node:sqlite';
import { lineLogger } from '@farthing/node-kit';
import { problemCodes } from '@farthing/protocol';
import { expect, test } from 'vitest';
import { ledgerPath } from '../start.ts';
import { Bench, Person, Site } from '../testing/client.ts';
import { COINS, tellStory } from '../testing/story.ts';
import { orderRoutes } from './routes.ts';

/** Whatever names somebody or something, or opens a door: every text of the ledger that is not a word of ours. */
function namesIn(path: string): Set<string> {
  const db = new DatabaseSync(path, { readOnly: true, readBigInts: true });
  const names = new Set<string>();
  const note = (value: unknown) => {
    if (value instanceof Uint8Array) names.add(Buffer.from(value).toString('base64url'));
    else if (typeof value === 'string') for (const word of value.match(/[\w.-]{8,}/g) ?? []) names.add(word);
  };
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  for (const { name } of tables) {
    for (const row of db.prepare(`SELECT * FROM "${String(name)}"`).all()) Object.values(row).forEach(note);
  }
  db.close();
  return names;
}

test('a whole run at the level debug names no key, account, site, serial or code', async () => {
  const lines: string[] = [];
  const bench = new Bench();
  await using _ = bench;
  await bench.start({
    ecash: COINS,
    lawsEveryMs: 20,
    log: lineLogger((line) => lines.push(line), { format: 'json', level: 'debug' }),
  });
  const { site, anna } = await tellStory(bench);
  // Refusals and faults of all kinds, with names where names can stand.
  await bench.refused('/v1/scrip/buy', anna.buyOrder('nowhere.example', 1n));
  await bench.refused('/v1/voucher', anna.order('voucher/1', { code: 'ABCD-EFGH-JKMN-PQRS' }));
  await bench.refused('/v1/vendors', new Site(bench, site.vnd).registerOrder());
  await fetch(`${bench.url}/v1/vendors/${site.vnd}?key=${anna.pk}`);
  await fetch(`${bench.url}/${anna.pk}`);
  const db = new DatabaseSync(ledgerPath(bench.data), { timeout: 5000 });
  db.exec('ALTER TABLE balance RENAME TO gone');
  await bench.refused('/v1/faucet', new Person(bench).order('faucet/1', { amount: '5', cur: 'usd-micro' }));
  db.exec('ALTER TABLE gone RENAME TO balance');
  db.close();

  const log = lines.join('\n');
  expect(lines.length).toBeGreaterThan(50);
  expect(log).toContain('"level":"error"');
  const words = new Set(log.match(/[\w.-]{8,}/g));
  const names = namesIn(ledgerPath(bench.data));
  expect(names.size).toBeGreaterThan(500);
  expect(names).toContain(anna.pk);
  const ours = new Set<string>([...problemCodes, ...orderRoutes.flatMap(({ path }) => path.split('/'))]);
  expect([...words].filter((word) => names.has(word) && !ours.has(word))).toEqual([]);
  for (const secret of [anna.pk, site.vnd, 'nowhere.example', 'ABCD-EFGH']) expect(log).not.toContain(secret);
  for (const line of lines)
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), time: expect.any(String) });
});
