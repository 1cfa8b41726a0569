// kill -9 of broker or site at random moments while a wallet buys: no cent is lost or made, every paid page can be had.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeEnv } from '@farthing/node-kit';
import { seeded } from '@farthing/protocol/testing';
import { MemoryStore, payingFetch, Wallet } from '@farthing/wallet';
import { afterAll, expect, it } from 'vitest';
import { type Running, runCommand, startBrokerProcess, startSiteProcess } from '../harness/processes.ts';

const PURCHASES = Number(process.env['FARTHING_PURCHASES'] ?? 200);
const seed = Number(process.env['FARTHING_SEED'] ?? 20_261_123);
const folder = mkdtempSync(join(tmpdir(), 'farthing-kill-'));
const running: Record<'broker' | 'site', Running | undefined> = { broker: undefined, site: undefined };

afterAll(async () => {
  await running.site?.kill();
  await running.broker?.kill();
  rmSync(folder, { recursive: true });
});

const portOf = (url: string) => Number(new URL(url).port);

it(`${PURCHASES} purchases under kill -9 of broker and site (seed ${seed}): audit clean, nothing lost or made, every paid page obtainable`, async () => {
  const rng = seeded(seed);
  let broker = await startBrokerProcess(join(folder, 'broker'));
  running.broker = broker;
  let site = await startSiteProcess(broker.url, join(folder, 'site'));
  running.site = site;
  const ports = { broker: portOf(broker.url), site: portOf(site.url) };

  const store = new MemoryStore();
  const wallet = await Wallet.open({ store, fetch, env: nodeEnv });
  await wallet.init({ brokerUrl: broker.url });
  await wallet.topUp({ amountMicro: 5_000_000n });
  const origin = new URL(site.url).origin;
  await wallet.setRule(origin, { mode: 'auto', perPageMicro: 10_000n, perDayMicro: 5_000_000n });
  const pay = payingFetch(fetch, wallet);

  const restart = async (who: 'broker' | 'site') => {
    await running[who]?.kill();
    if (who === 'broker') running.broker = broker = await startBrokerProcess(join(folder, 'broker'), ports.broker);
    else running.site = site = await startSiteProcess(broker.url, join(folder, 'site'), ports.site);
  };

  const slugs = ['last-lighthouse-keeper', 'the-price-of-a-herring', 'a-map-of-the-wind'];
  let kills = 0;
  const urls: string[] = [];
  for (let n = 0; n < PURCHASES; n++) {
    const url = `${origin}/article/${rng.pick(slugs)}?n=${n}`;
    const who = rng.chance(0.15) ? rng.pick(['broker', 'site'] as const) : undefined;
    const attempt = pay(url).then(
      async (answer) => (answer.status === 200 ? (await answer.text()).includes('Harbour Gazette') : false),
      () => false,
    );
    if (who) {
      kills++;
      // A random moment of the purchase: after 0 to 40 turns of the event loop, each of which lets some I/O through.
      for (let turns = rng.below(40); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      await running[who]?.kill();
    }
    let got = await attempt;
    if (who) await restart(who);
    for (let tries = 0; !got && tries < 5; tries++) {
      await wallet.recover();
      got = await pay(url).then(
        async (answer) => answer.status === 200 && (await answer.text()).includes('Harbour Gazette'),
        () => false,
      );
    }
    expect(got, `purchase ${n} after a kill of ${who ?? 'nobody'}`).toBe(true);
    urls.push(url);
  }
  expect(kills).toBeGreaterThan(0);

  // Every paid page can be had again, free.
  const before = (await wallet.balance({ refresh: true })).totalMicro;
  for (const url of urls.filter((_, n) => n % 10 === 0)) expect((await pay(url)).status).toBe(200);
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(before);
  expect(await wallet.pending()).toEqual([]);
  for (const { driftMicro } of await wallet.conservation()) expect(driftMicro).toBe(0n);

  // Giving the coins back shows the site the last change that it handed out before a kill. Then it redeems what it
  // holds, as it stops in order, and the books say the same as the wallet.
  await wallet.refund({ origin });
  expect((await wallet.balance({ refresh: true })).brokers.map(({ coinsMicro }) => coinsMicro)).toEqual([0n]);
  await site.stop();
  running.site = undefined;
  const audit = await runCommand('broker/src/main.ts', ['audit', '--data', join(folder, 'broker'), '--json']);
  expect(JSON.parse(audit.stdout)).toMatchObject({ ok: true });
  const history = await wallet.history({ limit: 10_000 });
  const paid = history.filter(({ kind, state }) => kind === 'payment' && state === 'paid');
  expect(new Set(paid.map(({ url }) => url)).size).toBe(paid.length);
  expect(paid.length).toBe(PURCHASES);
  const spent = paid.reduce((sum, { amountMicro }) => sum + amountMicro, 0n);
  expect(5_000_000n - before).toBe(spent);
  const vendors = await runCommand('broker/src/main.ts', ['vendors', '--data', join(folder, 'broker'), '--json']);
  const books = JSON.parse(vendors.stdout) as { vendors: { owed: string }[] };
  expect(
    books.vendors.map(({ owed }) => BigInt(owed)),
    'the site was credited what the wallet spent',
  ).toEqual([spent]);
  console.log(`seed ${seed}: ${kills} kills, ${PURCHASES} purchases, ${spent} micro spent`);
});
