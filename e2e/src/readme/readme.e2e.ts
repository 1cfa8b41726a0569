// The README's own code, as it stands there: the site of a few lines takes money, the commands of a terminal pay it.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort, type Running, runCommand, startBrokerProcess, startProcess } from '../harness/processes.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'farthing-readme-'));
const out = join(root, 'e2e', 'out');
let broker: Running;
let site: Running;
let port: number;

beforeAll(async () => {
  broker = await startBrokerProcess(join(folder, 'broker'));
  port = await freePort();
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
  if (!code) throw new Error('the README has no code');
  // As the README says: the local broker, no origin. The rest is untouched, but for where it listens and keeps its data.
  const local = code
    .replace("'https://broker.example'", `'${broker.url}'`)
    .replace(/, origin: '[^']+'/, '')
    .replace("'./farthing'", JSON.stringify(join(folder, 'site')))
    .replace(
      'app.listen(3000)',
      `app.listen(${port}, '127.0.0.1', () => console.log('{"url":"http://127.0.0.1:${port}"}'))`,
    );
  expect(local).toContain(String(port));
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'readme-site.ts'), local);
  site = await startProcess('The site of the README', 'e2e/out/readme-site.ts', []);
});
afterAll(async () => {
  await site?.stop();
  await broker?.stop();
  rmSync(folder, { recursive: true });
});

const farthing = (...args: string[]) =>
  runCommand('wallet/src/node/farthing.ts', args, { FARTHING_WALLET: join(folder, 'wallet') });

it('the site of the README asks for 0.0015 dollars, and the terminal of the README pays it', async () => {
  const asked = await fetch(`${site.url}/article/1`);
  expect([asked.status, await asked.json()]).toEqual([402, expect.objectContaining({ code: 'payment-required' })]);
  expect((await farthing('init', '--broker', broker.url)).code).toBe(0);
  expect((await farthing('top-up', '1')).code).toBe(0);
  const paid = await farthing('pay', `${site.url}/article/1`, '--max', '0.01 USD');
  expect([paid.code, paid.stdout]).toEqual([0, 'Article 1']);
  expect(paid.stderr).toContain('$0.0015');
});

it('too low a --max pays nothing and says what to do', async () => {
  const refused = await farthing('pay', `${site.url}/article/2`, '--max', '0.001 USD');
  expect([refused.code, refused.stdout]).toEqual([1, '']);
  expect(refused.stderr).toContain('0.0015 USD');
  expect((await farthing('balance')).stdout).toContain('$0.9985');
});
