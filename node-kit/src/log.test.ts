import { expect, test } from 'vitest';
import { faultOf, lineLogger } from './log.ts';

test('a line of text is one line, whatever is in it', () => {
  const lines: string[] = [];
  const log = lineLogger((line) => lines.push(line));
  log.info({ port: 8402, why: 'a\nb "c"', name: 'x=y', big: 5n }, 'started');
  log.error({}, 'failed');
  expect(lines).toEqual(['started port=8402 why="a\\nb \\"c\\"" name="x=y" big=5', 'ERROR failed']);
});

test('JSON lines carry time, level, message and fields, and no field takes their place', () => {
  const lines: string[] = [];
  lineLogger((line) => lines.push(line), { format: 'json' }).warn({ level: 'info', drift: 7n, ok: true }, 'odd');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { time: expect.stringMatching(/^\d{4}-.*Z$/), level: 'warn', message: 'odd', drift: '7', ok: true },
  ]);
});

test('what is below the level is not written', () => {
  const lines: string[] = [];
  const log = lineLogger((line) => lines.push(line), { level: 'warn' });
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  expect(lines).toEqual(['c']);
});

test('a fault keeps its words and loses whatever could be a key, an id or a code', () => {
  const key = 'b64_urlKey-0123456789abcdefABCDEF0123456789xyz';
  expect(faultOf(new TypeError(`no piece ${key} of ABCD-EFGH-JKMN-PQRS`))).toBe('TypeError: no piece … of …');
  expect(faultOf('gone')).toBe('gone');
  expect(faultOf(new Error('x '.repeat(1000))).length).toBeLessThan(310);
});
