// kill -9 of either broker while sites of the one take coins of the other: whatever message or write it hits, both books agree
// in the end, nothing is paid twice, and no purse loses a coin.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JsonObject, type Order, readAnswer } from '@farthing/protocol';
import { seeded } from '@farthing/protocol/testing';
import { purse } from '@farthing/protocol/wallet';
import { afterAll, expect, it } from 'vitest';
import { auditLedger } from './audit/audit.ts';
import { openKeys } from './keys.ts';
import { listPeers } from './operate-peers.ts';
import { ledgerPath } from './start.ts';
import { Bench, Site } from './testing/client.ts';
import { Holder } from './testing/coins.ts';
import { foreign, pin } from './testing/pair.ts';
import { Processes, type Served } from './testing/process.ts';
import { Wire } from './testing/wire.ts';

const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const PURSES = 3;
const STEPS = 12;
const KILLS = 6;
/** Messages between the brokers, there and back, from one kill to the next: odd, to hit both. */
const EVERY = 7;

const processes = new Processes();
const wire = new Wire(() => issuer.bench.url);

/** A broker in a process of its own. */
class Victim {
  readonly data = mkdtempSync(join(tmpdir(), 'farthing-peer-'));
  readonly bench = new Bench();
  readonly faults: string[] = [];
  #served: Served | undefined;
  up: Promise<void> = Promise.resolve();

  start(): Promise<void> {
    this.up = this.#start();
    return this.up;
  }

  /** After the last one: a process that is killed while it starts has nobody to tell. */
  restart(): void {
    this.up = this.up.then(() => this.#restart());
  }

  get findings() {
    return auditLedger(ledgerPath(this.data), openKeys(this.data, this.bench.env()).root).findings;
  }

  async owes(): Promise<bigint> {
    const { peers } = (await listPeers({ data: this.data })).json as { peers: { balance: string }[] };
    return BigInt(peers[0]?.balance ?? '0');
  }

  async #start(): Promise<void> {
    this.#served = await processes.serve(this.data, '--test', '--ecash', '--json');
    await this.bench.attach((JSON.parse(this.#served.line) as { url: string }).url);
  }

  async #restart(): Promise<void> {
    this.#served?.child.kill('SIGKILL');
    await this.#served?.ended;
    this.faults.push(...this.findings.map((finding) => JSON.stringify(finding)));
    await this.#start();
  }
}

const issuer = new Victim();
const other = new Victim();
afterAll(async () => {
  processes.kill();
  await wire[Symbol.asyncDispose]();
  for (const { bench, data } of [issuer, other]) {
    await bench[Symbol.asyncDispose]();
    rmSync(data, { recursive: true });
  }
});

let kills = 0;
let over: Error | undefined;

/** Asks until there is an answer: the same order, over and over. */
async function ask({ bench }: Victim, path: string, order: Order): Promise<JsonObject> {
  for (;;) {
    await Promise.all([issuer.up, other.up]);
    const reply = await bench.post(path, order).catch(() => undefined);
    if (reply?.status === 200) return readAnswer(reply.body, order, bench.public, bench.env().crypto);
    if (reply && reply.body['code'] !== 'unavailable') over = new Error(`${path}: ${reply.status} ${reply.text}`);
    if (over) throw over;
  }
}

it(`payments, captures and voids between two brokers under kill -9 of either (seed ${seed}): both books agree, nothing is lost or paid twice`, async () => {
  await Promise.all([issuer.start(), other.start(), wire.start()]);
  await issuer.bench.until('/v1/ecash/keysets');
  await pin({ place: issuer }, other.bench, 1_000_000n);
  await pin({ place: other }, { url: wire.url, public: issuer.bench.public }, 1_000_000n);
  const site = await new Site(other.bench).open();
  const rng = seeded(seed);
  let messages = 0;
  // Before the issuer writes, while it does, or when its answer is on the way.
  wire.onOrder = () => {
    messages++;
    if (kills >= KILLS || messages % EVERY !== 0) return;
    kills++;
    rng.pick([issuer, other]).restart();
  };
  const holders = await Promise.all(Array.from({ length: PURSES }, () => new Holder(issuer.bench).funded(1_000n)));
  const paid = await Promise.all(holders.map((holder, n) => spend(holder, site, seeded(seed + n))));
  await Promise.all([issuer.up, other.up]);
  expect(kills).toBe(KILLS);
  expect([...issuer.faults, ...other.faults]).toEqual([]);

  const sum = paid.reduce((all, one) => all + one);
  expect(await site.statement({ vnd: site.vnd })).toMatchObject({ balance: sum.toString() });
  expect(await issuer.owes()).toBe(sum);
  expect(await other.owes()).toBe(-sum);
  for (const [n, holder] of holders.entries()) {
    expect(holder.worth, 'what was withdrawn and not paid').toBe(WITHDRAWN - (paid[n] ?? 0n));
    for (const coin of holder.purse.coins) expect(await holder.prove(coin)).toMatchObject({ state: 'unspent' });
  }
  expect([...issuer.findings, ...other.findings]).toEqual([]);
}, 180_000);

const WITHDRAWN = 100n;

/** One purse, one step after the other. @returns what the site is paid for */
async function spend(holder: Holder, site: Site, rng: ReturnType<typeof seeded>): Promise<bigint> {
  const at = foreign(site, issuer.bench);
  const made = holder.draft([50n, 20n, 10n, 10n, 5n, 2n, 2n, 1n]);
  const { signatures } = await ask(issuer, '/v1/ecash/withdraw', holder.withdrawOrder(made));
  holder.finish(made.planned, signatures);
  let sum = 0n;
  for (let step = 0; step < STEPS; step++) {
    const price = rng.pick([1n, 2n, 3n, 5n]);
    const taken = holder.take(price);
    const id = randomBytes(32).toString('base64url');
    const hold = rng.chance(0.7);
    const order = at.deposit(holder.sign(taken, site, id, price), hold);
    const { change } = await ask(other, '/v1/ecash/deposit', order);
    holder.finish(taken.change.planned, change);
    const giveUp = hold && taken.change.outputs.length === 0 && rng.chance(0.5);
    if (giveUp) {
      await ask(other, '/v1/ecash/void', at.giveUp(id));
      holder.purse = purse.put(holder.purse, taken.coins);
    } else {
      if (hold) await ask(other, '/v1/ecash/capture', at.capture(id));
      sum += price;
    }
  }
  return sum;
}
