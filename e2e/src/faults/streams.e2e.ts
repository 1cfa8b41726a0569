// kill -9 of a site in the middle of streams, and listeners who hang up: the customer pays for what came, to the unit that
// was on its way, and wallet, site and broker agree in the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '@farthing/node-kit';
import { seeded } from '@farthing/protocol/testing';
import { MemoryStore, type MeterEvent, payingFetch, siteAnswer, Wallet } from '@farthing/wallet';
import { afterAll, expect, it } from 'vitest';
import { type Running, runCommand, startBrokerProcess, startProcess } from '../harness/processes.ts';

const STREAMS = Number(process.env['FARTHING_STREAMS'] ?? 12);
const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const [FUNDS, UNIT] = [1_000_000n, 10n];
const folder = mkdtempSync(join(tmpdir(), 'farthing-streams-'));
let broker: Running | undefined;
let site: Running | undefined;
afterAll(async () => {
  await site?.kill();
  await broker?.kill();
  rmSync(folder, { recursive: true });
});

const startRadio = (url: string, port = 0): Promise<Running> =>
  startProcess('The radio', 'e2e/src/harness/radio.ts', [
    ...['--broker', url, '--data', join(folder, 'radio'), '--port', String(port)],
  ]);

/** Reads until so many units have come, and hangs up; or kills the site then, and reads to the bitter end. */
async function listen(response: Response, units: number, kill?: () => Promise<unknown>): Promise<number> {
  const reader = response.body?.getReader();
  let text = '';
  const came = () => text.match(/^data: \d+\n$/gm)?.length ?? 0;
  const next = async () => {
    const chunk = await reader?.read().catch(() => undefined);
    text += Buffer.from(chunk?.value ?? []).toString();
    return chunk !== undefined && !chunk.done;
  };
  while (came() < units) if (!(await next())) throw new Error(`broke off after ${came()} of ${units}: ${text}`);
  if (kill) {
    await kill();
    while (await next());
  }
  await reader?.cancel().catch(() => undefined);
  return came();
}

/** Shows the site again what may be under way. @returns how many payments have no outcome yet */
async function present(wallet: Wallet): Promise<number> {
  for (const { id, url, method, header } of await wallet.pending()) {
    const answer = await fetch(url, { method, headers: { [header.name]: header.value } });
    await wallet.settle(id, await siteAnswer(answer));
  }
  return (await wallet.pending()).length;
}

it(`${STREAMS} streams under kill -9 of their site and hang-ups (seed ${seed}): what is paid is what came, within one unit each`, async () => {
  const rng = seeded(seed);
  broker = await startBrokerProcess(join(folder, 'broker'));
  site = await startRadio(broker.url);
  const { url } = site;
  const port = Number(new URL(url).port);
  const wallet = await Wallet.open({ store: new MemoryStore(), fetch, env: nodeEnv });
  await wallet.init({ brokerUrl: broker.url });
  await wallet.topUp({ amountMicro: FUNDS });
  await wallet.setRule(url, { mode: 'auto', perPageMicro: 20_000n, perDayMicro: 500_000n });

  let came = 0;
  let kills = 0;
  const meters: Promise<MeterEvent>[] = [];
  for (let n = 0; n < STREAMS; n++) {
    const pay = payingFetch(fetch, wallet, {
      onEvent: (event) => void (event.kind === 'stream' && meters.push(event.meter.done)),
    });
    const isKill = rng.chance(0.5);
    const response = await pay(`${url}/live?n=${n}`);
    expect([n, response.status]).toEqual([n, 200]);
    came += await listen(response, 1 + rng.below(40), isKill ? site.kill : undefined);
    if (!isKill) continue;
    kills++;
    site = await startRadio(broker.url, port);
  }
  expect(kills).toBeGreaterThan(0);
  await Promise.all(meters);

  // What a dead process held is free once its time is over; then nothing of the wallet's is under way.
  await expect.poll(() => present(wallet), { timeout: 60_000, interval: 1000 }).toBe(0);
  await wallet.closeSessions();
  await site.stop();
  site = undefined;
  const left = (await wallet.balance({ refresh: true })).totalMicro;
  for (const { driftMicro } of await wallet.conservation()) expect(driftMicro).toBe(0n);
  const paid = (FUNDS - left) / UNIT;
  console.log(`seed ${seed}: ${kills} kills in ${STREAMS} streams, ${came} units came, ${paid} were paid`);

  // A hang-up may leave one unit that was on its way paid; a kill, one that came unpaid.
  expect(Number(paid) - came).toBeLessThanOrEqual(STREAMS - kills);
  expect(came - Number(paid)).toBeLessThanOrEqual(kills);
  const audit = await runCommand('broker/src/main.ts', ['audit', '--data', join(folder, 'broker'), '--json']);
  expect(JSON.parse(audit.stdout)).toMatchObject({ ok: true });
  const vendors = await runCommand('broker/src/main.ts', ['vendors', '--data', join(folder, 'broker'), '--json']);
  const books = JSON.parse(vendors.stdout) as { vendors: { owed: string }[] };
  expect(books.vendors.map(({ owed }) => BigInt(owed))).toEqual([FUNDS - left]);
});
