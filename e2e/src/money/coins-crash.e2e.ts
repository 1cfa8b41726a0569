// A site that takes coins which their broker decides, killed at every step of a payment: the repeat of the credential finds one
// outcome, the site is paid once for what it delivered, and nobody pays for what was not.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditLedger } from '@farthing/broker';
import { Bench, Holder, Person } from '@farthing/broker/testing';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { CoinPayer, challengeAt, codeOf, present } from '../harness/coin-payer.ts';

const PRICE = 2000n;
const WORKER = join(import.meta.dirname, '../../../vendor-middleware/src/testing/dying-worker.ts');
const folder = mkdtempSync(join(tmpdir(), 'farthing-dying-'));
const bench = new Bench();
const children: ChildProcess[] = [];
let alice: CoinPayer;

beforeAll(async () => {
  await bench.start({ ecash: { denominations: [500n, 1000n, 2000n, 5000n] } });
  const holder = new Holder(bench);
  await holder.faucet(1_000_000n);
  await holder.learn();
  alice = new CoinPayer(holder, { bench, price: PRICE });
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
});
afterAll(async () => {
  const { findings } = auditLedger(join(bench.data, 'ledger.db'), bench.public.root);
  await bench[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  expect(findings, 'the books after all of it').toEqual([]);
});

type Told = { port?: number; vnd?: string; served?: number; redeemed?: boolean };

/** A process of the site whose data lie in `name`; killed at `step`, if there is one. */
async function startSite(name: string, step = '') {
  mkdirSync(join(folder, name), { recursive: true });
  const child = fork(WORKER, [bench.url, join(folder, name), step], {
    execArgv: ['--conditions=farthing-source', '--disable-warning=ExperimentalWarning'],
  });
  children.push(child);
  const told = async (member: keyof Told): Promise<Told> => {
    for (;;) {
      const died = once(child, 'exit').then(() => Promise.reject(new Error('the site died')));
      const [message]: Told[] = await Promise.race([once(child, 'message'), died]);
      if (message && member in message) return message;
    }
  };
  const { port = 0, vnd = '' } = await told('port');
  const ask = (question: 'served' | 'redeem'): Promise<Told> => {
    const answer = told(question === 'redeem' ? 'redeemed' : question);
    child.send(question);
    return answer;
  };
  return { url: `http://127.0.0.1:${port}`, vnd, child, ask };
}

/** What the broker says that the site has, after it claimed everything. */
async function earned(name: string, { vnd, ask }: Awaited<ReturnType<typeof startSite>>): Promise<bigint> {
  await ask('redeem');
  const seed = Buffer.from(readFileSync(join(folder, name, 'keys/vendor.secret'), 'utf8').trim(), 'base64url');
  const { balance } = await new Person(bench, new Uint8Array(seed)).statement({ vnd });
  return BigInt(String(balance));
}

it.each([
  ['after the broker agreed and before it wrote that down', 'before the write', '/page', {}],
  ['after it wrote that down', 'after the write', '/page', {}],
  ['when the page is made and not yet delivered', 'before the commit', '/page', {}],
  [
    'when the page failed and the broker has let go of the coins',
    'before the release',
    '/failing',
    { 'x-mood': 'bad' },
  ],
])('A site that is killed %s', async (_, step, path, headers) => {
  const dying = await startSite(step, step);
  const challenge = await challengeAt(`${dying.url}${path}`);
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const lost = present(`${dying.url}${path}`, challenge, payload, { headers }).then(
    ({ status }) => status,
    () => 'no answer',
  );
  await once(dying.child, 'exit');
  expect(['no answer', 500]).toContain(await lost);
  const next = await startSite(step);
  expect(await codeOf(await present(`${next.url}${path}`, challenge, payload))).toBe('page');
  expect(await codeOf(await present(`${next.url}${path}`, challenge, payload))).toBe('page');
  expect(await earned(step, next)).toBe(PRICE);
});

it('Two processes of one site run the handler once for a credential that comes to both, many times at once', async () => {
  const sites = [await startSite('two'), await startSite('two')];
  const url = (i: number) => `${sites[i % 2]?.url}/order`;
  const challenge = await challengeAt(url(0), 'POST');
  const payload = alice.payload(challenge, await alice.give([5000n]));
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => present(url(i), challenge, payload, { method: 'POST' })),
  );
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ headers }) => headers.get('payment-receipt'))).size).toBe(1);
  const runs = await Promise.all(sites.map(({ ask }) => ask('served')));
  expect(runs.reduce((sum, { served = 0 }) => sum + served, 0)).toBe(1);
  for (const site of sites) expect(await earned('two', site)).toBe(PRICE);
});
