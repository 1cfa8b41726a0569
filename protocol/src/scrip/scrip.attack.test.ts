// Named for the attacks of the Millicent profile: overminting, foreign claims, forged change, refunds paid twice.
import { describe, expect, it } from 'vitest';
import { makeChallenge, PaymentProblem, readRequest, signObject, toBase64url } from '../index.ts';
import { seeded, seededEnv } from '../testing/index.ts';
import { issue, type LicenceRow, type RootRow, redeem, refund, residue } from './broker.ts';
import { scripFixture } from './fixture.ts';
import { type ScripKeys, scripVendor } from './vendor.ts';
import { releaseBody, type ScripPiece, scripWallet } from './wallet.ts';
import { BEARER, certify, customerSecret, type Licence, type Release } from './wire.ts';

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const WINDOW = 7 * DAY + 60_000;
const env = seededEnv(seeded(7), NOW);
const world = scripFixture.world({ vendors: 2, buyers: ['alice'], funds: 10n ** 9n, env });
const first = <T>(list: readonly T[]): T => {
  const [item] = list;
  if (item === undefined) throw new Error('empty');
  return item;
};
const { keys, vnd } = first(world.vendors);
const buy = (value: bigint) => world.broker.buy('alice', vnd, value, env);
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof PaymentProblem) return error.code;
    throw error;
  }
};
let serial = 0n;
function spend(piece: ScripPiece, amount: bigint, at: ScripKeys = keys, nowMs = NOW) {
  const price = { amount, currency: 'usd-micro' as const };
  const methodDetails = scripVendor.details(at, price, env) ?? {};
  const challenge = makeChallenge(
    {
      realm: vnd,
      method: 'scrip',
      intent: 'charge',
      request: { ...price, recipient: vnd, methodDetails },
      expiresAtMs: NOW + 60_000,
      scope: { s: 'x', n: String(++serial) },
    },
    [new Uint8Array(32)],
    env.crypto,
  );
  const request = readRequest(challenge);
  if (!request) throw new Error('unreadable');
  const input = { challenge, request, target: 'GET /x', digest: '' };
  const payload = scripWallet.pay(piece, input, env);
  return scripVendor.verify({ ...input, payload, price }, at, { ...env, nowMs, serial });
}
const masterOf = (kid: string) => {
  const master = keys.master.get(kid);
  if (!master) throw new Error(`no ${kid}`);
  return master;
};

describe('B22: making scrip without the right to', () => {
  const piece = buy(1000n);
  /** What somebody with the licence's secrets can make: genuine MACs, any serial and value. */
  const minted = (over: { id?: string; val?: string }): ScripPiece => {
    const id = over.id ?? 'k1.777';
    const { mac: _, ...scrip } = { ...piece.scrip, id, root: id, val: over.val ?? '1000' };
    const csec = Buffer.from(customerSecret(scrip.cid, masterOf('k1').customer, env.crypto)).toString('base64url');
    return { scrip: certify(scrip, masterOf('k1').scrip, env.crypto), csec, brk: 'b1' };
  };
  it('a serial outside of the licence is refused', () => {
    expect(codeOf(() => spend(minted({ id: 'k1.1000001' }), 10n))).toBe('licence-exceeded');
    expect(codeOf(() => spend(minted({ id: 'k1.0' }), 10n))).toBe('licence-exceeded');
    expect(codeOf(() => spend(minted({}), 10n))).toBe('accepted');
  });
  it('a face above maxVal is refused', () => {
    const small: Licence = { ...first([...keys.licences.values()]), maxVal: '999' };
    expect(codeOf(() => spend(piece, 10n, { ...keys, licences: new Map([['k1', small]]) }))).toBe('licence-exceeded');
  });
  it('every first use counts its face against the ceiling, change does not count again', () => {
    const verified = spend(piece, 10n);
    expect(verified.tallies).toEqual([
      { key: 'scrip-licence:k1', add: 1000n, limit: 10n ** 18n, code: 'licence-exceeded' },
    ]);
    const change = { ...piece, scrip: verified.details['change'] as unknown as ScripPiece['scrip'] };
    expect(spend(change, 10n).tallies).toEqual([]);
  });
  it('change of the vendor’s own key id cannot pose as a root', () => {
    const { mac: _, ...scrip } = { ...piece.scrip, id: 'v1.5', root: 'v1.5' };
    const forged = { ...piece, scrip: certify(scrip, masterOf('v1').scrip, env.crypto) };
    expect(codeOf(() => spend(forged, 10n))).toBe('licence-exceeded');
  });
  it('the MAC of one key id is worthless under another', () => {
    const { mac: _, ...scrip } = piece.scrip;
    expect(codeOf(() => spend({ ...piece, scrip: certify(scrip, masterOf('v1').scrip, env.crypto) }, 10n))).toBe(
      'scrip-forged',
    );
  });
});

describe('key rotation by key id', () => {
  const piece = buy(1000n);
  it('scrip of a key id that is retired is foreign, of one that is kept is good', () => {
    const rotated = new Map([...keys.master, ['v2', { scrip: env.random(32), customer: env.random(32) }] as const]);
    expect(spend(piece, 10n, { ...keys, master: rotated, changeKid: 'v2' }).details['change']).toMatchObject({
      id: expect.stringMatching(/^v2\./),
    });
    rotated.delete('k1');
    expect(codeOf(() => spend(piece, 10n, { ...keys, master: rotated, changeKid: 'v2' }))).toBe('scrip-foreign');
  });
  it('a new secret under the same key id refuses what the old one made', () => {
    const swapped = new Map([...keys.master, ['k1', { scrip: env.random(32), customer: env.random(32) }] as const]);
    expect(codeOf(() => spend(piece, 10n, { ...keys, master: swapped }))).toBe('scrip-forged');
  });
});

describe('theft of scrip', () => {
  const piece = buy(1000n);
  const thief = { ...piece, csec: Buffer.alloc(32, 1).toString('base64url') };
  it('scrip without its customer secret pays nothing and is not released', () => {
    expect(codeOf(() => spend(thief, 10n))).toBe('scrip-forged');
    expect(
      codeOf(() =>
        scripVendor.services['scrip/release']?.(releaseBody(thief, 'A'.repeat(43), env) as never, keys, env),
      ),
    ).toBe('scrip-forged');
  });
  it('bearer scrip needs no proof, and only the maker can make it so', () => {
    const { mac: _, ...rest } = piece.scrip;
    const bearer = { ...piece, scrip: certify({ ...rest, props: BEARER }, masterOf('k1').scrip, env.crypto) };
    const { csec: _secret, ...handedOver } = bearer;
    expect(codeOf(() => spend(handedOver, 10n))).toBe('accepted');
    expect(codeOf(() => spend({ ...handedOver, scrip: { ...piece.scrip, props: BEARER } }, 10n))).toBe('scrip-forged');
  });
  it('a release names who may cash it, and another name does not verify', () => {
    const body = releaseBody(piece, 'A'.repeat(43), env);
    const service = scripVendor.services['scrip/release'];
    expect(codeOf(() => service?.({ ...body, to: `${'A'.repeat(42)}E` }, keys, env))).toBe('scrip-forged');
    expect(codeOf(() => service?.(body, keys, env))).toBe('accepted');
    expect(codeOf(() => service?.({ ...body, extra: 1 }, keys, env))).toBe('payload-invalid');
  });
});

describe('the broker pays what it sold, once, up to its face', () => {
  const licence: Licence = {
    ...first([...keys.licences.values()]),
    first: 1,
    last: 3,
    ceiling: '2500',
    maxVal: '1000',
    feeBps: 1000,
  };
  const row: LicenceRow = { licence, secrets: masterOf('k1'), next: 1, sold: 0n };
  const order = { val: 1000n, count: 1, ttlMs: DAY, bearer: false, buyer: 'alice' };
  const root = first(issue(row, order, env).roots);
  const claim = (root: RootRow | undefined, cum: bigint, nowMs = NOW, by = vnd) =>
    redeem(root, { vnd: by, cum }, nowMs);

  it('a licence ends with its ceiling, its serials and its time', () => {
    expect(codeOf(() => issue(row, { ...order, count: 2 }, env))).toBe('accepted');
    expect(codeOf(() => issue(row, { ...order, count: 3 }, env))).toBe('licence-used-up');
    expect(codeOf(() => issue({ ...row, next: 4 }, order, env))).toBe('licence-used-up');
    expect(codeOf(() => issue(row, order, { ...env, nowMs: licence.exp * 1000 }))).toBe('licence-missing');
    expect(codeOf(() => issue(row, { ...order, val: 1001n }, env))).toBe('request-malformed');
    expect(codeOf(() => issue(row, { ...order, count: 0 }, env))).toBe('request-malformed');
  });
  it('1,000 self-minted roots are worth nothing and raise an alarm each', () => {
    for (let i = 0; i < 1000; i++) expect(claim(undefined, 1000n)).toMatchObject({ credit: 0n, alarm: 'unknown-root' });
  });
  it('another vendor’s root is not paid', () =>
    expect(claim(root, 10n, NOW, 'site1.example')).toMatchObject({ credit: 0n, alarm: 'foreign-root' }));
  it('claims are totals: a repeat credits nothing, a smaller one raises an alarm', () => {
    const once = claim(root, 400n);
    expect(once).toMatchObject({ credit: 360n, fee: 40n });
    expect(claim(once.root, 400n)).toMatchObject({ credit: 0n, fee: 0n });
    expect(claim(once.root, 399n)).toMatchObject({ credit: 0n, alarm: 'falling' });
  });
  it('above the face only the face is paid', () =>
    expect(claim(root, 5000n)).toMatchObject({
      credit: 900n,
      fee: 100n,
      alarm: 'over-face',
      root: { credited: 1000n },
    }));
  it('after the claim window nothing is paid, and the rest returns once', () => {
    const late = root.expiresAtMs + WINDOW + 1;
    expect(claim(root, 10n, late)).toMatchObject({ credit: 0n, alarm: 'late' });
    expect(residue(root, late - 1)).toBeUndefined();
    const back = residue({ ...root, credited: 400n }, late);
    expect(back?.credit).toBe(600n);
    expect(back && residue(back.root, late)).toBeUndefined();
  });
  it('cutting a claim into small ones saves no fee', () => {
    let current: RootRow | undefined = root;
    let credit = 0n;
    let fee = 0n;
    for (let cum = 1n; cum <= 1000n; cum++) {
      const step = claim(current, cum);
      current = step.root;
      credit += step.credit;
      fee += step.fee;
    }
    expect([credit, fee]).toEqual([900n, 100n]);
  });

  const vendorKey = toBase64url(env.crypto.publicKey(keys.seed));
  const signedBy = (of: string, left: string): Release => {
    const release = { typ: 'release/1' as const, vnd, root: of, left, to: 'A'.repeat(43), at: 1 };
    return { ...release, sig: signObject(release, keys.seed, env.crypto) };
  };
  it('a release that the vendor did not sign pays nothing', () =>
    expect(codeOf(() => refund(root, { ...signedBy(root.root, '1000'), left: '999' }, vendorKey, env))).toBe(
      'release-invalid',
    ));
  it('a release pays once, and claims then reach only the rest', () => {
    const back = refund(root, signedBy(root.root, '600'), vendorKey, env);
    expect(back.credit).toBe(600n);
    expect(codeOf(() => refund(back.root, signedBy(root.root, '600'), vendorKey, env))).toBe('release-used');
    expect(claim(back.root, 1000n)).toMatchObject({ credit: 360n, alarm: 'over-face' });
  });
  it('no more is released than the piece was worth and was not claimed', () => {
    expect(codeOf(() => refund(root, signedBy(root.root, '1001'), vendorKey, env))).toBe('release-invalid');
    expect(codeOf(() => refund({ ...root, credited: 500n }, signedBy(root.root, '501'), vendorKey, env))).toBe(
      'release-invalid',
    );
    expect(codeOf(() => refund(undefined, signedBy(root.root, '1'), vendorKey, env))).toBe('release-invalid');
  });
});
