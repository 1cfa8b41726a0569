// Codes that a program of the operator sends.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { sendByProgram } from './send-by.ts';

const folder = mkdtempSync(join(tmpdir(), 'farthing-send-'));
afterAll(() => rmSync(folder, { recursive: true }));
function program(text: string): string {
  const path = join(folder, `send-${Math.random()}`);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}
const message = { to: '-rf $(ls)', code: '123456', text: '123456 is your code' };

test('the program gets the message as JSON, and nothing as an argument', async () => {
  await sendByProgram(program(`cat > ${folder}/letter; echo "$#" > ${folder}/arguments`))(message);
  expect(JSON.parse(readFileSync(join(folder, 'letter'), 'utf8'))).toEqual(message);
  expect(readFileSync(join(folder, 'arguments'), 'utf8')).toBe('0\n');
});

test('a program that fails, reads nothing, or is not there is a fault of the sender alone', async () => {
  await expect(sendByProgram(program('cat > /dev/null; exit 3'))(message)).rejects.toThrow('ended with 3');
  await expect(sendByProgram(program('exit 0'))(message)).resolves.toBeUndefined();
  await expect(sendByProgram(join(folder, 'nothing'))(message)).rejects.toThrow('ENOENT');
});
