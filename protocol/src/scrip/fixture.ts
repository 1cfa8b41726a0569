// Scrip's small world for the conformance suite and the simulation: licensed vendors and a broker with books in memory.
import { toBase64url, utf8 } from '../core/bytes.ts';
import type { Env } from '../core/crypto.ts';
import { CURRENCY, type FixtureBroker, type FixtureWorld, type MethodFixture } from '../testing/fixture.ts';
import { issue, type LicenceRow, type RootRow, redeem, refund } from './broker.ts';
import { type ScripKeys, scripVendor } from './vendor.ts';
import { releaseBody, type ScripPiece, scripWallet } from './wallet.ts';
import type { Licence, Release } from './wire.ts';

const BRK = 'b1';
const AMOUNT_MAX = 10n ** 18n;
/** Accounts of customers are keys on the wire; in the books of this world they are names. */
const accountOf = (name: string, env: Env) => toBase64url(env.crypto.sha256(utf8(name)));

export const scripFixture: MethodFixture<ScripKeys, ScripPiece> = { vendor: scripVendor, wallet: scripWallet, world };

function world({
  vendors,
  buyers,
  funds,
  env,
}: Parameters<typeof scripFixture.world>[0]): FixtureWorld<ScripKeys, ScripPiece> {
  const made = Array.from({ length: vendors }, (_, i) => makeVendor(`site${i}.example`, env));
  return {
    vendors: made.map(({ keys }) => ({ vnd: keys.vnd, keys })),
    broker: makeBroker(made, new Map(buyers.map((name) => [name, funds])), env),
    release: { service: 'scrip/release', body: (piece, to, now) => releaseBody(piece, accountOf(to, now), now) },
  };
}

function makeVendor(vnd: string, env: Env): { keys: ScripKeys; row: LicenceRow } {
  const at = Math.floor(env.nowMs / 1000);
  const licence: Licence = {
    typ: 'licence/1',
    vnd,
    brk: BRK,
    kid: 'k1',
    first: 1,
    last: 1_000_000,
    ceiling: AMOUNT_MAX.toString(),
    maxVal: AMOUNT_MAX.toString(),
    cur: CURRENCY,
    feeBps: 0,
    nbf: at - 60,
    exp: at + 86_400 * 365,
    sigs: { v: 'A'.repeat(86) },
  };
  const secrets = { scrip: env.random(32), customer: env.random(32) };
  const own = { scrip: env.random(32), customer: env.random(32) };
  const keys: ScripKeys = {
    vnd,
    api: '/farthing',
    seed: env.random(32),
    master: new Map([
      ['k1', secrets],
      ['v1', own],
    ]),
    licences: new Map([['k1', licence]]),
    changeKid: 'v1',
    brokers: [{ id: BRK, url: 'https://broker.example' }],
  };
  return { keys, row: { licence, secrets, next: 1, sold: 0n } };
}

function makeBroker(
  vendors: readonly { keys: ScripKeys; row: LicenceRow }[],
  balances: Map<string, bigint>,
  start: Env,
): FixtureBroker<ScripPiece> {
  const rows = new Map(vendors.map(({ keys, row }) => [keys.vnd, row]));
  const signers = new Map(vendors.map(({ keys }) => [keys.vnd, toBase64url(start.crypto.publicKey(keys.seed))]));
  const roots = new Map<string, RootRow>();
  const name = (vnd: string, root: string) => `${vnd} ${root}`;
  const total = [...balances.values()].reduce((sum, balance) => sum + balance, 0n);
  let float = 0n;
  const move = (account: string, amount: bigint) => {
    const balance = (balances.get(account) ?? 0n) + amount;
    if (balance < 0n) throw new Error(`${account} is overdrawn`);
    balances.set(account, balance);
    float -= amount;
  };
  return {
    buy(buyer, vnd, value, env) {
      const row = rows.get(vnd);
      if (!row) throw new Error(`no licence of ${vnd}`);
      const sold = issue(row, { val: value, count: 1, ttlMs: 86_400_000, bearer: false, buyer }, env);
      rows.set(vnd, sold.row);
      for (const root of sold.roots) roots.set(name(vnd, root.root), root);
      move(buyer, -value);
      const [piece] = sold.pieces;
      if (!piece) throw new Error('nothing was sold');
      return { ...piece, brk: BRK };
    },
    redeem(vnd, claims, env) {
      for (const [key, { total: cum }] of claims) {
        const { root, credit, alarm } = redeem(roots.get(name(vnd, key)), { vnd, cum }, env.nowMs);
        if (alarm && alarm !== 'falling') throw new Error(`an honest claim raised ${alarm}`);
        if (root) roots.set(name(vnd, key), root);
        move(vnd, credit);
      }
    },
    cash(buyer, answer, env) {
      const { release } = answer as { release: Release };
      const key = name(release.vnd, release.root);
      const known = roots.get(key);
      if (known?.closed) return; // the broker's stored answer for a repeat
      if (release.to !== accountOf(buyer, env)) throw new Error('the release names another account');
      const { root, credit } = refund(known, release, signers.get(release.vnd) ?? '', env);
      roots.set(key, root);
      move(buyer, credit);
    },
    balance: (account) => balances.get(account) ?? 0n,
    checkLaws() {
      let outstanding = 0n;
      for (const { root, face, credited, refunded } of roots.values()) {
        const rest = face - credited - refunded;
        if (rest < 0n) throw new Error(`L2: ${root} paid out more than its face`);
        outstanding += rest;
      }
      const held = [...balances.values()].reduce((sum, balance) => sum + balance, 0n);
      if (held + float !== total) throw new Error('L1: the books do not sum to what was put in');
      if (outstanding !== float) throw new Error(`L2: float ${float}, outstanding ${outstanding}`);
    },
  };
}
