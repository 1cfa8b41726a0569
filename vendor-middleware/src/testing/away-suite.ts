// A whole site whose database dies: closed meanwhile, never open, and nobody pays twice for the same page.
import { expect, test } from 'vitest';
import type { VendorStore } from '../store/port.ts';
import { challengesOf, credentialFor, problemOf, testSite } from './site.ts';

type Server = {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

type Parts = { readonly start: () => Promise<Server>; readonly open: (url: string) => Promise<VendorStore> };

export function awaySuite(name: string, { start, open }: Parts): void {
  test(`with its ${name} away a site answers 503 with Retry-After, serves nothing, and goes on by itself`, async () => {
    const server = await start();
    const site = await testSite({ store: await open(server.url) });
    const { app, pay, broker, url } = site;
    let runs = 0;
    app.get('/page', pay.wall({ price: '0.0015 USD' }), (_req, res) => void res.send(`page ${++runs}`));
    const challenge = async () => {
      const [first] = challengesOf(await fetch(`${url}/page`));
      if (!first) throw new Error('no challenge');
      return first;
    };
    const [piece] = broker.sell(10_000n);
    const headerFor = async () => credentialFor(await challenge(), piece, { target: 'GET /page' }).header;
    const [mine, rival] = [await headerFor(), await headerFor()];
    const send = (authorization: string) => fetch(`${url}/page`, { headers: { authorization } });
    await server.kill();
    for (const header of [mine, rival, mine]) {
      const answer = await send(header);
      expect([answer.status, answer.headers.has('retry-after'), runs]).toEqual([503, true, 0]);
      expect(answer.headers.has('payment-receipt')).toBe(false);
      await answer.arrayBuffer();
    }
    await server.start();
    const good = await send(mine);
    expect([good.status, await good.text()]).toEqual([200, 'page 1']);
    // Right after the claim.
    await server.kill();
    await server.start();
    // Its verdict may have met a server that was gone: it is told again.
    const again = await send(mine);
    expect([again.status, again.headers.get('payment-receipt')]).toEqual([200, good.headers.get('payment-receipt')]);
    await again.arrayBuffer();
    const lost = await send(rival);
    expect([lost.status, (await problemOf(lost))['code']]).toEqual([402, 'scrip-spent']);
    await pay.redeemNow();
    expect(broker.total()).toBe(1500n);
    await site.close();
    await server.stop();
  }, 60_000);
}
