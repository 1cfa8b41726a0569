// Attacks on a wallet's password: guessing, many guesses at once, a kill at any moment, altered storage, what is left on disk.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@farthing/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MemoryStore } from './memory-store.ts';
import { SqliteStore } from './node/sqlite-store.ts';
import type { WalletStore } from './ports.ts';
import { AUTO, drift, visit } from './testing/customer.ts';
import { killer } from './testing/killer.ts';
import { codeOf, quickStretch } from './testing/mint.ts';
import { makeWorld, type World } from './testing/world.ts';
import { Wallet } from './wallet.ts';

const PASSWORD = 'correct horse battery';
const OTHER = 'another horse';

let world: World;
let dir: string;
beforeEach(() => {
  world = makeWorld();
  dir = mkdtempSync(join(tmpdir(), 'farthing-password-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const open = (store: WalletStore, guess = quickStretch): Promise<Wallet> =>
  Wallet.open({ store, fetch: world.fetch, env: world.env, stretch: guess });

async function begin(store: WalletStore = new MemoryStore()) {
  const wallet = await open(store);
  await wallet.init({ brokerUrl: world.broker.url });
  await wallet.topUp({ amountMicro: 1_000_000n });
  return { wallet, store, phrase: (await wallet.phrase()).phrase };
}

const accountOf = async (store: WalletStore) => JSON.stringify(await store.read(['account']));

test('a wrong password changes nothing, whatever it is asked for', async () => {
  const { wallet, store, phrase } = await begin();
  await wallet.password.set(PASSWORD);
  const before = await accountOf(store);
  const thief = await open(store);
  expect(await codeOf(thief.password.unlock(OTHER))).toBe('password-wrong');
  expect(await codeOf(thief.password.change({ from: OTHER, to: 'mine at last' }))).toBe('password-wrong');
  expect(await codeOf(thief.password.remove(OTHER))).toBe('password-wrong');
  expect(await codeOf(thief.password.set('mine at last'))).toBe('wallet-locked');
  expect(await codeOf(wallet.password.set('mine at last'))).toBe('password-wrong');
  expect(await codeOf(wallet.password.change({ from: PASSWORD, to: 'short' }))).toBe('password-weak');
  expect(thief.password.state()).toEqual({ set: true, locked: true });
  expect(await accountOf(store)).toBe(before);
  await thief.password.unlock(PASSWORD);
  expect((await thief.phrase()).phrase).toBe(phrase);
});

test('after five wrong ones the wallet makes one wait, longer each time, and the right one ends it', async () => {
  const { wallet, store } = await begin();
  await wallet.password.set(PASSWORD);
  const thief = await open(store);
  for (let n = 0; n < limits.passwordTries; n++)
    expect(await codeOf(thief.password.unlock(OTHER))).toBe('password-wrong');
  for (const seconds of [30, 60, 120, 240, 480, 900, 900]) {
    await expect(thief.password.unlock(PASSWORD)).rejects.toMatchObject({
      code: 'rate-limit',
      extra: { retryAfter: seconds },
    });
    world.clock.nowMs += seconds * 1000;
    expect(await codeOf(thief.password.unlock(OTHER))).toBe('password-wrong');
  }
  world.clock.nowMs += 900_000;
  await thief.password.unlock(PASSWORD);
  expect(await codeOf((await open(store)).password.unlock(OTHER))).toBe('password-wrong');
});

test('many guesses at once, and guesses that are killed in the middle, are counted like others', async () => {
  const { wallet, store } = await begin();
  await wallet.password.set(PASSWORD);
  let guesses = 0;
  const thief = await open(store, async (...args) => {
    guesses++;
    return quickStretch(...args);
  });
  const codes = await Promise.all(
    Array.from({ length: 40 }, (_, n) => codeOf(thief.password.unlock(`guess number ${n}`))),
  );
  expect([guesses, codes.filter((code) => code === 'rate-limit').length]).toEqual([limits.passwordTries, 35]);
  world.clock.nowMs += limits.passwordWaitMs;
  const killed = await open(store, () => Promise.reject(new Error('killed')));
  expect(await codeOf(killed.password.unlock(PASSWORD))).toContain('killed');
  expect(await codeOf(thief.password.unlock(PASSWORD))).toBe('rate-limit');
});

test('a clock that is set back neither opens the wallet nor shuts it for good', async () => {
  const { wallet, store } = await begin();
  await wallet.password.set(PASSWORD);
  const thief = await open(store);
  for (let n = 0; n < limits.passwordTries; n++) await codeOf(thief.password.unlock(OTHER));
  world.clock.nowMs += -86_400_000;
  await expect(thief.password.unlock(OTHER)).rejects.toMatchObject({ extra: { retryAfter: 30 } });
  world.clock.nowMs += 86_400_000 + limits.passwordWaitMs;
  await thief.password.unlock(PASSWORD);
});

test.each(['before', 'after'] as const)(
  'killed %s every wait while a password is set, changed and removed, nothing is lost and one password opens',
  async (when) => {
    let points = 0;
    for (let at = 1; ; at++) {
      const { store, phrase } = await begin();
      const { guard, isDead } = killer(at, when);
      const mortal: WalletStore = {
        read: (keys) => guard(() => store.read(keys)),
        update: (keys, change) => guard(() => store.update(keys, change)),
        list: (prefix, options) => guard(() => store.list(prefix, options)),
      };
      await (async () => {
        const wallet = await open(mortal, (...args) => guard(() => quickStretch(...args)));
        await wallet.password.set(PASSWORD);
        await wallet.password.change({ from: PASSWORD, to: OTHER });
        await wallet.password.remove(OTHER);
      })().catch(() => undefined);
      const after = await open(store);
      const opens: string[] = [];
      if (after.password.state().locked) {
        for (const password of [PASSWORD, OTHER]) {
          if ((await codeOf(after.password.unlock(password))) === 'done') opens.push(password);
        }
        expect([at, opens.length]).toEqual([at, 1]);
      }
      expect([at, (await after.phrase()).phrase]).toEqual([at, phrase]);
      await after.topUp({ amountMicro: 1n });
      if (!isDead()) break;
      points++;
    }
    expect(points).toBeGreaterThan(10);
  },
);

test('an altered header, a seal of another wallet, and cheaper work open nothing', async () => {
  const { wallet, store } = await begin();
  await wallet.password.set(PASSWORD);
  const [doc] = (await store.read(['account'])) as [{ id: string; sealed: Record<string, string> }];
  const other = await begin();
  await other.wallet.password.set(PASSWORD);
  const [foreign] = (await other.store.read(['account'])) as [typeof doc];
  const salt = Buffer.alloc(16).toString('base64url');
  const altered = [
    [{ ...doc, id: foreign.id }, 'password-wrong'],
    [{ ...doc, sealed: foreign.sealed }, 'password-wrong'],
    [{ ...doc, sealed: { ...doc.sealed, salt } }, 'password-wrong'],
    [{ ...doc, sealed: { ...doc.sealed, salt: 'AA' } }, 'storage-fault'],
    [{ ...doc, sealed: { ...doc.sealed, kdf: 'none' } }, 'storage-fault'],
    [{ ...doc, sealed: { ...doc.sealed, box: '' } }, 'password-wrong'],
    [{ id: doc.id }, 'storage-fault'],
  ] as const;
  for (const [account, code] of altered) {
    const copy = new MemoryStore();
    await copy.update(['account'], () => ({ put: { account }, result: undefined }));
    expect(await codeOf(open(copy).then((thief) => thief.password.unlock(PASSWORD)))).toBe(code);
  }
});

test('two programs that set a password at once leave one of the two in force', async () => {
  const { store, phrase } = await begin();
  const [one, two] = [await open(store), await open(store)];
  const codes = await Promise.all([codeOf(one.password.set(PASSWORD)), codeOf(two.password.set(OTHER))]);
  expect([...codes].sort()).toEqual(['done', 'password-wrong']);
  const after = await open(store);
  await after.password.unlock(codes[0] === 'done' ? PASSWORD : OTHER);
  expect((await after.phrase()).phrase).toBe(phrase);
});

test('no word and no key is left in the files of a wallet, neither of a new one nor of one with a history', async () => {
  const store = new SqliteStore(join(dir, 'wallet.db'));
  const { wallet, phrase } = await begin(store);
  const [account] = (await store.read(['account'])) as [{ seed: string }];
  const found = () => {
    const bytes = readdirSync(dir).map((name) => readFileSync(join(dir, name)).toString('latin1'));
    return [phrase, account.seed].map((secret) => bytes.some((text) => text.includes(secret)));
  };
  expect(found()).toEqual([true, true]);
  await wallet.password.set(PASSWORD);
  expect(found()).toEqual([false, false]);
  await wallet.password.change({ from: PASSWORD, to: OTHER });
  await wallet.topUp({ amountMicro: 5n });
  expect(found()).toEqual([false, false]);
  store.close();
});

test('a locked wallet pays with what it holds at a site, within the rules, and buys no more', async () => {
  const news = world.addSite('news.example');
  const { wallet, store } = await begin();
  await wallet.setRule(news.origin, AUTO);
  await visit(world, wallet, 'https://news.example/article/1');
  await wallet.password.set(PASSWORD);
  const locked = await open(store);
  let pages = 1;
  const codes = new Set<string>();
  for (; pages < 100; pages++) {
    const code = await codeOf(visit(world, locked, `https://news.example/article/${pages + 1}`));
    codes.add(code);
    if (code !== 'done') break;
  }
  expect([...codes]).toEqual(['done', 'wallet-locked']);
  expect(pages).toBeGreaterThan(5);
  expect(await drift(locked)).toBe(0n);
  expect(news.state.earned).toBe(BigInt(pages) * 1500n);
  await locked.password.unlock(PASSWORD);
  expect((await visit(world, locked, `https://news.example/article/${pages + 1}`)).settled.outcome).toBe('paid');
});
