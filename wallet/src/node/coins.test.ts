// Coins at the command line: from the account to somebody without one, back when nobody took them, and all from the words.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '@farthing/broker/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMint } from '../testing/mint.ts';
import { terminal } from '../testing/terminal.ts';

let dir: string;
let bench: Bench;
let who = 'alice';
const { cli, json, start } = terminal(() => ({ data: join(dir, who), brokerUrl: bench.url }));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-coins-'));
  bench = await startMint();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

test('withdraw, give, take, pull back, and restore from the words on standard input', async () => {
  await cli('init');
  await cli('top-up', '0.10');
  expect(await cli('withdraw', '0.05 USD')).toMatchObject({
    status: 0,
    out: expect.stringMatching(/Withdrew \$0\.05; 1\d coins/),
  });
  const gift = await cli('gift', '0.02', '--memo', 'tea');
  expect(gift).toMatchObject({ status: 0, out: expect.stringMatching(/^farthing-gift:/) });
  expect(gift.err).toContain('This text is the money');
  who = 'bob';
  const taken = await cli('take', gift.out.trim());
  expect(taken).toMatchObject({ status: 0, out: expect.stringMatching(/Took \$0\.02 of test money in\.\n"tea"/) });
  expect(await cli('coins')).toMatchObject({ out: expect.stringMatching(/\$0\.02 in coins\n +\d+ × \$/) });
  who = 'alice';
  const { value: second } = await json('gift', '0.01');
  expect(await cli('gifts', '--back', second.id)).toMatchObject({ status: 0, out: '$0.01 are back.\n' });
  expect((await cli('gifts')).out).toMatch(/back {7,}.*\n.*taken .*"tea"/);
  expect(await cli('phrase')).toMatchObject({ status: 2, out: '' });
  const words = await cli('phrase', '--show');
  expect(words.out.trim().split(' ')).toHaveLength(12);

  who = 'bob';
  const asked = await cli('request', '0.01', '--memo', 'cake', '--link');
  expect(asked).toMatchObject({ status: 0, out: expect.stringMatching(/^http.*\/open#farthing-request:/) });
  const page = await fetch(asked.out.trim());
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('farthing take')]);
  who = 'alice';
  const request = ['--for', asked.out.trim()];
  expect(await cli('gift', ...request)).toMatchObject({ status: 2, err: expect.stringContaining('$0.01 for "cake"') });
  expect(await cli('gift', '0.02', ...request)).toMatchObject({ status: 1, err: expect.stringContaining('sum-wrong') });
  const answer = await cli('gift', '0.01', ...request, '--qr');
  expect(answer).toMatchObject({ status: 0, err: expect.stringContaining('Only who asked for it can take this.') });
  who = 'bob';
  expect((await cli('take', answer.out.trim())).out).toMatch(
    /Took \$0\.01[\s\S]*answers your request: .* paid .*"cake"/,
  );
  expect((await cli('requests')).out).toMatch(/paid +\$0\.01 {2}came \$0\.01 {2}"cake"/);

  who = 'alice-again';
  const restoring = start('restore');
  restoring.child.stdin?.end(words.out);
  expect(await restoring.end).toMatchObject({
    status: 0,
    out: expect.stringMatching(/^Account \$0\.05; \d+ coins, \$0\.02; \d+ were spent\.\n$/),
  });
  expect((await json('balance')).value).toMatchObject({ totalMicro: '70000' });
  expect(await cli('deposit', '0.01')).toMatchObject({ status: 0, out: '$0.01 are back in the account.\n' });
  expect((await json('deposit')).value).toMatchObject({ kind: 'refund', state: 'refunded', amountMicro: '10000' });
});
