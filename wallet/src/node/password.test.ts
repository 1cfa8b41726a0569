// A password at the command line: from a file or standard input, never from an argument.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '@farthing/broker/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startMint } from '../testing/mint.ts';
import { terminal } from '../testing/terminal.ts';

let dir: string;
let bench: Bench;
let env: Record<string, string> = {};
const { cli, json, start } = terminal(() => ({ data: join(dir, 'wallet'), brokerUrl: bench.url, env }));

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'farthing-password-'));
  bench = await startMint();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const typing = async (text: string, ...args: string[]) => {
  const { child, end } = start(...args);
  child.stdin?.end(text);
  return end;
};

test('set it from standard input, use it from a file, change it and remove it', async () => {
  await cli('init');
  await cli('top-up', '0.10');
  const words = (await cli('phrase', '--show')).out;
  expect(await typing('seven77\n', 'password', 'set')).toMatchObject({
    status: 1,
    err: expect.stringContaining('password-weak'),
  });
  expect(await typing('correct horse battery\n', 'password', 'set')).toMatchObject({
    status: 0,
    out: 'This wallet has a password.\n',
  });
  expect(await typing('', 'withdraw', '0.05')).toMatchObject({
    status: 1,
    err: expect.stringMatching(/wallet-locked[\s\S]*FARTHING_PASSWORD_FILE/),
  });
  expect((await json('balance')).value).toMatchObject({ totalMicro: '100000' });
  const [file, next] = [join(dir, 'password'), join(dir, 'next')];
  writeFileSync(file, 'wrong horse battery\n');
  env = { FARTHING_PASSWORD_FILE: file };
  expect(await cli('withdraw', '0.05')).toMatchObject({ status: 1, err: expect.stringContaining('password-wrong') });
  writeFileSync(file, 'correct horse battery\n');
  expect(await cli('withdraw', '0.05')).toMatchObject({ status: 0 });
  expect((await cli('phrase', '--show')).out).toBe(words);
  const { out: gift } = await cli('gift', '0.01');
  expect(await typing(gift, 'take', '-')).toMatchObject({ status: 0, out: 'Took $0.01 of test money in.\n' });

  writeFileSync(next, 'another horse');
  env = { ...env, FARTHING_NEW_PASSWORD_FILE: next };
  expect(await cli('password', 'change')).toMatchObject({ status: 0 });
  expect(await cli('password', 'change')).toMatchObject({ status: 1, err: expect.stringContaining('password-wrong') });
  env = {};
  expect(await typing('another horse\r\n', 'password', 'remove')).toMatchObject({
    status: 0,
    out: 'This wallet has no password.\n',
  });
  expect((await cli('phrase', '--show')).out).toBe(words);
  expect(await cli('password', 'remove')).toMatchObject({ status: 2 });
  expect(await cli('password', 'set', 'correct horse battery')).toMatchObject({ status: 2 });
});
