// A broker that lies, and a network that answers in its place: nothing counts that does not verify.
import type { Order } from '@farthing/protocol';
import { beforeEach, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { AUTO, drift, makeCustomer, visit } from './testing/customer.ts';
import { makeWorld, type World } from './testing/world.ts';
import { Wallet } from './wallet.ts';

let world: World;
let wallet: Wallet;
const page = 'https://news.example/article/1';

beforeEach(async () => {
  world = makeWorld();
  world.addSite('news.example');
  ({ wallet } = await makeCustomer(world));
  await wallet.setRule('https://news.example', AUTO);
});

type Piece = { scrip: Record<string, unknown>; csec: string };
type Sold = { pieces: Piece[]; balance: string; cur: string };

const lies: [string, (sold: Sold) => void][] = [
  ['another site', ({ pieces: [piece] }) => Object.assign(piece?.scrip ?? {}, { vnd: 'evil.example' })],
  ['a short value', ({ pieces: [piece] }) => Object.assign(piece?.scrip ?? {}, { val: '29999' })],
  ['another currency', ({ pieces: [piece] }) => Object.assign(piece?.scrip ?? {}, { cur: 'eur-micro' })],
  ['a short life', ({ pieces: [piece] }) => Object.assign(piece?.scrip ?? {}, { exp: 1_800_000_000 })],
  ['used scrip', ({ pieces: [piece] }) => Object.assign(piece?.scrip ?? {}, { root: 'k1.999' })],
  ['bearer scrip', ({ pieces: [piece] }) => Object.assign(piece?.scrip ?? {}, { props: { use: 'bearer' } })],
  ['no piece', (sold) => sold.pieces.splice(0)],
  ['one piece too many', ({ pieces }) => pieces.push(structuredClone(pieces[0] as Piece))],
  ['a balance in another currency', (sold) => Object.assign(sold, { cur: 'eur-micro' })],
  ['no secret', ({ pieces: [piece] }) => Object.assign(piece ?? {}, { csec: '' })],
];

test.each(lies)('a signed sale of %s gives no coins, is kept as evidence, and ends', async (_, change) => {
  world.control.middle = async ({ url, body }, on) => {
    const response = await on();
    if (url.pathname !== '/v1/scrip/buy') return response;
    const { result } = (await response.json()) as { result: Sold };
    change(result);
    return world.broker.lie(JSON.parse(body) as Order, result as never);
  };
  await expect(visit(world, wallet, page)).rejects.toMatchObject({ code: 'broker-untrusted' });
  expect((await wallet.balance()).brokers[0]).toMatchObject({ coinsMicro: 0n, heldMicro: 0n });
  expect(await wallet.evidence()).toHaveLength(1);
  expect(await drift(wallet)).toBe(0n);
  world.control.middle = (_, on) => on();
  await wallet.balance({ refresh: true });
  expect(await drift(wallet)).toBe(0n);
});

test('an answer with a wrong signature counts for nothing, and the order stays open for the true one', async () => {
  world.control.middle = async ({ url }, on) => {
    const response = await on();
    if (url.pathname !== '/v1/scrip/buy') return response;
    const answer = (await response.json()) as { result: Sold };
    answer.result.balance = '999999999';
    return Response.json(answer);
  };
  await expect(visit(world, wallet, page)).rejects.toMatchObject({ code: 'broker-untrusted' });
  expect((await wallet.balance()).totalMicro).toBe(1_000_000n);
  world.control.middle = (_, on) => on();
  expect((await visit(world, wallet, page)).settled.outcome).toBe('paid');
  expect((await wallet.balance()).totalMicro).toBe(998_500n);
  expect(await drift(wallet)).toBe(0n);
});

test('the answer of another order is not taken for this one', async () => {
  let first: Response | undefined;
  world.control.middle = async ({ url }, on) => {
    const response = await on();
    if (url.pathname !== '/v1/faucet') return response;
    first ??= response.clone();
    return first.clone();
  };
  await wallet.topUp({ amountMicro: 1000n });
  await expect(wallet.topUp({ amountMicro: 2000n })).rejects.toMatchObject({ code: 'broker-untrusted' });
  expect((await wallet.balance()).totalMicro).toBe(1_001_000n);
});

test('a sale that was made before is no answer to a new order', async () => {
  await visit(world, wallet, page);
  await wallet.setRule('https://news.example', { ...AUTO, perPageMicro: 200_000n });
  let sale: Sold | undefined;
  world.control.middle = async ({ url, body }, on) => {
    const response = await on();
    if (url.pathname !== '/v1/scrip/buy') return response;
    const { result } = (await response.json()) as { result: Sold };
    sale ??= result;
    return world.broker.lie(JSON.parse(body) as Order, sale as never);
  };
  const other = world.addSite('other.example');
  await visit(world, wallet, `${other.origin}/article/1`, 'person');
  other.state.priceMicro = 30_000n;
  await expect(visit(world, wallet, `${other.origin}/article/2`, 'person')).rejects.toMatchObject({
    code: 'broker-untrusted',
  });
  expect(await drift(wallet)).toBe(0n);
});

test('a key list that is not signed by its own root, or over plain http, adds no broker', async () => {
  const fresh = await Wallet.open({ store: new MemoryStore(), fetch: world.fetch, env: world.env });
  world.control.middle = async (_, on) => {
    const keys = (await (await on()).json()) as object;
    return Response.json({ ...keys, name: 'Another broker' });
  };
  await expect(fresh.init({ brokerUrl: world.broker.url })).rejects.toMatchObject({ code: 'broker-untrusted' });
  await expect(fresh.init({ brokerUrl: 'http://broker.example' })).rejects.toMatchObject({ code: 'insecure-origin' });
  expect(fresh.accountId()).toBeUndefined();
  await expect(fresh.topUp({ amountMicro: 1n })).rejects.toMatchObject({ code: 'no-account' });
});

test('a vendor record that the broker did not sign vouches for nobody', async () => {
  world.control.middle = async ({ url }, on) => {
    const response = await on();
    if (!url.pathname.startsWith('/v1/vendors/')) return response;
    const record = (await response.json()) as object;
    return Response.json({ ...record, origins: ['https://evil.example'] });
  };
  await expect(visit(world, wallet, page)).rejects.toThrow('broker-untrusted');
});

test('a redirect, a flood and a page of something else are no answers of the broker', async () => {
  const strange: (() => Response)[] = [
    () => new Response(null, { status: 307, headers: { location: 'https://evil.example/' } }),
    () => new Response('x'.repeat(70_000)),
    () => new Response('<html>log in to this Wi-Fi</html>', { status: 200, headers: { 'content-type': 'text/html' } }),
    () => new Response('{"code":"no-such-code"}', { status: 400 }),
    () => new Response('', { status: 502 }),
  ];
  for (const answer of strange) {
    world.control.middle = ({ url }, on) => (url.pathname === '/v1/faucet' ? Promise.resolve(answer()) : on());
    await expect(wallet.topUp({ amountMicro: 7n })).rejects.toMatchObject({
      code: expect.stringMatching(/broker-un(reachable|trusted)/),
    });
  }
  world.control.middle = (_, on) => on();
  expect(await wallet.topUp({ amountMicro: 7n })).toMatchObject({ state: 'paid' });
  expect((await wallet.balance({ refresh: true })).totalMicro).toBe(1_000_007n);
});
